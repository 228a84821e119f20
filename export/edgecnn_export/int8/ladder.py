"""The ladder: from the plain int8 network up, each rung kept only where it measures better than the one below."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import onnx
from edgecnn_runtime.errors import ModelFileError
from numpy.typing import NDArray

from edgecnn_export.int8.bias import correct_biases
from edgecnn_export.int8.equalize import equalize
from edgecnn_export.int8.histograms import METHODS, grids, observe_histograms
from edgecnn_export.int8.layer_table import LayerRow, layer_table
from edgecnn_export.int8.layers import float_layers, quantized_layers
from edgecnn_export.int8.quantize import ActivationGrid, Plan, WeightGrid, apply_plan, refuse_unquantizable
from edgecnn_export.int8.ranges import TensorRange, observe_ranges, simulated_logits
from edgecnn_export.int8.rounding import input_covariances, round_weights
from edgecnn_export.int8.saturation import Forecast, can_saturate, forecast
from edgecnn_export.passes.pixel_start import CENTERED, fold_normalization, start_from_pixels
from edgecnn_export.prepared import PreparedPictures

__all__ = ["QuantizedModel", "Rung", "quantize_int8"]

JUDGES = 64
"""Pictures held back from calibration by which rungs are compared (a quarter of a small set)."""
MEANS = 64
"""Pictures for the covariances of the layers' inputs and the last bias correction; a quarter of them on the way."""
FORECAST = 32
WORTH = 0.98
"""A rung that costs nothing at run time is kept when it leaves at most this part of the error below it."""
ENOUGH_AGREEMENT = 0.97
"""Above this agreement on the judging pictures no layer is put back into float: that costs latency."""

Progress = Callable[[str], None]


@dataclass(frozen=True)
class Rung:
    """One thing that was tried.

    Attributes:
        name: what it is.
        logit_error: norm of the logits' change against the float network, relative to their norm.
        agreement: share of the judging pictures with the float network's label, 0..1.
        kept: whether it stayed.
        reason: why, in a few words.
    """

    name: str
    logit_error: float
    agreement: float
    kept: bool
    reason: str


@dataclass(frozen=True)
class QuantizedModel:
    """An int8 network, and how it came about.

    Attributes:
        model: QDQ network, inputs and outputs as in the float one.
        rungs: what was tried, in order.
        layers: a row a layer: bits, SQNR, saturation.
        forecast_before: what a CPU without VNNI would have made of it before the cure.
        forecast: what it makes of `model`.
        excluded: nodes that stay in float because they hurt too much.
        unquantized: operators of the network that have no int8 kernel and stay in float, with their counts.
        held_back: calibration pictures that the rungs were compared on.
        calibration: source, count and digest of the calibration pictures, and the warnings about them.
    """

    model: onnx.ModelProto
    rungs: tuple[Rung, ...]
    layers: tuple[LayerRow, ...]
    forecast_before: Forecast
    forecast: Forecast
    excluded: tuple[str, ...]
    unquantized: dict[str, int]
    held_back: PreparedPictures
    calibration: dict[str, Any]

    def summary(self) -> dict[str, Any]:
        """Return what belongs into the model file's card under `precision`, ready for JSON."""
        return {
            "kind": "int8",
            "method": "; ".join(r.name for r in self.rungs if r.kept),
            "calibration": self.calibration,
            "saturation": {
                "possible": self.forecast.possible,
                "before": round(self.forecast_before.logit_error, 6),
                "after": round(self.forecast.logit_error, 6),
                "cured": [x.name for x in self.forecast_before.guilty],
            },
            "float_layers": list(self.excluded),
        }


@dataclass(frozen=True)
class _State:
    """Everything that decides a candidate."""

    model: onnx.ModelProto
    ranges: dict[str, TensorRange]
    activations: dict[str, ActivationGrid]
    zero_point: int | None = None
    weights: dict[str, WeightGrid] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    corrected: bool = False
    per_channel: bool = True


