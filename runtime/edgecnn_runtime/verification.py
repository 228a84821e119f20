"""Prove on this machine that a model file still gives the answers it was made with; no data set, no torch."""

import os
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError, quoted
from edgecnn_runtime.golden import decode_golden, expand_grid
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.preprocess import Pixels

__all__ = ["ChangedLabel", "Verification", "relative_error", "verify"]

_SHOWN = 3  # changed labels that the reason names


@dataclass(frozen=True)
class ChangedLabel:
    """A golden vector whose most probable class is not the one that the file was made with.

    Attributes:
        vector: Its place in the file, from 1.
        expected: Name of the class that the file was made with.
        found: Name of the class that it gives here.
    """

    vector: int
    expected: str
    found: str


@dataclass(frozen=True)
class Verification:
    """What `verify` found.

    Attributes:
        model: The file's name.
        device: Where it ran.
        provider: ONNX Runtime's name of the provider that ran it.
        checked: Count of golden vectors.
        max_relative_error: Largest error of any vector, relative to its largest logit; NaN counts as infinite.
        tolerance: Largest error allowed on this kind of device.
        changed_labels: Vectors whose most probable class is another one than when the file was made.
        digest_matches: The weights are, bit for bit, those that were written.
    """

    model: str
    device: str
    provider: str
    checked: int
    max_relative_error: float
    tolerance: float
    changed_labels: tuple[ChangedLabel, ...]
    digest_matches: bool

    @property
    def labels_equal(self) -> int:
        """Count of vectors whose most probable class is the expected one."""
        return self.checked - len(self.changed_labels)

    @property
    def passed(self) -> bool:
        """Whether the file is whole, every answer is within the tolerance and no label changed."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Why it failed; empty when it passed."""
        reasons = []
        if not self.digest_matches:
            reasons.append(
                "the weights are not those that were written: their SHA-256 differs, so the file was changed or damaged"
            )
        if not self.max_relative_error <= self.tolerance:
            reasons.append(
                f"the largest error is {self.max_relative_error:.2g}, above the tolerance of {self.tolerance:.2g}"
            )
        if self.changed_labels:
            shown = ", ".join(
                f"vector {change.vector} is {change.found!r} and was {change.expected!r}"
                for change in self.changed_labels[:_SHOWN]
            )
            more = f" and {len(self.changed_labels) - _SHOWN} more" if len(self.changed_labels) > _SHOWN else ""
            reasons.append(f"the label of {len(self.changed_labels)} of {self.checked} changed: {shown}{more}")
        return "; ".join(reasons)


def verify(
    model: str | os.PathLike[str] | bytes | ModelFile | None = None,
    *,
    device: str = "auto",
    require: bool = False,
    allow_unbounded: bool = False,
) -> Verification:
    """Run a file's golden vectors on a device and compare.

    Args:
        model: Path, bytes or `ModelFile`; None means the model in the wheel.
        device: As for `Classifier`.
        require: Raise `DeviceError` instead of running on the CPU when the device does not start.
        allow_unbounded: As for `Classifier`.

    Raises:
        ModelFileError: The file cannot be loaded, or holds no golden vectors.
        DeviceError: `require` is set and the device does not start.
    """
    classifier = Classifier(model, device=device, require=require, allow_unbounded=allow_unbounded)
    file = classifier.model
    golden = file.card.golden
    if not isinstance(golden.get("vectors"), list) or not golden["vectors"]:
        raise ModelFileError(f"{file.name} holds no golden vectors, so it cannot prove itself; export it with edgecnn.")
    vectors = [decode_golden(entry, len(file.labels)) for entry in golden["vectors"]]
    answers = [_answer(classifier, expand_grid(vector.grid, file.height, file.width)) for vector in vectors]
    changed = [
        ChangedLabel(number, file.labels[vector.logits.argmax()], _label(file, logits))
        for number, (vector, logits) in enumerate(zip(vectors, answers, strict=True), 1)
        # Classes that were equal when the file was made may change places.
        if np.isnan(logits).any() or vector.logits[logits.argmax()] < vector.logits.max()
    ]
    return Verification(
        model=file.name,
        device=classifier.device,
        provider=classifier.provider,
        checked=len(vectors),
        max_relative_error=max(map(relative_error, answers, (vector.logits for vector in vectors))),
        tolerance=_tolerance(golden, classifier.device),
        changed_labels=tuple(changed),
        digest_matches=golden.get("sha256") == file.digest,
    )


def _answer(classifier: Classifier, pixels: Pixels) -> npt.NDArray[np.float32]:
    """Logits of one picture; NaN for all classes where one is not finite, which here is a finding and no error."""
    (output,) = classifier.run(pixels[None], [classifier.model.logits.name])
    if not np.isfinite(output).all():
        return np.full(len(classifier.labels), np.nan, np.float32)
    logits: npt.NDArray[np.float32] = classifier.as_logits(output, 1)[0]
    return logits


def _label(file: ModelFile, logits: npt.NDArray[np.float32]) -> str:
    return "not a number" if np.isnan(logits).any() else file.labels[logits.argmax()]


def relative_error(actual: npt.NDArray[np.float32], expected: npt.NDArray[np.float32]) -> float:
    """Largest difference, relative to the largest expected magnitude; infinite when anything is not finite."""
    difference = float(np.max(np.abs(actual - expected)))
    scale = float(np.max(np.abs(expected))) or 1.0
    return difference / scale if np.isfinite(difference) else float("inf")


def _tolerance(golden: dict[str, Any], device: str) -> float:
    tolerances = golden.get("tolerance")
    kind = "cpu" if device == "cpu" else "other"
    value = tolerances.get(kind) if isinstance(tolerances, dict) else None
    if not isinstance(value, (int, float)) or isinstance(value, bool) or not 0 < value < 1:
        raise ModelFileError(
            f"the golden vectors' tolerance for {kind!r} is {quoted(repr(value), 80)}; expected a number from 0 to 1."
        )
    return float(value)
