"""Decide between fp32, fp16 and int8 by measurement on this machine, and say why."""

import math
import platform
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_runtime.errors import OptionError
from numpy.typing import NDArray

from edgecnn_export.latency import Latency, measure_latencies
from edgecnn_export.prepared import PreparedPictures

__all__ = ["Measured", "Verdict", "decide", "paired_drop", "wilson_interval"]

Kind = Literal["fp32", "fp16", "int8"]

MAX_FLIPS = 3.0
"""Points of flipped labels that pass when the pictures have no labels, so that a drop cannot be measured."""
Z = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True)
class Measured:
    """One precision, measured.

    Attributes:
        precision: `fp32`, `fp16` or `int8`.
        size_bytes: of the network in its file.
        latency: for one picture.
        speedup: fp32's median over this one's.
        top1: share of right labels, or None where the pictures have none.
        drop: points of top-1 lost against fp32 on the same pictures, or None.
        drop_interval: 95 % interval of the drop in points, or None.
        flipped: indices of the pictures whose label differs from fp32's.
        pictures: pictures measured on.
        flip_interval: 95 % interval of the share of flipped labels, in points.
        finite: whether all logits are finite.
        answers: class index of each picture.
    """

    precision: str
    size_bytes: int
    latency: Latency
    speedup: float
    top1: float | None
    drop: float | None
    drop_interval: tuple[float, float] | None
    flipped: tuple[int, ...]
    pictures: int
    flip_interval: tuple[float, float]
    finite: bool
    answers: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Share of pictures with fp32's label, 0..1."""
        return 1 - len(self.flipped) / self.pictures


@dataclass(frozen=True)
class Verdict:
    """What was decided, and why.

    Attributes:
        asked: `auto`, `fp32`, `fp16` or `int8`.
        chosen: the precision to write, or None when what was asked for misses and was not forced.
        reasons: a sentence for each precision.
        measured: figures of each precision, by name.
        source: pictures it was measured on.
        machine: processor, ONNX Runtime's version, provider.
    """

    asked: str
    chosen: str | None
    reasons: dict[str, str]
    measured: dict[str, Measured]
    source: str
    machine: str

    def summary(self) -> dict[str, Any]:
        """Return what belongs into the model file's card under `measured`, ready for JSON."""
        rows = {}
        for name, m in self.measured.items():
            rows[name] = {
                "pictures": m.pictures,
                "top1": None if m.top1 is None else round(m.top1, 5),
                "agreement": round(m.agreement, 5),
                "flipped": len(m.flipped),
                "flip_interval_points": [round(x, 3) for x in m.flip_interval],
                "drop_points": None if m.drop is None else round(m.drop, 3),
                "drop_interval_points": None if m.drop_interval is None else [round(x, 3) for x in m.drop_interval],
                "latency_ms": round(m.latency.median_ms, 4),
                "speedup": round(m.speedup, 3),
                "graph_bytes": m.size_bytes,
            }
        return {"source": self.source, "machine": self.machine, "reasons": self.reasons, "precisions": rows}

    def lines(self) -> list[str]:
        """Return the short report for a terminal."""
        found = [f"measured on {self.source}, {self.machine}"]
        for name, m in self.measured.items():
            accuracy = "" if m.top1 is None else f"top-1 {m.top1:.2%}, "
            found.append(
                f"{name}: {accuracy}{len(m.flipped)} of {m.pictures} labels flipped, {m.latency.median_ms:.2f} ms, "
                f"{m.speedup:.2f}x, {m.size_bytes / 1e6:.2f} MB: {self.reasons[name]}"
            )
        return found


