"""Bring a graph to the precision that was asked for, or to the best that holds."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Literal

import onnx
from edgecnn_runtime.errors import ModelFileError, OptionError

from edgecnn_export.int8.ladder import quantize_int8
from edgecnn_export.int8.quantized_model import QuantizedModel
from edgecnn_export.passes.half import to_half
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_export.verdict import Verdict, decide

__all__ = ["Chosen", "Demands", "Precision", "choose_precision"]

Precision = Literal["fp32", "fp16", "int8", "auto"]

Steps = Callable[[str], None]


@dataclass(frozen=True)
class Demands:
    """What a lower precision must hold to be written.

    Attributes:
        max_drop: Points of top-1 that may be lost against fp32 on the evaluation pictures.
        min_speedup: Times that it must be faster than fp32 on this machine.
        force: Write what was asked for even if it misses.
    """

    max_drop: float = 0.5
    min_speedup: float = 1.1
    force: bool = False


@dataclass(frozen=True)
class Chosen:
    """What came of it.

    Attributes:
        model: The graph to write, or None when what was asked for misses and was not forced.
        kind: `fp32`, `fp16` or `int8`.
        precision: What goes into the card under `precision`.
        verdict: The measurements, or None where fp32 was asked for and nothing had to be measured.
        quantized: The int8 network and its history, where one was made.
        evaluation: The pictures of the verdict.
    """

    model: onnx.ModelProto | None
    kind: str
    precision: dict[str, Any]
    verdict: Verdict | None = None
    quantized: QuantizedModel | None = None
    evaluation: PreparedPictures | None = None


def choose_precision(
    model: onnx.ModelProto,
    asked: Precision,
    *,
    calibration: PreparedPictures | None = None,
    evaluation: PreparedPictures | None = None,
    demands: Demands | None = None,
    steps: Steps = lambda _: None,
) -> Chosen:
    """Make the candidates, measure them on this machine, and choose.

    Args:
        model: The float network.
        asked: A precision, or `auto` for the fastest that holds.
        calibration: Real pictures; needed for `int8` and `auto`.
        evaluation: Pictures that calibration did not see; the calibration pictures serve where there are none.
        demands: What a lower precision must hold.
        steps: Called with the name of each step as it begins.

    Raises:
        OptionError: The pictures are missing.
        ModelFileError: The network cannot be brought to the precision.
    """
    demands = demands or Demands()
    if asked == "fp32":
        if any("QuantizeLinear" in node.op_type or node.op_type.startswith("QLinear") for node in model.graph.node):
            return Chosen(model, "int8", {"kind": "int8", "reason": "quantized before it came, kept as it is"})
        return Chosen(model, "fp32", {"kind": "fp32", "reason": "asked for"})
    if calibration is None and (asked != "fp16" or evaluation is None):
        option = "--evaluate" if asked == "fp16" else "--calibrate"
        raise OptionError(
            f"{asked} needs real pictures like those the model will see: give {option} a folder or data set with 100 "
            "or more of them. Random noise in their place would give a file that is wrong without a sign."
        )
    models = {"fp32": model}
    if asked in ("fp16", "auto"):
        steps("rounding to float16")
        models["fp16"] = to_half(model)
    quantized = None
    impossible: dict[str, str] = {}
    if asked in ("int8", "auto") and calibration is not None:
        try:
            quantized = quantize_int8(model, calibration, steps=steps)
            models["int8"] = quantized.model
        except ModelFileError as error:
            if asked == "int8":
                raise
            impossible["int8"] = str(error)
    judged_on = evaluation or _as_evaluation(calibration)
    steps("measuring accuracy and latency")
    verdict = decide(
        models,
        judged_on,
        asked=asked,
        max_drop=demands.max_drop,
        min_speedup=demands.min_speedup,
        force=demands.force,
    )
    verdict = replace(verdict, reasons={**verdict.reasons, **impossible})
    kind = verdict.chosen or asked
    document: dict[str, Any] = {"kind": kind}
    if kind == "int8" and quantized is not None:
        document = quantized.summary()
    document["reason"] = verdict.reasons[kind]
    document["asked"] = asked
    chosen = models[verdict.chosen] if verdict.chosen else None
    return Chosen(
        model=chosen, kind=kind, precision=document, verdict=verdict, quantized=quantized, evaluation=judged_on
    )


def _as_evaluation(calibration: PreparedPictures | None) -> PreparedPictures:
    if calibration is None:
        raise OptionError("there are no pictures to measure with; give --evaluate a folder or data set of real ones.")
    return replace(calibration, source=f"{calibration.source} (the calibration pictures)")
