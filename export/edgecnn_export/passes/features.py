"""Find the last feature map of a graph and make it an output, so that a class activation map is one product away."""

from typing import Any

import onnx
from onnx import helper, numpy_helper

from edgecnn_export.pixel_graph import FEATURES, LOGITS, FeatureTap

__all__ = ["expose_features"]

# What may stand between the pooling and the linear layer without changing what a channel means.
_RESHAPING = {"Flatten", "Reshape", "Squeeze", "Identity", "Dropout"}


def expose_features(model: onnx.ModelProto) -> FeatureTap | None:
    """Add the output `features` where the graph ends in global average pooling and one linear layer.

    The tensor in front of the pooling is renamed to `features`; nothing is computed that was not before.

    Returns:
        Where the linear layer's weights are, or None when the graph ends in another way (it then stays as it is).
    """
    graph = model.graph
    producers = {output: node for node in graph.node for output in node.output}
    initializers = {tensor.name for tensor in graph.initializer}
    linear = producers.get(LOGITS)
    if linear is not None and linear.op_type == "Add":  # MatMul with its bias apart
        linear = next((producers[i] for i in linear.input if i in producers), None)
    if linear is None or linear.op_type not in ("Gemm", "MatMul") or linear.input[1] not in initializers:
        return None
    pooling = producers.get(linear.input[0])
    while pooling is not None and pooling.op_type in _RESHAPING:
        pooling = producers.get(pooling.input[0])
    if pooling is None or not _is_global_average(pooling, graph):
        return None
    declared = _declaration(model, pooling.input[0])
    if declared is None:
        return None
    _rename(graph, pooling.input[0], FEATURES)
    declared.name = FEATURES
    graph.output.append(declared)
    transposed = linear.op_type == "MatMul" or not _attribute(linear, "transB", 0)
    return FeatureTap(weights=linear.input[1], transposed=transposed)


def _is_global_average(node: onnx.NodeProto, graph: onnx.GraphProto) -> bool:
    if node.op_type == "GlobalAveragePool":
        return True
    if node.op_type != "ReduceMean":
        return False
    axes = _attribute(node, "axes", None)
    if axes is None and len(node.input) > 1:
        axes = next((numpy_helper.to_array(t).tolist() for t in graph.initializer if t.name == node.input[1]), None)
    return axes is not None and sorted(axis % 4 for axis in axes) == [2, 3]


def _declaration(model: onnx.ModelProto, name: str) -> onnx.ValueInfoProto | None:
    """Element type and shape of an inner tensor, which an output must declare; None where they cannot be inferred."""
    inferred = onnx.shape_inference.infer_shapes(model).graph.value_info
    return next((value for value in inferred if value.name == name and value.type.tensor_type.elem_type), None)


def _rename(graph: onnx.GraphProto, old: str, new: str) -> None:
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                if name == old:
                    names[index] = new
    for value in graph.value_info:
        if value.name == old:
            value.name = new


def _attribute(node: onnx.NodeProto, name: str, default: Any) -> Any:
    return next((helper.get_attribute_value(a) for a in node.attribute if a.name == name), default)
