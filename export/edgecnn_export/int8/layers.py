"""Read the weighted layers out of a network: weights, grids and the way kernels walk their inputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx
from numpy.typing import NDArray

__all__ = ["Layer", "QuantizedLayer", "constants", "float_layers", "quantized_layers"]


@dataclass(frozen=True)
class Layer:
    """One convolution or matrix product with constant weights.

    Attributes:
        name: node name.
        operator: `Conv`, `Gemm` or `MatMul`.
        data: tensor name of the input.
        output: tensor name of the result.
        weight_name: name of the initializer that holds the weights.
        weights: `(O, I / group, kh, kw)` for Conv, `(O, I)` for Gemm and MatMul; float32, or int8 codes.
        transposed: whether the file holds Gemm or MatMul weights as `(I, O)`.
        group, strides, pads, dilations: as in ONNX; pads are top, left, bottom, right.
    """

    name: str
    operator: str
    data: str
    output: str
    weight_name: str
    weights: NDArray[np.generic]
    transposed: bool = False
    group: int = 1
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    @property
    def depthwise(self) -> bool:
        """Whether every output channel reads a single input channel."""
        return self.operator == "Conv" and self.group > 1 and self.weights.shape[1] == 1

    @property
    def channel_axis(self) -> int:
        """Axis of the output channels in the file's own weight tensor."""
        return 1 if self.transposed else 0

    @property
    def rows(self) -> NDArray[np.generic]:
        """`(O, K)`: each output channel's weights as CPU kernels walk them: by row, column, channel."""
        if self.operator != "Conv":
            return self.weights
        return np.ascontiguousarray(self.weights.transpose(0, 2, 3, 1).reshape(len(self.weights), -1))

    def from_rows(self, rows: NDArray[np.int8]) -> NDArray[np.int8]:
        """Return `rows (O, K)` in the shape of the file's own weight tensor."""
        if self.operator != "Conv":
            return np.ascontiguousarray(rows.T) if self.transposed else rows
        out, channels, height, width = self.weights.shape
        return np.ascontiguousarray(rows.reshape(out, height, width, channels).transpose(0, 3, 1, 2))

    def walk(
        self, data: NDArray[np.generic], *, padding: float = 0, step: int = 1
    ) -> tuple[NDArray[np.generic], tuple[int, int]]:
        """Return the input of a convolution as `(N, H', W', kh * kw, C)`, one entry a product, and `(H', W')`.

        Args:
            data: `(N, C, H, W)`.
            padding: value that stands for zero.
            step: take only every so many rows and columns of the output.
        """
        top, left, bottom, right = self.pads
        padded = np.pad(data, ((0, 0), (0, 0), (top, bottom), (left, right)), constant_values=padding)
        moved = padded.transpose(0, 2, 3, 1)
        kernel_height, kernel_width = self.weights.shape[2:]
        height = (moved.shape[1] - self.dilations[0] * (kernel_height - 1) - 1) // self.strides[0] + 1
        width = (moved.shape[2] - self.dilations[1] * (kernel_width - 1) - 1) // self.strides[1] + 1
        offsets = [
            (y * self.dilations[0], x * self.dilations[1]) for y in range(kernel_height) for x in range(kernel_width)
        ]
        last_y, last_x = (height - 1) * self.strides[0] + 1, (width - 1) * self.strides[1] + 1
        over_y, over_x = self.strides[0] * step, self.strides[1] * step
        pieces = [moved[:, y : y + last_y : over_y, x : x + last_x : over_x] for y, x in offsets]
        return np.stack(pieces, axis=3), (height, width)


@dataclass(frozen=True)
class QuantizedLayer(Layer):
    """A layer of a QDQ network whose input and weights are 8-bit.

    Attributes:
        weight_scale: `(O,)` or `(1,)` float32.
        input_scale: step of the input's grid.
        input_zero_point: code that stands for zero in the input.
    """

    weight_scale: NDArray[np.float32] = field(default_factory=lambda: np.ones(1, np.float32))
    input_scale: float = 1.0
    input_zero_point: int = 0


def constants(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """Return the initializers of `model` as arrays, by name."""
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


def float_layers(model: onnx.ModelProto) -> Iterator[Layer]:
    """Yield the layers of a float network in the order in which they run."""
    values = constants(model)
    for node in model.graph.node:
        if node.op_type in {"Conv", "Gemm", "MatMul"} and node.input[1] in values:
            yield _layer(node, node.input[1], values[node.input[1]])


def quantized_layers(model: onnx.ModelProto) -> Iterator[QuantizedLayer]:
    """Yield the 8-bit layers of a QDQ network in the order in which they run."""
    values = constants(model)
    dequantize = {n.output[0]: n for n in model.graph.node if n.op_type == "DequantizeLinear"}
    for node in model.graph.node:
        if node.op_type not in {"Conv", "Gemm", "MatMul"}:
            continue
        data, weight = dequantize.get(node.input[0]), dequantize.get(node.input[1])
        if data is None or weight is None or weight.input[0] not in values:
            continue
        codes = values[weight.input[0]]
        if codes.dtype != np.int8:
            continue
        zero = values[data.input[2]] if len(data.input) > 2 else np.uint8(0)
        yield QuantizedLayer(
            **vars(_layer(node, weight.input[0], codes)),
            weight_scale=np.asarray(values[weight.input[1]], np.float32).reshape(-1),
            input_scale=float(np.asarray(values[data.input[1]]).reshape(())),
            input_zero_point=int(np.asarray(zero).reshape(())),
        )


def _layer(node: onnx.NodeProto, weight_name: str, weights: NDArray[np.generic]) -> Layer:
    attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
    transposed = node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes.get("transB", 0))
    strides, dilations = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
    pads = attributes.get("pads", [0, 0, 0, 0])
    return Layer(
        name=node.name,
        operator=node.op_type,
        data=node.input[0],
        output=node.output[0],
        weight_name=weight_name,
        weights=weights.T if transposed else weights,
        transposed=transposed,
        group=int(attributes.get("group", 1)),
        strides=(int(strides[0]), int(strides[-1])),
        pads=(int(pads[0]), int(pads[1]), int(pads[2]), int(pads[3])),
        dilations=(int(dilations[0]), int(dilations[-1])),
    )