def decide(
    models: Mapping[str, onnx.ModelProto],
    evaluation: PreparedPictures,
    *,
    asked: str = "auto",
    max_drop: float = 0.5,
    min_speedup: float = 1.1,
    force: bool = False,
    provider: str = "CPUExecutionProvider",
    rounds: int = 30,
) -> Verdict:
    """Measure `models` on the same pictures and choose one.

    Args:
        models: `fp32` and any of `fp16`, `int8`, by name.
        evaluation: pictures that calibration did not see; with labels the drop of top-1 decides, without them the
        share of
            flipped labels.
        asked: a precision, or `auto` for the fastest that holds.
        max_drop: points of top-1 that may be lost.
        min_speedup: times that a lower precision must be faster than fp32.
        force: choose what was asked for even if it misses.
        provider: ONNX Runtime provider that latency is measured on; accuracy is measured there as well.
        rounds: latency runs of each.

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
    latencies = measure_latencies(models, provider=provider, rounds=rounds)
    logits = {name: _logits(model, evaluation, provider) for name, model in models.items()}
    measured = {name: _measure(name, models[name], latencies, logits, evaluation.labels) for name in models}
    reasons = {"fp32": "the yardstick"}
    holds = {"fp32": True}
    for name in models:
        if name != "fp32":
            # fp16 is for GPUs: asked for on a CPU, which computes it in float32, it is judged by accuracy alone.
            meant_elsewhere = name == asked == "fp16" and provider == "CPUExecutionProvider"
            misses = _misses(measured[name], max_drop, 0.0 if meant_elsewhere else min_speedup)
            holds[name] = not misses
            reasons[name] = "; ".join(misses) if misses else "holds"
    chosen: str | None
    if asked == "auto":
        fitting = [name for name in models if holds[name]]
        chosen = min(fitting, key=lambda name: latencies[name].median_ms if name != "fp32" else math.inf)
    else:
        chosen = asked if holds[asked] or force else None
    return Verdict(asked, chosen, reasons, measured, evaluation.source, _machine(provider))


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """Return the 95 % Wilson interval of `hits` in `count`, as shares 0..1."""
    share = hits / count
    center = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return max(0.0, center - half), min(1.0, center + half)


def paired_drop(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Return the points of accuracy lost from `before` to `after`, right or wrong by picture, and the 95 % interval.

    Only pictures on which the two differ count, so the interval is far narrower than that of each accuracy alone. Half
    a
    discordant picture is added to each side, so that no difference in few pictures is not taken for certainty.
    """
    count = len(before)
    lost = int((before & ~after).sum())
    won = int((~before & after).sum())
    drop = (lost - won) / count
    half = Z * math.sqrt(lost + won + 1 - (lost - won) ** 2 / count) / count
    return 100 * drop, (100 * (drop - half), 100 * (drop + half))


def _measure(
    name: str,
    model: onnx.ModelProto,
    latencies: dict[str, Latency],
    logits: dict[str, NDArray[np.float32]],
    labels: NDArray[np.int64] | None,
) -> Measured:
    reference, got = logits["fp32"].argmax(1), logits[name].argmax(1)
    flipped = np.flatnonzero(reference != got)
    low, high = wilson_interval(len(flipped), len(got))
    top1 = drop = interval = None
    if labels is not None:
        top1 = float((got == labels).mean())
        drop, interval = paired_drop(reference == labels, got == labels)
    return Measured(
        precision=name,
        size_bytes=model.ByteSize(),
        latency=latencies[name],
        speedup=latencies["fp32"].median_ms / latencies[name].median_ms,
        top1=top1,
        drop=drop,
        drop_interval=interval,
        flipped=tuple(int(i) for i in flipped),
        pictures=len(got),
        flip_interval=(100 * low, 100 * high),
        finite=bool(np.isfinite(logits[name]).all()),
        answers=tuple(int(i) for i in got),
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


def _logits(model: onnx.ModelProto, pictures: PreparedPictures, provider: str) -> NDArray[np.float32]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(model.SerializeToString(), options, providers=[provider])
    feed = session.get_inputs()[0].name
    return np.concatenate([session.run(["logits"], {feed: pixels})[0] for pixels in pictures.batches(8)])


def _machine(provider: str) -> str:
    name = platform.processor() or platform.machine()
    try:
        with Path("/proc/cpuinfo").open(encoding="utf-8") as file:
            name = next((x.split(":", 1)[1].strip() for x in file if x.startswith("model name")), name)
    except OSError:
        pass
    return f"{name}, onnxruntime {ort.__version__}, {provider}"
