"""What every route leads to: an ONNX graph that starts at pixels, with the facts and the reference beside it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from edgecnn_runtime.preprocess import Pixels, Preprocess

__all__ = ["FEATURES", "LOGITS", "MAX_IR", "OPSET", "PIXELS", "FeatureTap", "PixelGraph", "Reference"]

PIXELS, LOGITS, FEATURES = "pixels", "logits", "features"

# What ONNX Runtime 1.18 (May 2024) and later read: opset 21 and IR 10. torch's exporter speaks opset 18 natively.
OPSET, MAX_IR = 18, 10

Reference = Callable[[Pixels], npt.NDArray[np.float32]]


@dataclass(frozen=True)
class FeatureTap:
    """The last feature map and the linear layer behind the global average pooling.

    Attributes:
        weights: name of the layer's weight tensor.
        transposed: the tensor is `(channels, classes)` instead of `(classes, channels)`.
    """

    weights: str
    transposed: bool


@dataclass(frozen=True, eq=False)
class PixelGraph:
    """A graph from uint8 `(N, height, width, 3)` RGB `pixels` to `(N, classes)` float32 `logits`.

    Attributes:
        model: the ONNX model; where `features` is set it also has the output `features`, `(N, channels, h, w)`.
        name: short name of the network.
        labels: class names in the order of the logits.
        preprocess: from a picture to pixels.
        reference: the network before export, `(N, height, width, 3)` uint8 to `(N, classes)` float32 logits.
        reference_name: what the reference is, for reports: `PyTorch 2.15.0`, ….
        features: the head, where the network ends in global average pooling and one linear layer.
        licence: of the weights.
        source: where the weights came from.
    """

    model: onnx.ModelProto
    name: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    reference: Reference
    reference_name: str
    features: FeatureTap | None = None
    licence: str = "unknown"
    source: Mapping[str, Any] = field(default_factory=dict)
