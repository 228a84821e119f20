"""Fold batch norms that stand behind a max pooling into the convolution before it.

A batch norm with positive scales keeps the order of the values in a channel, so the largest of a window is the same
before and after it: convolution, pooling, norm is convolution, norm, pooling, and that norm folds into the weights.
PyTorch's exporter folds only norms that follow their convolution at once; left as it is, such a norm stays in float
between two int8 layers.
"""

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.passes.prune import drop_unread

__all__ = ["fold_pooled_norms"]


def fold_pooled_norms(model: onnx.ModelProto) -> None:
    """Fold in place; norms with a scale of zero or below stay."""
    for norm in [node for node in model.graph.node if node.op_type == "BatchNormalization"]:
        pool = _only_source(model.graph, norm.input[0], "MaxPool")
        convolution = _only_source(model.graph, pool.input[0], "Conv") if pool else None
        if pool is not None and convolution is not None and _fold(model.graph, convolution, norm):
            pool.output[0] = norm.output[0]
            model.graph.node.remove(norm)
            drop_unread(model)


def _fold(graph: onnx.GraphProto, convolution: onnx.NodeProto, norm: onnx.NodeProto) -> bool:
    """Scale and shift the convolution's filters by the norm; say whether that can be done."""
    parameters = (*convolution.input[1:], *norm.input[1:])
    tensors = {tensor.name: tensor for tensor in graph.initializer if tensor.name in parameters}
    if len(tensors) < len(parameters) or any(_readers(graph, name) > 1 for name in parameters):
        return False
    values = {name: onnx.numpy_helper.to_array(tensor) for name, tensor in tensors.items()}
    scale, shift, mean, variance = (values[name] for name in norm.input[1:])
    epsilon = next((a.f for a in norm.attribute if a.name == "epsilon"), 1e-5)
    factor = scale / np.sqrt(variance + epsilon)
    if not (factor > 0).all():
        return False
    weight, *biases = convolution.input[1:]
    bias = values[biases[0]] if biases else np.float32(0)
    if not biases:
        convolution.input.append(norm.input[2])  # the norm's own shift becomes the bias
    _set(tensors[weight], values[weight] * factor.reshape(-1, 1, 1, 1))
    _set(tensors[convolution.input[2]], (bias - mean) * factor + shift)
    return True


def _set(tensor: onnx.TensorProto, value: NDArray[np.generic]) -> None:
    tensor.CopyFrom(onnx.numpy_helper.from_array(value, tensor.name))


def _readers(graph: onnx.GraphProto, name: str) -> int:
    return sum(list(node.input).count(name) for node in graph.node)


def _only_source(graph: onnx.GraphProto, name: str, operator: str) -> onnx.NodeProto | None:
    """Return the node of this operator that makes the tensor, if only one other node reads it."""
    maker: onnx.NodeProto | None = next((node for node in graph.node if name in node.output), None)
    if maker is None or maker.op_type != operator or name in {output.name for output in graph.output}:
        return None
    return maker if _readers(graph, name) == 1 else None
