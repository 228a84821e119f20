"""Find the last feature map of a graph and make it an output, so that a class activation map is one product away."""

import onnx_ir as ir
from edgecnn_runtime.card import FeatureOutput
from onnx_ir.passes.common import ShapeInferencePass

from edgecnn_export.passes.values import spatial_mean
from edgecnn_export.pixel_graph import FEATURES

__all__ = ["expose_features"]

# What may stand between the pooling and the linear layer without changing what a channel means.
_RESHAPING = {"Flatten", "Reshape", "Squeeze", "Identity", "Dropout"}


def expose_features(model: ir.Model) -> FeatureOutput | None:
    """Add the output `features` where the graph ends in global average pooling and one linear layer.

    The tensor in front of the pooling is renamed to `features`; nothing is computed that was not before.

    Returns:
        Where the linear layer's weights are, or None when the graph ends in another way (it then stays as it is).
    """
    linear = model.graph.outputs[0].producer()
    if linear is not None and linear.op_type == "Add":  # MatMul with its bias apart
        linear = next(iter(linear.predecessors()), None)
    if linear is None or linear.op_type not in ("Gemm", "MatMul"):
        return None
    data, weights = linear.inputs[:2]
    if data is None or weights is None or weights.name is None or not weights.is_initializer():
        return None
    pooling = data.producer()
    while pooling is not None and pooling.op_type in _RESHAPING:
        pooling = pooling.inputs[0].producer() if pooling.inputs[0] is not None else None
    if pooling is None or not spatial_mean(pooling):
        return None
    features = pooling.inputs[0]
    if features is not None and (features.type is None or features.shape is None):
        ShapeInferencePass()(model)
    if features is None or features.type is None or features.producer() is None:
        return None
    features.name = FEATURES
    model.graph.outputs.append(features)
    transposed = linear.op_type == "MatMul" or not linear.attributes.get_int("transB", 0)
    return FeatureOutput(name=FEATURES, weights=weights.name, transposed=transposed)
