"""The export's own proof: the finished file, run by the runtime, against the network it came from."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.image import load_image
from edgecnn_runtime.preprocess import Pixels, Preprocess
from edgecnn_runtime.verification import relative_error

from edgecnn_export.pixel_graph import Reference

__all__ = ["CheckReport", "check_against", "check_pictures", "load_pictures"]


@dataclass(frozen=True)
class CheckReport:
    """Agreement of a file with the network it came from.

    Attributes:
        reference: what it was compared with.
        pictures: count.
        same_label: count of pictures on which both give the same most probable class.
        max_relative_error: largest difference of any logit, relative to the largest logit of its picture.
        median_relative_error: the same, median over pictures.
        provider: what ran the file.
    """

    reference: str
    pictures: int
    same_label: int
    max_relative_error: float
    median_relative_error: float
    provider: str

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that stands in the model file."""
        return asdict(self)


def check_against(
    data: bytes, reference: Reference, reference_name: str, pictures: Sequence[Pixels], *, tolerance: float
) -> CheckReport:
    """Run a model file and its reference on the same pixels.

    Args:
        data: the finished model file.
        reference: `(N, height, width, 3)` uint8 RGB to `(N, classes)` float32 logits.
        reference_name: what the reference is.
        pictures: prepared pixels, `(height, width, 3)` each.
        tolerance: largest relative error that is still the same answer.

    Raises:
        ModelFileError: an error above the tolerance; the file must not be written.
    """
    classifier = Classifier(data, device="cpu")
    errors, same = [], 0
    for pixels in pictures:
        expected = reference(pixels[None])[0]
        actual = classifier.logits(pixels[None])[0]
        errors.append(relative_error(actual, expected))
        same += int(actual.argmax() == expected.argmax())
    worst = max(errors)
    if not worst <= tolerance:
        raise ModelFileError(
            f"the exported graph differs from {reference_name} by {worst:.2g} on {len(pictures)} pictures, more than "
            f"{tolerance:.2g}; nothing was written. The network may behave differently when traced (control flow that "
            "depends on values, randomness), or hold weights that are not finite."
        )
    return CheckReport(reference_name, len(pictures), same, worst, float(np.median(errors)), classifier.provider)


def check_pictures() -> list[Path]:
    """The eight photos that come with this package, for the check and the golden vectors."""
    return sorted((Path(__file__).parent / "pictures").glob("*.jpg"))


def load_pictures(paths: Sequence[Path], preprocess: Preprocess) -> list[Pixels]:
    """Prepared pixels of pictures, `(height, width, 3)` uint8 RGB each."""
    return [preprocess.apply(load_image(path)) for path in paths]
