"""The export's own proof: the finished file, run by the runtime, against the network it came from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgecnn_runtime import prepare
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.preprocess import Pixels, Preprocess
from edgecnn_runtime.verification import relative_error
from numpy.typing import NDArray

from edgecnn_export.pixel_graph import RecordedAnswers

__all__ = ["CheckReport", "check_against", "check_pictures", "load_pictures"]

_TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2}
"""Largest relative error of a logit that the float precisions may have."""
_MIN_CORRELATION = 0.8
"""int8 moves logits by a step here and there: sound files have 0.93 and more; zeros and permuted classes are near 0."""
_MIN_AGREEMENT = 0.75
"""Share of the pictures that must keep their label, near-ties aside; what a label is worth, the verdict measures."""
_NEAR_TIE = 0.5
"""Two classes whose logits differ by less than this part of the centered logits' RMS are one answer to int8."""


@dataclass(frozen=True)
class CheckReport:
    """Agreement of a file with the network it came from.

    Attributes:
        reference: What it was compared with.
        pictures: Count.
        same_label: Count of pictures on which both give the same most probable class.
        max_relative_error: Largest difference of any logit, relative to the largest logit of its picture.
        median_relative_error: The same, median over pictures.
        correlation: Of the logits over all pictures, the means of each picture and each class taken off, -1 to 1;
            0 where one side has no variation.
        provider: What ran the file.
    """

    reference: str
    pictures: int
    same_label: int
    max_relative_error: float
    median_relative_error: float
    correlation: float
    provider: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that stands in the model file."""
        return asdict(self)


def check_against(classifier: Classifier, recorded: RecordedAnswers, reference_name: str, *, kind: str) -> CheckReport:
    """Run a model file on the pictures that its reference was asked about.

    Float files are judged by the largest error of a logit, int8 files by the labels and the correlation of the logits.

    Args:
        classifier: The file, loaded.
        recorded: Pictures and the reference's logits for them.
        reference_name: What the reference is.
        kind: The file's precision: `fp32`, `fp16` or `int8`.

    Raises:
        ModelFileError: The answers differ too much; the file must not be written.
    """
    expected = recorded.logits
    actual = np.concatenate([classifier.logits(pixels[None]) for pixels in recorded.pictures])
    errors = [relative_error(*pair) for pair in zip(actual, expected, strict=True)]
    report = CheckReport(
        reference=reference_name,
        pictures=len(expected),
        same_label=int((actual.argmax(axis=1) == expected.argmax(axis=1)).sum()),
        max_relative_error=max(errors),
        median_relative_error=float(np.median(errors)),
        correlation=_correlation(actual, expected),
        provider=classifier.provider,
    )
    fault = _int8_fault(actual, expected, report) if kind == "int8" else _float_fault(report, _TOLERANCE[kind])
    if fault:
        raise ModelFileError(
            f"the exported graph differs from {reference_name} {fault}; nothing was written. The network may behave "
            "differently when traced (control flow that depends on values, randomness), or hold weights that are not "
            "finite."
        )
    return report


def _float_fault(report: CheckReport, tolerance: float) -> str:
    if report.max_relative_error <= tolerance:
        return ""
    return f"by {report.max_relative_error:.2g} on {report.pictures} pictures, more than {tolerance:.2g}"


def _int8_fault(actual: NDArray[np.float32], expected: NDArray[np.float32], report: CheckReport) -> str:
    if report.max_relative_error <= _TOLERANCE["fp16"]:  # pictures that are all alike have nothing to correlate
        return ""
    if not report.correlation >= _MIN_CORRELATION:
        return (
            f"on {report.pictures} pictures: their logits correlate by {report.correlation:.2f}, "
            f"expected at least {_MIN_CORRELATION:g}"
        )
    chosen = np.take_along_axis(expected, actual.argmax(axis=1)[:, None], axis=1)[:, 0]
    ties = expected.max(axis=1) - chosen <= _NEAR_TIE * np.sqrt(np.mean(_centered(expected) ** 2))
    if ties.mean() < _MIN_AGREEMENT:
        return f"in the label on {int((~ties).sum())} of {report.pictures} pictures, near-ties aside"
    return ""


def _correlation(actual: NDArray[np.float32], expected: NDArray[np.float32]) -> float:
    a, b = _centered(actual), _centered(expected)
    power = float(np.sqrt((a**2).sum() * (b**2).sum()))
    return float((a * b).sum()) / power if power > 0 and np.isfinite(power) else 0.0


def _centered(logits: NDArray[np.float32]) -> NDArray[np.float64]:
    """What tells pictures and classes apart: the means of each picture and of each class taken off."""
    centered = np.asarray(logits - logits.mean(axis=1, keepdims=True), np.float64)
    return centered - centered.mean(axis=0) if len(centered) > 1 else centered


def check_pictures() -> list[Path]:
    """The eight photos that come with this package, for the check and the golden vectors."""
    return sorted((Path(__file__).parent / "pictures").glob("*.jpg"))


def load_pictures(paths: Sequence[Path], preprocess: Preprocess) -> list[Pixels]:
    """Prepared pixels of pictures, `(height, width, 3)` uint8 RGB each; the package's own eight photos if none."""
    return [prepare(path, preprocess) for path in paths or check_pictures()]