class _Ladder:
    """Builds candidates, measures them on pictures that calibration does not see, and keeps the record."""

    def __init__(self, model: onnx.ModelProto, calibration: PreparedPictures, progress: Progress) -> None:
        self._progress = progress
        self.judge, self.fit = _hold_back(calibration)
        self.many, self.few = self.fit.take(MEANS), self.fit.take(MEANS // 4)
        self.wanted = simulated_logits(model, self.judge)
        self.rungs: list[Rung] = []
        self.error = np.inf
        self.agreement = 0.0
        self.built: onnx.ModelProto | None = None
        self._covariances: dict[int, dict[str, NDArray[np.float32]]] = {}

    def covariances(self, model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
        """Return the covariances of the layers' inputs in the float network `model`, measured once."""
        if id(model) not in self._covariances:
            self._progress("covariances of the inputs")
            self._covariances[id(model)] = input_covariances(model, self.many)
        return self._covariances[id(model)]

    def forget_covariances(self) -> None:
        """Give the memory of the covariances back."""
        self._covariances.clear()

    def build(self, state: _State, *, final: bool = False) -> onnx.ModelProto:
        """Write the int8 network of `state`; the last one corrects its biases over more pictures."""
        activations = dict(state.activations)
        if state.zero_point is not None:
            activations[CENTERED] = ActivationGrid(1.0, state.zero_point)
        plan = Plan(activations, state.weights, state.excluded, state.per_channel)
        quantized = apply_plan(state.model, plan)
        if state.zero_point is not None:
            start_from_pixels(quantized)
        if not state.corrected:
            return quantized
        return correct_biases(quantized, state.model, self.many if final else self.few)

    def measure(self, quantized: onnx.ModelProto) -> tuple[float, float]:
        """Return logit error and agreement on the judging pictures, in exact arithmetic (as with VNNI)."""
        got = simulated_logits(quantized, self.judge)
        error = float(np.linalg.norm(got - self.wanted) / max(float(np.linalg.norm(self.wanted)), 1e-12))
        return error, float((got.argmax(1) == self.wanted.argmax(1)).mean())

    def attempt(self, name: str, state: _State, *, tolerance: float = WORTH, force: str = "") -> bool:
        """Measure `state`; say whether it becomes the new best. `force` is the reason to keep it whatever it costs."""
        self._progress(name)
        quantized = self.build(state)
        error, agreement = self.measure(quantized)
        better = error < self.error * tolerance
        gain = "logit error falls" if error < self.error else "no worse"
        reason = force or (gain if better else "no clear gain")
        kept = bool(force) or better
        self.rungs.append(Rung(name, error, agreement, kept, reason))
        if kept:
            self.error, self.agreement, self.built = error, agreement, quantized
        return kept

    def note(self, name: str, error: float, agreement: float, reason: str) -> None:
        self.rungs.append(Rung(name, error, agreement, False, reason))


def quantize_int8(
    model: onnx.ModelProto,
    calibration: PreparedPictures,
    *,
    progress: Progress | None = None,
) -> QuantizedModel:
    """Climb the ladder and return the best int8 network that gives the same answer with and without VNNI.

    Args:
        model: float32 network, uint8 pixels `(N, H, W, 3)` in, float32 `logits` out, other outputs allowed.
        calibration: real pictures; a quarter of them, at most 64, are held back to compare the rungs.
        progress: called with the name of each step as it begins.

    Raises:
        ModelFileError: the network is quantized already, has nothing to quantize, or a layer gives NaN.
    """
    refuse_unquantizable(model)
    say = progress or (lambda _: None)
    say("ranges of the tensors")
    ladder = _Ladder(model, calibration, say)
    if not np.isfinite(ladder.wanted).all():
        observe_ranges(model, ladder.fit)  # names the layer
        raise ModelFileError("the network's logits are NaN or infinite on a calibration picture; check its weights")
    ranges = observe_ranges(model, ladder.fit)
    state = _State(model, ranges, grids(ranges, {}, "min-max"))
    ladder.attempt("U8S8 per channel, min-max", state, force="the plain way, the yardstick")
    corrected = replace(state, corrected=True)
    # Before the other rungs: the shifts it takes out are larger than what they gain, and would hide it.
    if ladder.attempt("bias correction", corrected):
        state = corrected
    state = _transform(ladder, state, say)
    state = _choose_ranges(ladder, state)
    state = _choose_rounding(ladder, state, say)
    say("saturation forecast")
    before = forecast(_built(ladder), ladder.fit.take(FORECAST))
    state = _exclude(ladder, _cure(ladder, state, say))
    ladder.forget_covariances()  # they take some 75 MB that the next step needs
    say("bias correction over all pictures for it")
    result = ladder.build(state, final=True)
    after = forecast(result, ladder.fit.take(FORECAST))
    say("table of the layers")
    return QuantizedModel(
        model=result,
        rungs=tuple(ladder.rungs),
        layers=layer_table(result, state.model, ladder.judge.take(8), before),
        forecast_before=before,
        forecast=after,
        excluded=tuple(sorted(state.excluded)),
        unquantized=_float_operators(result),
        held_back=ladder.judge,
        calibration={
            "source": calibration.source,
            "count": len(calibration),
            "sha256": calibration.digest,
            "warnings": list(calibration.warnings),
        },
    )


def _transform(ladder: _Ladder, state: _State, say: Progress) -> _State:
    """Try what changes the float network without changing what it computes."""
    start = fold_normalization(state.model)
    if start is not None:
        present = {o for n in start.model.graph.node for o in n.output}
        folded = replace(
            state,
            model=start.model,
            zero_point=start.zero_point,
            ranges={k: v for k, v in state.ranges.items() if k in present},
            activations={k: v for k, v in state.activations.items() if k in present},
        )
        # It takes three operators over every pixel out of the file, a third of its time: kept unless it clearly loses.
        if ladder.attempt("start from the pixels", folded, tolerance=1.1):
            state = folded
    equal = equalize(state.model, state.ranges)
    if equal.streams:
        candidate = replace(
            state, model=equal.model, ranges=equal.ranges, activations=grids(equal.ranges, {}, "min-max")
        )
        if ladder.attempt(f"cross-layer equalization of {equal.streams} streams", candidate):
            state = candidate
    return state


def _choose_ranges(ladder: _Ladder, state: _State) -> _State:
    """Compare ways to choose the ranges by the error of the logits."""
    histograms = observe_histograms(state.model, state.ranges, ladder.fit.take(48))
    for method in METHODS[1:]:
        candidate = replace(state, activations=grids(state.ranges, histograms, method))
        if ladder.attempt(f"ranges by {method}", candidate):
            state = candidate
    whole = replace(state, per_channel=False)
    if ladder.attempt("weights per tensor", whole):
        state = whole
    return state


def _choose_rounding(ladder: _Ladder, state: _State, say: Progress) -> _State:
    covariances = ladder.covariances(state.model)
    say("rounding of the weights")
    weights = {
        x.weight_name: round_weights(x, covariances.get(x.name), safe=False, per_channel=state.per_channel)
        for x in float_layers(state.model)
    }
    candidate = replace(state, weights=weights)
    return candidate if ladder.attempt("weights rounded along the covariance", candidate) else state


def _cure(ladder: _Ladder, state: _State, say: Progress) -> _State:
    """Make saturation impossible in the layers whose weights allow it, in the way that loses least."""
    guilty = {x.name for x in quantized_layers(_built(ladder)) if can_saturate(x)}
    if not guilty:
        return state
    layers = [x for x in float_layers(state.model) if x.name in guilty]
    drawn = {x.weight_name: round_weights(x, None, safe=True, per_channel=state.per_channel) for x in layers}
    seven = {x.weight_name: round_weights(x, None, safe=True, per_channel=state.per_channel, bits=7) for x in layers}
    candidates = {
        "saturating pairs of weights drawn in": replace(state, weights={**state.weights, **drawn}),
        "7-bit weights in the guilty layers": replace(state, weights={**state.weights, **seven}),
    }
    if state.weights:
        say("rounding of the guilty layers")
        covariances = ladder.covariances(state.model)
        along = {
            x.weight_name: round_weights(x, covariances.get(x.name), safe=True, per_channel=state.per_channel)
            for x in layers
        }
        candidates["saturating pairs drawn in along the covariance"] = replace(
            state, weights={**state.weights, **along}
        )
    measured = {}
    for name, candidate in candidates.items():
        say(name)
        quantized = ladder.build(candidate)
        measured[name] = (ladder.measure(quantized), quantized)
    best = min(measured, key=lambda name: measured[name][0][0])
    for name, ((error, agreement), _) in measured.items():
        if name != best:
            ladder.note(name, error, agreement, "another cure loses less")
    (error, agreement), quantized = measured[best]
    ladder.rungs.append(Rung(best, error, agreement, True, f"same answer with and without VNNI ({len(guilty)} layers)"))
    ladder.error, ladder.agreement, ladder.built = error, agreement, quantized
    return candidates[best]


def _exclude(ladder: _Ladder, state: _State) -> _State:
    """Put the layers with the worst SQNR back into float while too few labels agree; at most three."""
    for _ in range(3):
        if ladder.agreement >= ENOUGH_AGREEMENT:
            break
        rows = layer_table(_built(ladder), state.model, ladder.judge.take(8), None)
        worst = min((r for r in rows if r.name not in state.excluded), key=lambda r: r.own_sqnr_db, default=None)
        if worst is None:
            break
        candidate = replace(state, excluded=state.excluded | {worst.name})
        if not ladder.attempt(f"{worst.name} in float", candidate):
            break
        state = candidate
    return state


def _hold_back(calibration: PreparedPictures) -> tuple[PreparedPictures, PreparedPictures]:
    """Split into judging and calibrating pictures; a set too small to split serves as both."""
    if len(calibration) < 16:
        return calibration, calibration
    count = min(JUDGES, len(calibration) // 4)
    judging = np.zeros(len(calibration), bool)
    judging[np.linspace(0, len(calibration) - 1, count).round().astype(int)] = True
    return calibration.where(judging), calibration.where(~judging)


def _built(ladder: _Ladder) -> onnx.ModelProto:
    if ladder.built is None:
        raise ModelFileError("no int8 network could be built from this one; export it as fp32")
    return ladder.built


def _float_operators(model: onnx.ModelProto) -> dict[str, int]:
    """Count the operators that read a float tensor where int8 would have been possible to ask for."""
    quiet = {"QuantizeLinear", "DequantizeLinear", "Transpose", "Cast", "Flatten", "Reshape", "Shape", "Constant"}
    dequantized = {o for n in model.graph.node if n.op_type == "DequantizeLinear" for o in n.output}
    counts: dict[str, int] = {}
    for node in model.graph.node:
        if node.op_type not in quiet and node.input and node.input[0] not in dequantized:
            counts[node.op_type] = counts.get(node.op_type, 0) + 1
    return counts
