"""Class activation maps: where a network saw a class.

Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.card import FeatureOutput
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.onnx_file import with_outputs
from edgecnn_runtime.session import open_session

__all__ = ["class_activation_map", "feature_output", "is_global_average", "read_class_weights"]


def is_global_average(operator: str, axes: Sequence[int], rank: int | None) -> bool:
    """Whether an operator averages each channel over height and width, which a map can be made in front of.

    Args:
        operator: Its ONNX name.
        axes: What a `ReduceMean` averages over; negative ones count from the end.
        rank: Number of dimensions of what goes in; None where it is not known.
    """
    if operator == "GlobalAveragePool":
        return True
    return operator == "ReduceMean" and rank in (4, None) and sorted(axis % 4 for axis in axes) == [2, 3]


def class_activation_map(
    features: npt.NDArray[np.float32], weights: npt.NDArray[np.float32], index: int
) -> npt.NDArray[np.float32]:
    """Sum the last feature map over its channels with the weights of one class.

    Args:
        features: `(channels, h, w)`: what goes into the global average pooling, of one picture.
        weights: `(classes, channels)` float32 of the linear layer behind the pooling.
        index: Row of the class in the weights.

    Returns:
        `(h, w)` float32, unscaled, positive where it speaks for the class.

    Raises:
        ModelFileError: The weights are not those of a layer behind this feature map, or the map is not finite.
    """
    if features.ndim != 3 or weights.ndim != 2 or features.shape[0] != weights.shape[1]:
        raise ModelFileError(
            f"a feature map {features.shape} and weights {weights.shape} give no class activation map; "
            "expected (channels, height, width) and (classes, channels)."
        )
    if not 0 <= index < len(weights):
        raise OptionError(f"class {index} was asked for; expected 0 to {len(weights) - 1}.")
    activation = np.asarray(np.tensordot(weights[index], features, axes=1), np.float32)
    if not np.isfinite(activation).all():
        raise ModelFileError("the class activation map is not finite: the weights or features are damaged.")
    return activation


def feature_output(model: ModelFile) -> FeatureOutput:
    """Where the file keeps its last feature map.

    Raises:
        ModelFileError: The network does not end in global average pooling and one linear layer.
    """
    if model.features is None:
        raise ModelFileError(
            f"{model.name} has no features output, so there is no class activation map: that needs a network "
            "that ends in global average pooling and one linear layer."
        )
    return model.features


def read_class_weights(model: ModelFile) -> npt.NDArray[np.float32]:
    """Read the weights of the last linear layer, `(classes, channels)` float32, out of the graph.

    Raises:
        ModelFileError: The network does not end in global average pooling and one linear layer.
    """
    output = feature_output(model)
    # In an int8 file the weights are stored quantized, and floats only behind their DequantizeLinear.
    dequantized = f"{output.weights}_DequantizeLinear_Output"
    tensor = dequantized if dequantized in {name for _, name in model.graph.nodes} else output.weights
    session = open_session(with_outputs(model.data, [tensor]), device="cpu", threads=1)
    weights = session.run([tensor], {model.input.name: np.zeros(model.one_picture.shape, np.uint8)})[0]
    if (
        weights.ndim != 2
        or weights.shape[1 if output.transposed else 0] != len(model.labels)
        or weights.dtype.kind != "f"
    ):
        raise ModelFileError(
            f"{model.name} names {tensor!r}, {weights.dtype} {weights.shape}, as the weights of its classes; "
            f"expected floats, one row a class for {len(model.labels)} classes."
        )
    return np.ascontiguousarray(weights.T if output.transposed else weights, np.float32)
