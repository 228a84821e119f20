"""The one way from a float network to a precision: build the candidates, measure, decide, keep the evidence."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import onnx
from edgecnn_runtime.errors import ModelFileError, OptionError

from edgecnn_export.calibrate import ENOUGH_PICTURES, CalibrationSet
from edgecnn_export.half import to_half
from edgecnn_export.latency import layer_times
from edgecnn_export.report import render_report
from edgecnn_export.search import QuantizedModel, quantize_int8
from edgecnn_export.verdict import Verdict, decide

__all__ = ["Asked", "Choice", "choose_precision"]

Asked = Literal["auto", "fp32", "fp16", "int8"]


@dataclass(frozen=True)
class Choice:
    """A network at its precision, with the evidence.

    Attributes:
        model: the network to write.
        precision: for the card's `precision`: `kind` and how it was chosen.
        measured: for the card's `measured`.
        verdict: what was measured and decided.
        evaluation: the pictures it was decided on.
        quantized: the int8 network and its history, when one was built.
    """

    model: onnx.ModelProto
    precision: dict[str, Any]
    measured: dict[str, Any]
    verdict: Verdict
    evaluation: CalibrationSet
    quantized: QuantizedModel | None

    def report(self, name: str, labels: Sequence[str] = ()) -> str:
        """Return the self-contained HTML report; `labels` are the class names by index."""
        times = layer_times(self.quantized.model) if self.quantized is not None else {}
        return render_report(
            name,
            self.verdict,
            self.evaluation,
            quantized=self.quantized,
            labels=labels,
            answers={kind: m.answers for kind, m in self.verdict.measured.items()},
            layer_ms=times,
        )


def choose_precision(
    model: onnx.ModelProto,
    *,
    asked: Asked,
    calibration: CalibrationSet | None = None,
    evaluation: CalibrationSet | None = None,
    max_drop: float = 0.5,
    min_speedup: float = 1.1,
    force: bool = False,
    progress: Callable[[str], None] | None = None,
) -> Choice:
    """Bring a float network to the precision that was asked for, or to the best that holds.

    Args:
        model: float32 network, uint8 `pixels` in, float32 `logits` out.
        asked: a precision, or `auto` for the fastest that holds.
        calibration: pictures for int8; needed for `int8` and `auto`.
        evaluation: pictures the verdict is made on; without them those that the ladder held back from calibration.
        max_drop: points of top-1 that may be lost.
        min_speedup: times that a lower precision must be faster than fp32 on this machine. fp16 is for GPUs: asked for
        by
            name, it is judged by its accuracy alone.
        force: write what was asked for even if it misses.
        progress: called with the name of each step.

    Raises:
        OptionError: no calibration pictures where they are needed, or no picture to decide on.
        ModelFileError: what was asked for misses and was not forced, or the network cannot be brought there.
    """
    say = progress or (lambda _: None)
    if asked in {"auto", "int8"} and calibration is None:
        raise OptionError(
            f"--precision {asked} came without --calibrate; give a folder or data set of at least {ENOUGH_PICTURES} "
            "real "
            "pictures like those the model will see, better 256 of all classes"
        )
    quantized: QuantizedModel | None = None
    candidates: dict[str, onnx.ModelProto] = {"fp32": model}
    if asked in {"auto", "fp16"}:
        candidates["fp16"] = to_half(model)
    if calibration is not None and asked in {"auto", "int8"}:
        quantized = quantize_int8(model, calibration, progress=say)
        candidates["int8"] = quantized.model
    pictures = evaluation or (quantized.held_back if quantized is not None else calibration)
    if pictures is None:
        raise OptionError(f"--precision {asked} came without pictures to judge it on; give --evaluate or --calibrate")
    say("verdict")
    verdict = decide(
        candidates,
        pictures,
        asked=asked,
        max_drop=max_drop,
        min_speedup=0.0 if asked == "fp16" else min_speedup,
        force=force,
    )
    if verdict.chosen is None:
        raise ModelFileError(
            f"{asked} misses: {verdict.reasons[asked]}; nothing was written: use --precision auto for the best that "
            "holds, "
            "--force to write it all the same, or other limits with --max-drop and --min-speedup"
        )
    return Choice(
        model=candidates[verdict.chosen],
        precision=_precision(verdict, quantized),
        measured=verdict.summary(),
        verdict=verdict,
        evaluation=pictures,
        quantized=quantized,
    )


def _precision(verdict: Verdict, quantized: QuantizedModel | None) -> dict[str, Any]:
    kind = verdict.chosen or "fp32"
    detail = quantized.summary() if quantized is not None and kind == "int8" else {"kind": kind}
    return {**detail, "asked": verdict.asked, "reason": "; ".join(f"{k}: {v}" for k, v in verdict.reasons.items())}
