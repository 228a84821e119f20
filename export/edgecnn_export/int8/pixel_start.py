"""Let the first convolution read the pixels themselves: fold the normalization into its weights and bias.

A normalized pixel is `a * p + b` with one `a` and `b` a channel. Quantizing it again spends up to one of the eight
bits: for mean and deviation 0.5 the codes fall on `p + 0.5`, halfway between two numbers. Read as `p - z` with an
integer `z`, each pixel is its own code and nothing is rounded. The convolution's padding, zero in the normalized
picture, becomes the gray `z`, which is off by `a * z + b`; that touches the border alone, and the ladder measures
whether it is worth it.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgecnn_export.int8.ranges import watching_session
from edgecnn_export.passes.values import constant, to_proto

__all__ = ["CENTERED", "PixelStart", "fold_normalization", "start_from_pixels"]

CENTERED = "pixels_centered"
"""Name of the tensor `pixels - z` in a network whose normalization is folded."""

_ELEMENTWISE = ("Transpose", "Cast", "Mul", "Div", "Add", "Sub")


@dataclass(frozen=True)
class PixelStart:
    """A float network whose first convolution reads `pixels - zero_point`.

    Attributes:
        model: The network.
        zero_point: The gray that stands for zero, 0..255.
    """

    model: onnx.ModelProto
    zero_point: int


def fold_normalization(proto: onnx.ModelProto) -> PixelStart | None:
    """The network with its normalization folded, or None where it does not begin with arithmetic and Conv."""
    model = ir.from_proto(proto)
    conv = _first_convolution(model)
    parameters = [constant(value) for value in conv.inputs[1:]] if conv is not None else []
    if conv is None or conv.inputs[0] is None or any(array is None for array in parameters):
        return None
    affine = _affine(proto, str(conv.inputs[0].name))
    weights, *bias = (np.asarray(array, np.float64) for array in parameters)
    if affine is None or weights.shape[1] != 3:
        return None
    scale, shift = affine
    zero_point = int(np.clip(np.rint(np.mean(-shift / scale)), 0, 255))
    offset = scale * zero_point + shift
    new_weights = weights * scale.reshape(1, 3, 1, 1)
    new_bias = (bias[0] if bias else 0.0) + (weights * offset.reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    nodes: list[ir.Node] = []
    for operator, name, more, attributes in (
        ("Transpose", "pixels_planar", (), {"perm": [0, 3, 1, 2]}),
        ("Cast", "pixels_float", (), {"to": ir.DataType.FLOAT.value}),
        ("Sub", CENTERED, (_initializer(model, "pixels_zero", np.array(zero_point)),), {}),
    ):
        data = nodes[-1].outputs[0] if nodes else model.graph.inputs[0]
        nodes.append(ir.node(operator, [data, *more], attributes, name=name))
        nodes[-1].outputs[0].name = name
    model.graph.insert_before(model.graph[0], nodes)
    conv.resize_inputs(3)
    conv.replace_input_with(0, nodes[-1].outputs[0])
    conv.replace_input_with(1, _initializer(model, "pixels_weight", new_weights))
    conv.replace_input_with(2, _initializer(model, "pixels_bias", new_bias))
    RemoveUnusedNodesPass()(model)
    return PixelStart(to_proto(model), zero_point)


def start_from_pixels(proto: onnx.ModelProto) -> onnx.ModelProto:
    """The QDQ network with one DequantizeLinear for the Cast, Sub, Quantize- and DequantizeLinear behind the pixels."""
    model = ir.from_proto(proto)
    for quantize in [node for node in model.graph if node.op_type == "QuantizeLinear"]:
        centered = quantize.inputs[0]
        if centered is None or centered.name != CENTERED:
            continue
        planar = next(node.outputs[0] for node in model.graph if node.name == "pixels_planar")
        for reader, index in list(quantize.outputs[0].uses()):
            reader.replace_input_with(index, planar)
        RemoveUnusedNodesPass()(model)
    return to_proto(model)


def _first_convolution(model: ir.Model) -> ir.Node | None:
    """The one convolution that the pixels reach through shape-keeping arithmetic with constants."""
    current = model.graph.inputs[0]
    while True:
        uses = list(current.uses())
        if len(uses) != 1:
            return None
        node = uses[0].node
        if node.op_type == "Conv":
            return node
        if node.op_type not in _ELEMENTWISE or any(v is not current and constant(v) is None for v in node.inputs):
            return None
        current = node.outputs[0]


def _initializer(model: ir.Model, name: str, array: NDArray[np.generic]) -> ir.Value:
    value = ir.Value(name=name, const_value=ir.Tensor(array.astype(np.float32), name=name))
    model.graph.register_initializer(value)
    return value


def _affine(model: onnx.ModelProto, tensor: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """`a` and `b`, `(3,)` each, of `tensor = a * pixel + b`, found by running three flat pictures."""
    height, width = (d.dim_value or 8 for d in model.graph.input[0].type.tensor_type.shape.dim[1:3])
    session = watching_session(model, [tensor])
    feed = session.get_inputs()[0].name
    values = []
    for gray in (0, 255, 51):
        (x,) = session.run([tensor], {feed: np.full((1, height, width, 3), gray, np.uint8)})
        if x.ndim != 4 or x.shape[1] != 3:
            return None
        values.append(x[0, :, 0, 0].astype(np.float64))
    black, white, dark = values
    scale = (white - black) / 255
    if (scale == 0).any() or np.abs(dark - (black + 51 * scale)).max() > 1e-4 * np.abs(white - black).max():
        return None
    return scale, black
