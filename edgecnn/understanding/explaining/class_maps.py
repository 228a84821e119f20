"""Where the network saw a class: class activation maps from any ONNX graph that ends in pooling and a linear layer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier
from edgecnn_runtime.class_activation import is_global_average
from edgecnn_runtime.errors import ModelFileError

from edgecnn.understanding.inspecting import Graph, weight_values
from edgecnn.understanding.inspecting.onnx_graph import Node
from edgecnn.understanding.inspecting.rules import reduced_axes

__all__ = ["CamSource", "cam_source"]

_PASSED = frozenset(
    {"Flatten", "Reshape", "Squeeze", "QuantizeLinear", "DequantizeLinear", "Identity", "Dropout", "Cast"}
)


@dataclass(frozen=True, eq=False)
class CamSource:
    """What a class activation map is made of.

    Attributes:
        tensor: The last feature map, `(N, channels, h, w)`.
        weights: `(classes, channels)` float32 of the linear layer behind its global average pooling.
    """

    tensor: str
    weights: npt.NDArray[np.float32]


def cam_source(classifier: Classifier, graph: Graph) -> CamSource:
    """Find the last feature map and the class weights.

    Raises:
        ModelFileError: The network does not end in global average pooling and one linear layer.
    """
    features = classifier.model.features
    if features is not None:
        return CamSource(features.name, classifier.class_weights())
    linear = _back(graph, classifier.model.logits.name)
    if linear is not None and linear.operator == "Add":  # a bias added after the product
        linear = _back(graph, linear.inputs[0])
    if linear is not None and linear.operator in ("Gemm", "MatMul"):
        pool, weights = _back(graph, linear.inputs[0]), weight_values(graph, linear.inputs[1])
        if pool is not None and weights is not None and _averages_space(graph, pool):
            transposed = linear.operator == "Gemm" and linear.integer("transB", 0)
            return CamSource(pool.inputs[0], np.ascontiguousarray(weights if transposed else weights.T))
    raise ModelFileError(
        "the network does not end in global average pooling and one linear layer, so it has no class activation "
        "map; occlusion (--occlusion) works for every network."
    )


def _back(graph: Graph, name: str) -> Node | None:
    """The node that a tensor comes from, through nodes that only reshape or round."""
    node = graph.producers.get(name)
    while node is not None and node.operator in _PASSED:
        node = graph.producers.get(node.inputs[0])
    return node


def _averages_space(graph: Graph, node: Node) -> bool:
    rank = graph.rank(node.inputs[0])
    axes = reduced_axes(graph, node, rank) if node.operator == "ReduceMean" and rank is not None else None
    return is_global_average(node.operator, axes or (), rank)
