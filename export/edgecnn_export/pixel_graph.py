"""What every route leads to: an ONNX graph that starts at pixels, with the facts and the reference beside it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from edgecnn_runtime.card import FeatureOutput
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Pixels, Preprocess

__all__ = [
    "FEATURES",
    "LOGITS",
    "MAX_IR",
    "OPSET",
    "PIXELS",
    "PixelGraph",
    "RecordedAnswers",
    "Reference",
]

PIXELS, LOGITS, FEATURES = "pixels", "logits", "features"

# What ONNX Runtime 1.18 (May 2024) and later read: opset 21 and IR 10. torch's exporter speaks opset 18 natively.
OPSET, MAX_IR = 18, 10

Reference = Callable[[Pixels], npt.NDArray[np.float32]]


@dataclass(frozen=True, eq=False)
class RecordedAnswers:
    """A reference that was asked beforehand, so that the network behind it need not stay in memory.

    Attributes:
        pictures: Prepared pixels, `(height, width, 3)` uint8 RGB each.
        logits: `(N, classes)` float32, one row a picture.
    """

    pictures: tuple[Pixels, ...]
    logits: npt.NDArray[np.float32]

    @classmethod
    def of(cls, reference: Reference, pictures: Sequence[Pixels]) -> "RecordedAnswers":
        """Ask a reference about prepared pictures, one at a time."""
        return cls(tuple(pictures), np.concatenate([reference(pixels[None]) for pixels in pictures]))

    def __call__(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """`(N, classes)` logits of `(N, height, width, 3)` pixels.

        Raises:
            OptionError: One of them was not asked about.
        """
        rows = {picture.tobytes(): row for picture, row in zip(self.pictures, self.logits, strict=True)}
        known = [rows[picture.tobytes()] for picture in pixels if picture.tobytes() in rows]
        if len(known) < len(pixels):
            raise OptionError(
                "the network was asked about other pictures than these before it was put away; "
                "give the graph the pictures of the check when it is loaded."
            )
        return np.stack(known)


@dataclass(frozen=True, eq=False)
class PixelGraph:
    """A graph from uint8 `(N, height, width, 3)` RGB `pixels` to `(N, classes)` float32 `logits`.

    Attributes:
        model: The ONNX model; where `features` is set it also has the output `features`, `(N, channels, h, w)`.
        name: Short name of the network.
        labels: Class names in the order of the logits.
        preprocess: From a picture to pixels.
        reference: The network before export, `(N, height, width, 3)` uint8 to `(N, classes)` float32 logits.
        reference_name: What the reference is, for reports: `PyTorch 2.15.0`, ….
        features: The head, where the network ends in global average pooling and one linear layer.
        license: Of the weights.
        source: Where the weights came from.
        normalization: What stands between the pixels and the network; None where it takes pixels itself.
        notes: What was found in a foreign file and changed, for the summary.
    """

    model: onnx.ModelProto
    name: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    reference: Reference
    reference_name: str
    features: FeatureOutput | None = None
    license: str = "unknown"
    source: Mapping[str, Any] = field(default_factory=dict)
    normalization: Normalization | None = None
    notes: tuple[str, ...] = ()
