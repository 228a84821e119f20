"""The ladder: from the plain int8 network up, each step kept only where it measures better than the one below."""

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import onnx
from edgecnn_runtime.errors import EdgecnnError, ModelFileError

from edgecnn_export.int8.equalize import equalize
from edgecnn_export.int8.histograms import METHODS, grids, observe_histograms
from edgecnn_export.int8.layer_table import layer_table
from edgecnn_export.int8.pixel_start import fold_normalization
from edgecnn_export.int8.quantize import refuse_unquantizable
from edgecnn_export.int8.quantized_model import QuantizedModel
from edgecnn_export.int8.ranges import observe_ranges
from edgecnn_export.int8.rounding import round_weights
from edgecnn_export.int8.saturation import can_saturate, forecast
from edgecnn_export.int8.trials import Candidate, Trials, reason_of
from edgecnn_export.int8.weighted_layers import float_layers, quantized_layers
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["quantize_int8"]

FORECAST = 32
ENOUGH_AGREEMENT = 0.97
"""Above this agreement on the held-out pictures no layer is put back into float: that costs latency."""
MOST_EXCLUDED = 3
QUIET = {"QuantizeLinear", "DequantizeLinear", "Transpose", "Cast", "Flatten", "Reshape", "Shape", "Constant"}


def quantize_int8(
    model: onnx.ModelProto, calibration: PreparedPictures, *, steps: Callable[[str], None] = lambda _: None
) -> QuantizedModel:
    """Climb the ladder to the best int8 network that gives the same answer with and without VNNI.

    Args:
        model: Float32 network, uint8 pixels `(N, H, W, 3)` in, float32 `logits` out, other outputs allowed.
        calibration: Real pictures; a quarter of them, at most 64, are held out to compare the steps.
        steps: Called with the name of each step as it begins.

    Raises:
        ModelFileError: The network is quantized already, has nothing to quantize, or a layer gives NaN.
    """
    refuse_unquantizable(model)
    try:
        return _climb(model, calibration, steps)
    except EdgecnnError:
        raise
    # What onnxruntime.quantization and numpy raise for operators and shapes that they were not made for.
    except Exception as error:
        raise ModelFileError(
            f"int8 cannot be made of this network ({reason_of(error)}); export it as fp32 or fp16"
        ) from error


def _climb(model: onnx.ModelProto, calibration: PreparedPictures, steps: Callable[[str], None]) -> QuantizedModel:
    steps("ranges of the tensors")
    trials = Trials(model, calibration, steps)
    if not np.isfinite(trials.wanted).all():
        observe_ranges(model, trials.fit)  # names the layer
        raise ModelFileError("the network's logits are NaN or infinite on a calibration picture; check its weights")
    ranges = observe_ranges(model, trials.fit)
    best = Candidate(model, ranges, grids(ranges, {}, "min-max"))
    trials.attempt("U8S8 per channel, min-max", best)
    corrected = replace(best, corrected=True)
    # Before the other steps: the shifts it takes out are larger than what they gain, and would hide it.
    if trials.attempt("bias correction", corrected):
        best = corrected
    best = _transform(trials, best)
    best = _choose_ranges(trials, best)
    best = _choose_rounding(trials, best)
    steps("saturation forecast")
    before = forecast(trials.best.model, trials.fit.take(FORECAST))
    best = _exclude(trials, _prevent_saturation(trials, best))
    trials.forget_covariances()  # they take some 75 MB that the next step needs
    steps("bias correction over all pictures for it")
    result = trials.build(best, final=True)
    after = forecast(result, trials.fit.take(FORECAST))
    steps("table of the layers")
    return QuantizedModel(
        model=result,
        steps=tuple(trials.steps),
        layers=layer_table(result, best.model, trials.held_out.take(8), before),
        forecast_before=before,
        forecast=after,
        excluded=tuple(sorted(best.excluded)),
        unquantized=_float_operators(result),
        held_out=trials.held_out,
        calibration={
            "source": calibration.source,
            "count": len(calibration),
            "sha256": calibration.digest,
            "warnings": list(calibration.warnings),
        },
    )


