"""Small questions about the values of a graph that several passes ask."""

from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
from edgecnn_runtime.class_activation import is_global_average
from numpy.typing import NDArray

__all__ = ["constant", "only_producer", "replace_constant", "spatial_mean", "to_proto"]


def constant(value: ir.Value | None) -> NDArray[Any] | None:
    """The array of an initializer; None for whatever is computed or absent."""
    if value is None or not value.is_initializer() or value.const_value is None:
        return None
    return value.const_value.numpy()


def replace_constant(value: ir.Value | None, array: NDArray[Any]) -> None:
    """Give an initializer other values."""
    if value is not None:
        value.const_value = ir.Tensor(np.ascontiguousarray(array), name=value.name)


def only_producer(value: ir.Value | None, operator: str) -> ir.Node | None:
    """The node of this operator that makes the value, where a single other node reads it and the graph gives it not."""
    node = value.producer() if value is not None else None
    if value is None or node is None or node.op_type != operator or value.is_graph_output():
        return None
    return node if len(value.uses()) == 1 else None


def spatial_mean(node: ir.Node) -> bool:
    """Whether a node averages each channel over height and width."""
    axes = list(node.attributes.get_ints("axes", ()))
    given = constant(node.inputs[1]) if len(node.inputs) > 1 else None
    if given is not None:
        axes = given.tolist()
    shape = node.inputs[0].shape if node.inputs[0] is not None else None
    return is_global_average(node.op_type, axes, None if shape is None else len(shape))


def to_proto(model: ir.Model) -> onnx.ModelProto:
    """The model as protobuf, without the types of initializers, which onnx_ir writes a second time."""
    proto = ir.to_proto(model)
    initializers = {tensor.name for tensor in proto.graph.initializer}
    declared = [value for value in proto.graph.value_info if value.name not in initializers]
    del proto.graph.value_info[:]
    proto.graph.value_info.extend(declared)
    return proto
