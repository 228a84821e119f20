"""Class activation maps: where a network saw a class.

Source: Zhou et al., "Learning Deep Features for Discriminative Localization", CVPR 2016.
"""

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.card import FeatureOutput
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.onnx_file import with_outputs
from edgecnn_runtime.session import open_session

__all__ = ["class_activation_map", "feature_output", "read_class_weights"]


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
    """
    return np.asarray(np.tensordot(weights[index], features, axes=1), np.float32)


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
    blank = np.zeros((1, model.height, model.width, 3), np.uint8)
    weights = session.inference.run([tensor], {model.input.name: blank})[0].astype(np.float32)
    return np.ascontiguousarray(weights.T if output.transposed else weights)
