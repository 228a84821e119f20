"""Fold batch norms that stand behind a max pooling into the convolution before it.

A batch norm with positive scales keeps the order of the values in a channel, so the largest of a window is the same
before and after it: convolution, pooling, norm is convolution, norm, pooling, and that norm folds into the weights.
PyTorch's exporter folds only norms that follow their convolution at once; left as it is, such a norm stays in float
between two int8 layers.
"""

import numpy as np
import onnx_ir as ir
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgecnn_export.passes.values import constant, only_producer, replace_constant

__all__ = ["fold_pooled_norms"]


def fold_pooled_norms(model: ir.Model) -> None:
    """Fold in place; norms with a scale of zero or below stay."""
    for norm in [node for node in model.graph if node.op_type == "BatchNormalization"]:
        pool = only_producer(norm.inputs[0], "MaxPool")
        convolution = only_producer(pool.inputs[0], "Conv") if pool else None
        if pool is not None and convolution is not None and _fold(convolution, norm):
            pooled = pool.outputs[0]
            pooled.name = norm.outputs[0].name
            norm.outputs[0].replace_all_uses_with(pooled, replace_graph_outputs=True)
            RemoveUnusedNodesPass()(model)


def _fold(convolution: ir.Node, norm: ir.Node) -> bool:
    """Scale and shift the convolution's filters by the norm; say whether that can be done."""
    parameters = (*convolution.inputs[1:], *norm.inputs[1:])
    values = [constant(value) for value in parameters]
    if any(value is None for value in values) or any(len(value.uses()) > 1 for value in parameters if value):
        return False
    weights, *bias, scale, shift, mean, variance = (value for value in values if value is not None)
    factor = scale / np.sqrt(variance + norm.attributes.get_float("epsilon", 1e-5))
    if not (factor > 0).all():
        return False
    if not bias:
        convolution.resize_inputs(3)
        convolution.replace_input_with(2, norm.inputs[2])  # the norm's own shift becomes the bias
    replace_constant(convolution.inputs[1], weights * factor.reshape(-1, 1, 1, 1))
    replace_constant(convolution.inputs[2], ((bias[0] if bias else 0) - mean) * factor + shift)
    return True
