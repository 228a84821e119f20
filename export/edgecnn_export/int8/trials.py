"""Build candidates for an int8 network and measure them on pictures that calibration does not see."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import onnx
from edgecnn_runtime.errors import ModelFileError
from numpy.typing import NDArray

from edgecnn_export.int8.bias import correct_biases
from edgecnn_export.int8.pixel_start import CENTERED, start_from_pixels
from edgecnn_export.int8.quantize import ActivationGrid, QuantizationPlan, WeightGrid, apply_plan
from edgecnn_export.int8.quantized_model import LadderStep
from edgecnn_export.int8.ranges import TensorRange, simulated_logits
from edgecnn_export.int8.rounding import input_covariances
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["Candidate", "Trials", "reason_of"]

HELD_OUT = 64
"""Pictures held out of calibration on which steps are compared (a quarter of a small set)."""
MEANS = 64
"""Pictures for the covariances of the layers' inputs and the last bias correction; a quarter of them on the way."""
WORTH = 0.98
"""A step that costs nothing at run time is kept when it leaves at most this part of the error before it."""


@dataclass(frozen=True)
class Candidate:
    """Everything that decides an int8 network.

    Attributes:
        model: The float network, as it was or transformed.
        ranges: Of its tensors.
        activations: Grid of each tensor.
        zero_point: Gray that stands for zero where the network starts from the pixels.
        weights: Codes of the weights that are not simply rounded.
        excluded: Nodes that stay in float.
        corrected: Whether biases are corrected.
        per_channel: Whether weights have one scale an output channel.
    """

    model: onnx.ModelProto
    ranges: dict[str, TensorRange]
    activations: dict[str, ActivationGrid]
    zero_point: int | None = None
    weights: dict[str, WeightGrid] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    corrected: bool = False
    per_channel: bool = True


@dataclass(frozen=True)
class Trial:
    """A candidate as a network, and how close its logits are to the float network's."""

    model: onnx.ModelProto
    error: float
    agreement: float


class Trials:
    """The record of what was tried, and the best network so far.

    Args:
        model: The float network.
        calibration: Pictures; some are held out for comparing.
        say: Called with the name of each step as it begins.
    """

    def __init__(self, model: onnx.ModelProto, calibration: PreparedPictures, say: Callable[[str], None]) -> None:
        self.say = say
        self.held_out, self.fit = _hold_out(calibration)
        self._many, self._few = self.fit.take(MEANS), self.fit.take(MEANS // 4)
        self.wanted = simulated_logits(model, self.held_out)
        self.steps: list[LadderStep] = []
        self._best: Trial | None = None
        self._covariances: dict[int, dict[str, NDArray[np.float32]]] = {}

    @property
    def best(self) -> Trial:
        """The last trial that was kept.

        Raises:
            ModelFileError: None was.
        """
        if self._best is None:
            raise ModelFileError("no int8 network could be built from this one; export it as fp32")
        return self._best

    def covariances(self, model: onnx.ModelProto) -> dict[str, NDArray[np.float32]]:
        """The covariances of the layers' inputs in a float network, measured once."""
        if id(model) not in self._covariances:
            self.say("covariances of the inputs")
            self._covariances[id(model)] = input_covariances(model, self._many)
        return self._covariances[id(model)]

    def forget_covariances(self) -> None:
        """Give the memory of the covariances back."""
        self._covariances.clear()

    def build(self, candidate: Candidate, *, final: bool = False) -> onnx.ModelProto:
        """Write the int8 network; the final one corrects its biases over more pictures."""
        activations = dict(candidate.activations)
        if candidate.zero_point is not None:
            activations[CENTERED] = ActivationGrid(1.0, candidate.zero_point)
        plan = QuantizationPlan(activations, candidate.weights, candidate.excluded, candidate.per_channel)
        quantized = apply_plan(candidate.model, plan)
        if candidate.zero_point is not None:
            quantized = start_from_pixels(quantized)
        if not candidate.corrected:
            return quantized
        return correct_biases(quantized, candidate.model, self._many if final else self._few)

    def measure(self, name: str, candidate: Candidate) -> Trial:
        """Logit error and agreement on the held-out pictures, in exact arithmetic (as with VNNI)."""
        self.say(name)
        quantized = self.build(candidate)
        got = simulated_logits(quantized, self.held_out)
        error = float(np.linalg.norm(got - self.wanted) / max(float(np.linalg.norm(self.wanted)), 1e-12))
        return Trial(quantized, error, float((got.argmax(1) == self.wanted.argmax(1)).mean()))

    def attempt(self, name: str, candidate: Candidate, *, tolerance: float = WORTH) -> bool:
        """Measure a candidate; say whether it becomes the new best.

        A step that fails on this network is left out, and the record says so; only the first must succeed.
        """
        try:
            trial = self.measure(name, candidate)
        # onnxruntime.quantization and numpy raise many kinds for shapes that a step was not made for.
        except Exception as error:
            if self._best is None:
                raise
            self.steps.append(
                LadderStep(name, math.nan, math.nan, kept=False, reason=f"not possible: {reason_of(error)}")
            )
            return False
        if self._best is None:
            self.record(name, trial, "baseline", kept=True)
            return True
        kept = trial.error < self._best.error * tolerance
        gain = "logit error falls" if trial.error < self._best.error else "no worse"
        self.record(name, trial, gain if kept else "no clear gain", kept=kept)
        return kept

    def record(self, name: str, trial: Trial, reason: str, *, kept: bool) -> None:
        """Note a trial; one that is kept is the new best."""
        self.steps.append(LadderStep(name, trial.error, trial.agreement, kept, reason))
        if kept:
            self._best = trial


def reason_of(error: Exception) -> str:
    """An error of another library in one short line."""
    return (str(error).strip() or type(error).__name__).splitlines()[0][:160].rstrip(".")


def _hold_out(calibration: PreparedPictures) -> tuple[PreparedPictures, PreparedPictures]:
    """Split into pictures to compare on and to calibrate with; a set too small to split serves as both."""
    if len(calibration) < 16:
        return calibration, calibration
    count = min(HELD_OUT, len(calibration) // 4)
    chosen = np.zeros(len(calibration), bool)
    chosen[np.linspace(0, len(calibration) - 1, count).round().astype(int)] = True
    return calibration.where(chosen), calibration.where(~chosen)
