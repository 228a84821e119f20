"""Read the weighted layers out of a network: weights, grids and the way kernels walk their inputs."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from edgecnn_export.passes.values import constant

__all__ = ["QuantizedLayer", "WeightedLayer", "float_layers", "quantized_layers"]

_OPERATORS = ("Conv", "Gemm", "MatMul")


@dataclass(frozen=True)
class WeightedLayer:
    """One convolution or matrix product with constant weights.

    Attributes:
        name: Node name.
        operator: `Conv`, `Gemm` or `MatMul`.
        data: Tensor name of the input.
        output: Tensor name of the result.
        weight_name: Name of the initializer that holds the weights.
        weights: `(O, I / group, kh, kw)` for Conv, `(O, I)` for Gemm and MatMul; float32, or int8 codes.
        transposed: Whether the file holds Gemm or MatMul weights as `(I, O)`.
        group, strides, pads, dilations: As in ONNX; pads are top, left, bottom, right.
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
        """`rows (O, K)` in the shape of the file's own weight tensor."""
        if self.operator != "Conv":
            return np.ascontiguousarray(rows.T) if self.transposed else rows
        out, channels, height, width = self.weights.shape
        return np.ascontiguousarray(rows.reshape(out, height, width, channels).transpose(0, 3, 1, 2))

    def walk(
        self, data: NDArray[np.generic], *, padding: float = 0, step: int = 1
    ) -> tuple[NDArray[np.generic], tuple[int, int]]:
        """The input of a convolution as `(N, H', W', kh * kw, C)`, one entry a product, and `(H', W')`.

        Args:
            data: `(N, C, H, W)`.
            padding: Value that stands for zero.
            step: Take only every so many rows and columns of the output.
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
class QuantizedLayer(WeightedLayer):
    """A layer of a QDQ network whose input and weights are 8-bit.

    Attributes:
        weight_scale: `(O,)` or `(1,)` float32.
        input_scale: Step of the input's grid.
        input_zero_point: Code that stands for zero in the input.
    """

    weight_scale: NDArray[np.float32] = field(default_factory=lambda: np.ones(1, np.float32))
    input_scale: float = 1.0
    input_zero_point: int = 0


def float_layers(model: onnx.ModelProto) -> Iterator[WeightedLayer]:
    """Yield the layers of a float network in the order in which they run."""
    for node in ir.from_proto(model).graph:
        if node.op_type in _OPERATORS:
            weights = constant(node.inputs[1])
            if weights is not None and _two_dimensional(node, weights):
                yield _layer(node, node.inputs[1], weights)


def quantized_layers(model: onnx.ModelProto) -> Iterator[QuantizedLayer]:
    """Yield the 8-bit layers of a QDQ network in the order in which they run."""
    for node in ir.from_proto(model).graph:
        if node.op_type not in _OPERATORS:
            continue
        data, weight = (value.producer() if value is not None else None for value in node.inputs[:2])
        if data is None or weight is None or {data.op_type, weight.op_type} != {"DequantizeLinear"}:
            continue
        codes = constant(weight.inputs[0])
        if codes is None or codes.dtype != np.int8 or not _two_dimensional(node, codes):
            continue
        input_scale, zero_point = (constant(value) for value in data.inputs[1:3])
        yield QuantizedLayer(
            **vars(_layer(node, weight.inputs[0], codes)),
            weight_scale=np.asarray(constant(weight.inputs[1]), np.float32).reshape(-1),
            input_scale=float(np.asarray(input_scale).reshape(())),
            input_zero_point=int(np.asarray(zero_point).reshape(())),
        )


def _two_dimensional(node: ir.Node, weights: NDArray[np.generic]) -> bool:
    """Whether a layer is one that the steps know: a convolution of pictures, or a product with one matrix."""
    if node.op_type != "Conv":
        return weights.ndim == 2
    return weights.ndim == 4 and node.attributes.get_string("auto_pad", "NOTSET") in ("NOTSET", "VALID")


def _layer(node: ir.Node, weight: ir.Value | None, weights: NDArray[np.generic]) -> WeightedLayer:
    attributes = node.attributes
    transposed = node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes.get_int("transB", 0))
    strides, dilations = attributes.get_ints("strides", [1, 1]), attributes.get_ints("dilations", [1, 1])
    top, left, bottom, right = attributes.get_ints("pads", [0, 0, 0, 0])
    return WeightedLayer(
        name=node.name or "",
        operator=node.op_type,
        data=_name(node.inputs[0]),
        output=_name(node.outputs[0]),
        weight_name=_name(weight),
        weights=weights.T if transposed else weights,
        transposed=transposed,
        group=attributes.get_int("group", 1),
        strides=(strides[0], strides[-1]),
        pads=(top, left, bottom, right),
        dilations=(dilations[0], dilations[-1]),
    )


def _name(value: ir.Value | None) -> str:
    return (value.name or "") if value is not None else ""
