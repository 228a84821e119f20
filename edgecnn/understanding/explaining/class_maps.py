"""Where the network saw a class: class activation maps from any ONNX graph that ends in pooling and a linear layer."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier
from edgecnn_runtime.errors import ModelFileError

from edgecnn.understanding.inspecting.graph import Graph, Node
from edgecnn.understanding.inspecting.stored import weight_values

__all__ = ["CamSource", "cam_source", "class_map", "upsampled"]

Map = npt.NDArray[np.float32]
_PASSED = frozenset(
    {"Flatten", "Reshape", "Squeeze", "QuantizeLinear", "DequantizeLinear", "Identity", "Dropout", "Cast"}
)
_POOLS = frozenset({"GlobalAveragePool", "ReduceMean"})


@dataclass(frozen=True, eq=False)
class CamSource:
    """What a class activation map is made of.

    Attributes:
        tensor: the last feature map, `(N, channels, h, w)`.
        weights: `(classes, channels)` float32 of the linear layer behind its global average pooling.
    """

    tensor: str
    weights: Map


def cam_source(classifier: Classifier, graph: Graph) -> CamSource:
    """Find the last feature map and the class weights.

    Raises:
        ModelFileError: the network does not end in global average pooling and one linear layer.
    """
    features = classifier.model.features
    if features is not None:
        return CamSource(features.name, classifier.class_weights())
    linear = _back(graph, classifier.model.logits.name, frozenset({"Gemm", "MatMul", "Add"}))
    if linear is not None and linear.operator == "Add":  # a bias added after the product
        linear = _back(graph, linear.inputs[0], frozenset({"MatMul"}))
    pool = _back(graph, linear.inputs[0], _POOLS) if linear is not None else None
    weights = weight_values(graph, linear.inputs[1]) if linear is not None else None
    if linear is None or pool is None or weights is None or not _pools_positions(graph, pool):
        raise ModelFileError(
            "the network does not end in global average pooling and one linear layer, so it has no class activation "
            "map; occlusion (--occlusion) works for every network."
        )
    transposed = linear.operator == "Gemm" and bool(linear.attributes.get("transB", 0))
    return CamSource(pool.inputs[0], np.ascontiguousarray(weights if transposed else weights.T))


def class_map(source: CamSource, features: Map, index: int) -> Map:
    """`(h, w)` float32: the feature map `(channels, h, w)` summed with the class's weights.

    Positive where it speaks for the class. Source: Zhou et al., "Learning Deep Features for Discriminative
    Localization", CVPR 2016.
    """
    return np.asarray(np.tensordot(source.weights[index], features, axes=1), np.float32)


def upsampled(values: Map, height: int, width: int) -> Map:
    """A small map at the picture's size, bicubic, `(height, width)` float32."""
    from PIL import Image

    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def _back(graph: Graph, name: str, wanted: frozenset[str]) -> Node | None:
    """The node of a wanted kind that a tensor comes from, through nodes that only reshape or round."""
    node = graph.producers.get(name)
    while node is not None and node.operator in _PASSED:
        node = graph.producers.get(node.inputs[0])
    return node if node is not None and node.operator in wanted else None


def _pools_positions(graph: Graph, pool: Node) -> bool:
    if pool.operator == "GlobalAveragePool":
        return True
    axes = pool.integers("axes", ())
    if not axes and len(pool.inputs) > 1:
        value = graph.constant(pool.inputs[1])
        axes = () if value is None else tuple(int(entry) for entry in value.ravel())
    rank = len(graph.shape(pool.inputs[0]) or ())
    return rank == 4 and sorted(axis % rank for axis in axes) == [2, 3]
