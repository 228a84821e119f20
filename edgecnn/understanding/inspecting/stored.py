"""Values of stored weights, as floats, through quantization; and where an inner tensor is best read."""

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.inspecting.onnx_graph import DEQUANTIZE, QUANTIZE, Graph, Node

__all__ = ["readable_tensor", "weight_values"]


def weight_values(graph: Graph, name: str) -> npt.NDArray[np.float32] | None:
    """Float values of a weight as the network uses it; None when they are computed or stored outside the file."""
    stored = graph.constant(name)
    if stored is not None:
        return stored.astype(np.float32)
    node = graph.producers.get(name)
    if node is None:
        return None
    if node.operator in DEQUANTIZE:
        return _dequantized(graph, node)
    if node.operator not in ("Identity", "Cast", "Transpose"):
        return None
    value = weight_values(graph, node.inputs[0])
    if value is None or node.operator != "Transpose":
        return value
    return np.transpose(value, node.integers("perm", tuple(reversed(range(value.ndim)))))


def _dequantized(graph: Graph, node: Node) -> npt.NDArray[np.float32] | None:
    value, scale = graph.constant(node.inputs[0]), graph.constant(node.inputs[1])
    if value is None or scale is None:
        return None
    zero = graph.constant(node.inputs[2]) if len(node.inputs) > 2 and node.inputs[2] else None
    axis = node.integer("axis", 1) % max(value.ndim, 1)
    shape = [-1 if index == axis and scale.size > 1 else 1 for index in range(value.ndim)]
    shifted = value.astype(np.float32)
    if zero is not None:
        shifted -= zero.astype(np.float32).reshape(shape)
    return np.asarray(shifted * scale.astype(np.float32).reshape(shape), np.float32)


def readable_tensor(graph: Graph, name: str) -> str:
    """The tensor to read for what a layer gives on: in a quantized network the one behind its rounding.

    Reading the float result in front of the rounding would keep ONNX Runtime from computing the layer in integers, and
    show numbers that the network does not go on with.
    """
    used_by = {node.inputs[0]: node for node in reversed(graph.nodes) if node.operator in (*QUANTIZE, *DEQUANTIZE)}
    rounded = used_by.get(name)
    restored = used_by.get(rounded.outputs[0]) if rounded is not None and rounded.operator in QUANTIZE else None
    return restored.outputs[0] if restored is not None and restored.operator in DEQUANTIZE else name
