"""Let the first convolution read the pixels themselves: fold the normalization into its weights and bias.

A normalized pixel is `a * p + b` with one `a` and `b` a channel. Quantizing it again spends up to one of the eight
bits:
for mean and deviation 0.5 the codes fall on `p + 0.5`, halfway between two numbers. Read as `p - z` with an integer
`z`,
each pixel is its own code and nothing is rounded. The convolution's padding, zero in the normalized picture, becomes
the
gray `z`, which is off by `a * z + b`; that touches the border alone, and the ladder measures whether it is worth it.
"""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.ranges import watching_session
from edgecnn_export.passes.prune import drop_unread

__all__ = ["CENTERED", "PixelStart", "fold_normalization", "start_from_pixels"]

CENTERED = "pixels_centered"
"""Name of the tensor `pixels - z` in a network whose normalization is folded."""


@dataclass(frozen=True)
class PixelStart:
    """A float network whose first convolution reads `pixels - zero_point`.

    Attributes:
        model: the network.
        zero_point: the gray that stands for zero, 0..255.
        border_offset: largest difference, in normalized units, between that gray and the true zero.
    """

    model: onnx.ModelProto
    zero_point: int
    border_offset: float


def fold_normalization(model: onnx.ModelProto) -> PixelStart | None:
    """Return `model` with its normalization folded, or None where it does not begin with arithmetic and Conv."""
    conv = _first_convolution(model)
    initializers = {t.name: t for t in model.graph.initializer}
    if conv is None or conv.input[1] not in initializers or (len(conv.input) > 2 and conv.input[2] not in initializers):
        return None
    affine = _affine(model, conv.input[0])
    if affine is None:
        return None
    scale, shift = affine
    weights = onnx.numpy_helper.to_array(initializers[conv.input[1]]).astype(np.float64)
    if weights.shape[1] != 3:
        return None
    zero_point = int(np.clip(np.rint(np.mean(-shift / scale)), 0, 255))
    offset = scale * zero_point + shift
    bias = onnx.numpy_helper.to_array(initializers[conv.input[2]]).astype(np.float64) if len(conv.input) > 2 else 0.0
    new_bias = bias + (weights * offset.reshape(1, 3, 1, 1)).sum(axis=(1, 2, 3))
    folded = onnx.ModelProto()
    folded.CopyFrom(model)
    nodes = [
        onnx.helper.make_node(
            "Transpose", [model.graph.input[0].name], ["pixels_planar"], "pixels_planar", perm=[0, 3, 1, 2]
        ),
        onnx.helper.make_node("Cast", ["pixels_planar"], ["pixels_float"], "pixels_float", to=onnx.TensorProto.FLOAT),
        onnx.helper.make_node("Sub", ["pixels_float", "pixels_zero"], [CENTERED], "pixels_center"),
    ]
    _set(folded, "pixels_zero", np.array(zero_point, np.float32))
    _set(folded, "pixels_weight", (weights * scale.reshape(1, 3, 1, 1)).astype(np.float32))
    _set(folded, "pixels_bias", new_bias.astype(np.float32))
    for node in folded.graph.node:
        if node.name == conv.name:
            del node.input[:]
            node.input.extend([CENTERED, "pixels_weight", "pixels_bias"])
    for i, node in enumerate(nodes):
        folded.graph.node.insert(i, node)
    drop_unread(folded)
    return PixelStart(folded, zero_point, float(np.abs(offset).max()))


def start_from_pixels(model: onnx.ModelProto) -> None:
    """Replace Cast, Sub, QuantizeLinear and DequantizeLinear after the pixels by one DequantizeLinear, in place."""
    quantize = next((n for n in model.graph.node if n.op_type == "QuantizeLinear" and n.input[0] == CENTERED), None)
    if quantize is None:
        return
    for node in model.graph.node:
        if node.op_type == "DequantizeLinear" and node.input[0] == quantize.output[0]:
            node.input[0] = "pixels_planar"
    drop_unread(model)


def _first_convolution(model: onnx.ModelProto) -> onnx.NodeProto | None:
    """Return the one convolution that the pixels reach through shape-keeping arithmetic with constants."""
    initializers = {t.name for t in model.graph.initializer}
    current = model.graph.input[0].name
    while True:
        readers = [n for n in model.graph.node if current in n.input]
        if len(readers) != 1:
            return None
        node: onnx.NodeProto = readers[0]
        if node.op_type == "Conv":
            return node
        constant = all(i == current or i in initializers for i in node.input)
        if node.op_type not in {"Transpose", "Cast", "Mul", "Div", "Add", "Sub"} or not constant:
            return None
        current = node.output[0]


def _affine(model: onnx.ModelProto, tensor: str) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Return `a` and `b`, `(3,)` each, of `tensor = a * pixel + b`, found by running three flat pictures."""
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


def _set(model: onnx.ModelProto, name: str, value: NDArray[np.generic]) -> None:
    model.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
