"""Prove on this machine that a model file still gives the answers it was made with; no data set, no torch."""

import os
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.golden import decode_golden, expand_grid
from edgecnn_runtime.model_file import ModelFile

__all__ = ["Verification", "relative_error", "verify"]


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        model: the file's name.
        device: where it ran.
        provider: ONNX Runtime's name of the provider that ran it.
        checked: count of golden vectors.
        max_relative_error: largest error of any vector, relative to its largest logit; NaN counts as infinite.
        tolerance: largest error allowed on this kind of device.
        labels_equal: count of vectors whose most probable class is the expected one.
        digest_matches: the weights are, bit for bit, those that were written.
    """

    model: str
    device: str
    provider: str
    checked: int
    max_relative_error: float
    tolerance: float
    labels_equal: int
    digest_matches: bool

    @property
    def passed(self) -> bool:
        """Whether the file is whole and every answer is within the tolerance."""
        return self.digest_matches and self.max_relative_error <= self.tolerance

    @property
    def reason(self) -> str:
        """Why it failed; empty when it passed."""
        if not self.digest_matches:
            return (
                "the weights are not those that were written: their SHA-256 differs, so the file was changed or damaged"
            )
        if not self.passed:
            return f"the largest error is {self.max_relative_error:.2g}, above the tolerance of {self.tolerance:.2g}"
        return ""


def verify(
    model: str | os.PathLike[str] | bytes | ModelFile | None = None, *, device: str = "auto", require: bool = False
) -> Verification:
    """Run a file's golden vectors on a device and compare.

    Raises:
        ModelFileError: the file cannot be loaded, or holds no golden vectors.
        DeviceError: `require` is set and the device does not start.
    """
    classifier = Classifier(model, device=device, require=require)
    file = classifier.model
    golden = file.golden
    if not isinstance(golden, dict) or not isinstance(golden.get("vectors"), list) or not golden["vectors"]:
        raise ModelFileError(f"{file.name} holds no golden vectors, so it cannot prove itself; export it with edgecnn.")
    vectors = [decode_golden(entry, len(file.labels)) for entry in golden["vectors"]]
    worst, equal = 0.0, 0
    for vector in vectors:
        logits = classifier.logits(expand_grid(vector.grid, file.height, file.width)[None])[0]
        worst = max(worst, relative_error(logits, vector.logits))
        equal += int(logits.argmax() == vector.logits.argmax())
    return Verification(
        model=file.name,
        device=classifier.device,
        provider=classifier.provider,
        checked=len(vectors),
        max_relative_error=worst,
        tolerance=_tolerance(golden, classifier.device),
        labels_equal=equal,
        digest_matches=golden.get("sha256") == file.digest,
    )


def relative_error(actual: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Largest difference, relative to the largest expected magnitude; infinite when anything is not finite."""
    difference = float(np.max(np.abs(actual - expected)))
    scale = float(np.max(np.abs(expected))) or 1.0
    return difference / scale if np.isfinite(difference) else float("inf")


def _tolerance(golden: dict[str, object], device: str) -> float:
    tolerances = golden.get("tolerance")
    kind = "cpu" if device == "cpu" else "other"
    value = tolerances.get(kind) if isinstance(tolerances, dict) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1:
        raise ModelFileError(f"the golden vectors' tolerance for {kind!r} is {value!r}; expected a number from 0 to 1.")
    return float(value)
