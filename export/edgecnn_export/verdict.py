"""Decide between fp32, fp16 and int8 by measurement on this machine, and say why."""

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import onnx
import onnxruntime as ort
from edgecnn_runtime.errors import OptionError

from edgecnn_export.decision import Thresholds, decision_sentence
from edgecnn_export.latency import CPU
from edgecnn_export.measured import Measured, measure_precisions
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["Verdict", "decide"]

MAX_FLIPS = 3.0
"""Points of flipped labels that pass when the pictures have no labels, so that a drop cannot be measured."""


@dataclass(frozen=True)
class Verdict:
    """What was decided, and why.

    Attributes:
        asked: `auto`, `fp32`, `fp16` or `int8`.
        chosen: The precision to write, or None when what was asked for misses and was not forced.
        reasons: A sentence for each precision.
        measured: Figures of each precision, by name.
        source: Pictures it was measured on.
        machine: Processor, ONNX Runtime's version, provider.
        thresholds: What was demanded.
    """

    asked: str
    chosen: str | None
    reasons: dict[str, str]
    measured: dict[str, Measured]
    source: str
    machine: str
    thresholds: Thresholds

    @property
    def decision(self) -> str:
        """What to ship and why, with thresholds and doubt, in one sentence."""
        return decision_sentence(
            asked=self.asked,
            chosen=self.chosen,
            measured=self.measured,
            reasons=self.reasons,
            thresholds=self.thresholds,
        )

    def summary(self) -> dict[str, Any]:
        """What belongs into the model file's card under `measured`, ready for JSON."""
        rows = {name: measured.summary() for name, measured in self.measured.items()}
        return {
            "source": self.source,
            "machine": self.machine,
            "reasons": self.reasons,
            "decision": self.decision,
            "precisions": rows,
        }

    def lines(self) -> list[str]:
        """The short report for a terminal."""
        found = [f"measured on {self.source}, {self.machine}"]
        for name, m in self.measured.items():
            accuracy = "" if m.top1 is None else f"top-1 {m.top1:.2%}, "
            found.append(
                f"{name}: {accuracy}{len(m.flipped)} of {m.pictures} labels flipped, {m.latency.median_ms:.2f} ms, "
                f"{m.speedup:.2f}x, {m.size_bytes / 1e6:.2f} MB: {self.reasons[name]}"
            )
        return [*found, self.decision]


def decide(
    models: Mapping[str, onnx.ModelProto],
    evaluation: PreparedPictures,
    *,
    asked: str = "auto",
    max_drop: float = 0.5,
    min_speedup: float = 1.1,
    force: bool = False,
    rounds: int = 30,
) -> Verdict:
    """Measure `models` on the same pictures and choose one.

    Args:
        models: `fp32` and any of `fp16`, `int8`, by name.
        evaluation: Pictures that calibration did not see; with labels the drop of top-1 decides, without them the
            share of flipped labels.
        asked: A precision, or `auto` for the fastest that holds.
        max_drop: Points of top-1 that may be lost.
        min_speedup: Times that a lower precision must be faster than fp32.
        force: Choose what was asked for even if it misses.
        rounds: Latency runs of each.

    Raises:
        OptionError: `fp32` is missing, or `asked` is none of the models.
    """
    if "fp32" not in models:
        raise OptionError(
            f"the verdict compares with fp32, but got only {', '.join(models)}; give the fp32 network as well"
        )
    if asked != "auto" and asked not in models:
        raise OptionError(
            f"precision {asked!r} was asked for, but only {', '.join(models)} were built; choose one of them"
        )
    if max_drop < 0 or min_speedup < 0:
        raise OptionError(
            f"--max-drop {max_drop} and --min-speedup {min_speedup} came; expected points and a factor, neither below 0"
        )
    measured = measure_precisions(models, evaluation, rounds=rounds)
    reasons = {"fp32": "the baseline"}
    holds = {"fp32": True}
    for name in models:
        if name != "fp32":
            # fp16 is for GPUs: asked for here, on a CPU that computes it in float32, it is judged by accuracy alone.
            meant_elsewhere = name == asked == "fp16"
            misses = _misses(measured[name], max_drop, 0.0 if meant_elsewhere else min_speedup)
            holds[name] = not misses
            reasons[name] = "; ".join(misses) if misses else "holds"
    chosen: str | None
    if asked == "auto":
        fitting = [name for name in models if holds[name]]
        chosen = min(fitting, key=lambda name: measured[name].latency.median_ms if name != "fp32" else math.inf)
    else:
        chosen = asked if holds[asked] or force else None
    return Verdict(
        asked=asked,
        chosen=chosen,
        reasons=reasons,
        measured=measured,
        source=evaluation.source,
        machine=_machine(),
        thresholds=Thresholds(max_drop, MAX_FLIPS, min_speedup),
    )


def _misses(m: Measured, max_drop: float, min_speedup: float) -> list[str]:
    found = []
    if not m.finite:
        found.append("logits are not finite")
    if m.drop is not None and m.drop_interval is not None and m.drop > max_drop:
        low, high = m.drop_interval
        found.append(f"top-1 falls by {m.drop:.2f} points ({low:.2f} to {high:.2f}), more than {max_drop:g}")
    flips = 100 * len(m.flipped) / m.pictures
    if m.drop is None and flips > MAX_FLIPS:
        found.append(
            f"{flips:.1f} % of the labels flip, more than {MAX_FLIPS:g} (no true labels to measure accuracy with)"
        )
    if m.speedup < min_speedup:
        found.append(f"{m.speedup:.2f} times as fast as fp32, less than {min_speedup:g}")
    return found


def _machine() -> str:
    name = platform.processor() or platform.machine()
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            name = next((x.split(":", 1)[1].strip() for x in file if x.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, onnxruntime {ort.__version__}, {CPU}"
