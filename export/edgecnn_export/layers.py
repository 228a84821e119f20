"""Read the weighted layers out of a QDQ network: codes, grids and the way their inputs are walked."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

__all__ = ["QuantizedLayer", "constants", "quantized_layers"]


@dataclass(frozen=True)
class QuantizedLayer:
    """One convolution or matrix product of a QDQ network whose input and weights are 8-bit.

    Attributes:
        name: node name.
        operator: `Conv`, `Gemm` or `MatMul`.
        data: tensor name of the dequantized input.
        output: tensor name of the result (before it is quantized again).
        weight_name: tensor name of the int8 codes.
        weights: `(O, I / group, kh, kw)` int8 for Conv, `(O, I)` for Gemm and MatMul.
        weight_scale: `(O,)` or `(1,)` float32.
        input_scale: step of the input's grid.
        input_zero_point: code that stands for zero in the input.
        group, strides, pads, dilations: as in ONNX; pads are top, left, bottom, right.
    """

    name: str
    operator: str
    data: str
    output: str
    weight_name: str
    weights: NDArray[np.int8]
    weight_scale: NDArray[np.float32]
    input_scale: float
    input_zero_point: int
    group: int = 1
    strides: tuple[int, int] = (1, 1)
    pads: tuple[int, int, int, int] = (0, 0, 0, 0)
    dilations: tuple[int, int] = (1, 1)

    @property
    def depthwise(self) -> bool:
        """Whether every output channel reads a single input channel."""
        return self.operator == "Conv" and self.group > 1 and self.weights.shape[1] == 1

    @property
    def rows(self) -> NDArray[np.int8]:
        """`(O, K)` int8: each output channel's weights in the order in which CPU kernels walk them (row, column, channel)."""
        if self.operator != "Conv":
            return self.weights
        return np.ascontiguousarray(self.weights.transpose(0, 2, 3, 1).reshape(len(self.weights), -1))


def constants(model: onnx.ModelProto) -> dict[str, NDArray[np.generic]]:
    """Return the initializers of `model` as arrays, by name."""
    return {t.name: onnx.numpy_helper.to_array(t) for t in model.graph.initializer}


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
        attributes = {a.name: onnx.helper.get_attribute_value(a) for a in node.attribute}
        codes = values[weight.input[0]]
        if codes.dtype != np.int8:
            continue
        if node.op_type == "MatMul" or (node.op_type == "Gemm" and not attributes.get("transB", 0)):
            codes = codes.T
        strides, dilations = attributes.get("strides", [1, 1]), attributes.get("dilations", [1, 1])
        pads = attributes.get("pads", [0, 0, 0, 0])
        zero = values[data.input[2]] if len(data.input) > 2 else np.uint8(0)
        yield QuantizedLayer(
            name=node.name,
            operator=node.op_type,
            data=node.input[0],
            output=node.output[0],
            weight_name=weight.input[0],
            weights=np.asarray(codes, np.int8),
            weight_scale=np.asarray(values[weight.input[1]], np.float32).reshape(-1),
            input_scale=float(np.asarray(values[data.input[1]]).reshape(())),
            input_zero_point=int(np.asarray(zero).reshape(())),
            group=int(attributes.get("group", 1)),
            strides=(int(strides[0]), int(strides[-1])),
            pads=(int(pads[0]), int(pads[1]), int(pads[2]), int(pads[3])),
            dilations=(int(dilations[0]), int(dilations[-1])),
        )