def _transform(trials: Trials, best: Candidate) -> Candidate:
    """Try what changes the float network without changing what it computes."""
    start = fold_normalization(best.model)
    if start is not None:
        present = {name for node in start.model.graph.node for name in node.output}
        folded = replace(
            best,
            model=start.model,
            zero_point=start.zero_point,
            ranges={k: v for k, v in best.ranges.items() if k in present},
            activations={k: v for k, v in best.activations.items() if k in present},
        )
        # It takes three operators over every pixel out of the file, a third of its time: kept unless it clearly loses.
        if trials.attempt("start from the pixels", folded, tolerance=1.1):
            best = folded
    equal = equalize(best.model, best.ranges)
    if equal.streams:
        activations = grids(equal.ranges, {}, "min-max")
        candidate = replace(best, model=equal.model, ranges=equal.ranges, activations=activations)
        if trials.attempt(f"cross-layer equalization of {equal.streams} streams", candidate):
            best = candidate
    return best


def _choose_ranges(trials: Trials, best: Candidate) -> Candidate:
    """Compare ways to choose the ranges by the error of the logits."""
    histograms = observe_histograms(best.model, best.ranges, trials.fit.take(48))
    for method in METHODS[1:]:
        candidate = replace(best, activations=grids(best.ranges, histograms, method))
        if trials.attempt(f"ranges by {method}", candidate):
            best = candidate
    whole = replace(best, per_channel=False)
    return whole if trials.attempt("weights per tensor", whole) else best


def _choose_rounding(trials: Trials, best: Candidate) -> Candidate:
    covariances = trials.covariances(best.model)
    trials.say("rounding of the weights")
    weights = {
        layer.weight_name: round_weights(layer, covariances.get(layer.name), safe=False, per_channel=best.per_channel)
        for layer in float_layers(best.model)
    }
    candidate = replace(best, weights=weights)
    return candidate if trials.attempt("weights rounded along the covariance", candidate) else best


def _prevent_saturation(trials: Trials, best: Candidate) -> Candidate:
    """Make saturation impossible in the layers whose weights allow it, in the way that loses least."""
    saturating = {layer.name for layer in quantized_layers(trials.best.model) if can_saturate(layer)}
    if not saturating:
        return best
    layers = [layer for layer in float_layers(best.model) if layer.name in saturating]
    covariances = trials.covariances(best.model) if best.weights else {}

    def rounded(*, along: bool = False, bits: int = 8) -> Candidate:
        safe = {
            layer.weight_name: round_weights(
                layer, covariances.get(layer.name) if along else None,
                safe=True, per_channel=best.per_channel, bits=bits,
            )
            for layer in layers
        }  # fmt: skip
        return replace(best, weights={**best.weights, **safe})

    candidates = {
        "saturating pairs of weights drawn in": rounded(),
        "7-bit weights in the saturating layers": rounded(bits=7),
    }
    if best.weights:
        trials.say("rounding of the saturating layers")
        candidates["saturating pairs drawn in along the covariance"] = rounded(along=True)
    measured = {name: trials.measure(name, candidate) for name, candidate in candidates.items()}
    chosen = min(measured, key=lambda name: measured[name].error)
    for name, trial in measured.items():
        if name != chosen:
            trials.record(name, trial, "another mitigation loses less", kept=False)
    reason = f"same answer with and without VNNI ({len(saturating)} layers)"
    trials.record(chosen, measured[chosen], reason, kept=True)
    return candidates[chosen]


def _exclude(trials: Trials, best: Candidate) -> Candidate:
    """Put the layers with the worst SQNR back into float while too few labels agree."""
    for _ in range(MOST_EXCLUDED):
        if trials.best.agreement >= ENOUGH_AGREEMENT:
            break
        rows = layer_table(trials.best.model, best.model, trials.held_out.take(8), None)
        worst = min((r for r in rows if r.name not in best.excluded), key=lambda r: r.own_sqnr_db, default=None)
        if worst is None:
            break
        candidate = replace(best, excluded=best.excluded | {worst.name})
        if not trials.attempt(f"{worst.name} in float", candidate):
            break
        best = candidate
    return best


def _float_operators(model: onnx.ModelProto) -> dict[str, int]:
    """Count the operators that read a float tensor where int8 would have been possible to ask for."""
    dequantized = {o for n in model.graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    counts: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type not in QUIET and node.input and node.input[0] not in dequantized:
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return counts
