"""An ONNX graph as the inspection reads it: nodes, constants, shapes, and weights found behind quantization."""

import math
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import MissingPackageError, ModelFileError

try:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    from edgecnn.understanding.inspecting.shapes import infer_shapes
except ImportError as error:
    raise MissingPackageError("onnx", extra="understand") from error

__all__ = ["DEQUANTIZE", "QUANTIZE", "Dimension", "Graph", "Node"]

Dimension = int | str
QUANTIZE = ("QuantizeLinear", "com.microsoft.QuantizeLinear")
DEQUANTIZE = ("DequantizeLinear", "com.microsoft.DequantizeLinear")
_PASSED_ON_THE_WAY_TO_A_WEIGHT = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "Identity", "Cast", "Transpose", "Reshape", "Unsqueeze", "Squeeze"}
)


@dataclass(frozen=True)
class Node:
    """One node of the graph.

    Attributes:
        name: The node's own name; may be empty.
        operator: `Conv`, …; with its domain in front when it is not a standard operator.
        inputs: Tensor names; an absent optional input is an empty string.
        outputs: Likewise.
        attributes: By name, as plain Python values.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(repr=False)

    def integer(self, name: str, default: int) -> int:
        """An attribute that is one integer."""
        return int(self.attributes.get(name, default))

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute that is a list of integers."""
        return tuple(int(value) for value in self.attributes.get(name, default))


class Graph:
    """A loaded ONNX graph.

    Args:
        source: The bytes of an `.onnx`, or a `ModelProto`.

    Raises:
        ModelFileError: No ONNX graph.
    """

    def __init__(self, source: bytes | onnx.ModelProto) -> None:
        model, self.data = _load(source)
        self.model = infer_shapes(model)
        graph = self.model.graph
        self.initializers: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes = [_node(proto) for proto in graph.node]
        self.producers = {output: node for node in self.nodes for output in node.outputs if output}
        self._values = _values(self.model)
        self.inputs: list[str] = [value.name for value in graph.input if value.name not in self.initializers]
        if not self.inputs:
            raise ModelFileError("the graph has no input; expected a network that takes a picture.")

    @cached_property
    def picture(self) -> str:
        """The input that is the picture: the first with four dimensions, else the first."""
        return next((name for name in self.inputs if self.rank(name) == 4), self.inputs[0])

    @cached_property
    def channels_last(self) -> bool:
        """The picture is `(N, height, width, channels)`, as edgecnn's own files take it."""
        shape = self.shape(self.picture) or ()
        if len(shape) != 4 or shape[3] not in (1, 3, 4):
            return False
        return shape[1] not in (1, 3, 4) or self.element_type(self.picture) == "uint8"

    @cached_property
    def picture_size(self) -> tuple[Dimension, Dimension]:
        """Height and width of the picture; a name or `?` where the graph leaves them free."""
        shape = self.shape(self.picture) or ()
        if len(shape) != 4:
            return "?", "?"
        return (shape[1], shape[2]) if self.channels_last else (shape[2], shape[3])

    def shape(self, name: str) -> tuple[Dimension, ...] | None:
        """Shape of a tensor: numbers, names of free dimensions, `?`; None when nothing is known."""
        if name in self.initializers:
            return tuple(self.initializers[name].dims)
        value = self._values.get(name)
        return None if value is None else _shape_of(value)

    def rank(self, name: str) -> int:
        """Number of dimensions of a tensor; 0 when not known."""
        return len(self.shape(name) or ())

    def elements(self, name: str) -> int | None:
        """Numbers that a tensor holds for one picture; None when a size besides the batch is free.

        The batch may stand anywhere in a shape, or inside a size (`12*N` heads, `64*N` windows).
        """
        values, batch = self._one_batch
        shape = _shape_of(values[name]) if name in values else None
        if shape is None or not all(isinstance(size, int) for size in shape):
            return None
        return math.prod(size for size in shape if isinstance(size, int)) // batch

    @cached_property
    def _one_batch(self) -> tuple[dict[str, onnx.ValueInfoProto], int]:
        """Shapes for a batch of a fixed size, and this size: the graph's own, or 1 where it is free."""
        batch = (self.shape(self.picture) or ("?",))[0]
        if isinstance(batch, int):
            return self._values, max(batch, 1)
        # A free batch without a name has an empty one in the file.
        return _values(infer_shapes(self.model, one_for="" if batch == "?" else batch)), 1

    def element_type(self, name: str) -> str | None:
        """Element type of a tensor, in numpy's words (`float32`, `uint8`); None when nothing is known."""
        if name in self.initializers:
            code = self.initializers[name].data_type
        elif name in self._values:
            code = self._values[name].type.tensor_type.elem_type
        else:
            return None
        try:
            return str(helper.tensor_dtype_to_np_dtype(code))
        except (KeyError, ValueError):
            return None

    def constant(self, name: str) -> npt.NDArray[Any] | None:
        """Value of an initializer or a `Constant` node; None for anything that is computed or stored elsewhere."""
        if name in self.initializers:
            tensor = self.initializers[name]
            return None if tensor.data_location == TensorProto.EXTERNAL else numpy_helper.to_array(tensor)
        node = self.producers.get(name)
        for key, value in node.attributes.items() if node is not None and node.operator == "Constant" else ():
            if key == "value":
                return numpy_helper.to_array(value)
            if key.startswith("value_") and "string" not in key:
                return np.asarray(value)
        return None

    def constants(self, node: Node, index: int) -> tuple[int, ...] | None:
        """Integers that an input of a node holds; None when it has none there or they are computed."""
        value = self.constant(node.inputs[index]) if index < len(node.inputs) and node.inputs[index] else None
        return None if value is None else tuple(int(entry) for entry in value.ravel())

    def weight(self, name: str) -> TensorProto | None:
        """The stored tensor behind an input, looked for through quantization, casts and reshapes."""
        for _ in range(8):  # deeper chains than quantize, dequantize, transpose, cast are not seen in practice
            if name in self.initializers:
                return self.initializers[name]
            node = self.producers.get(name)
            if node is not None and node.operator == "Constant":
                value = node.attributes.get("value")
                return value if isinstance(value, TensorProto) else None
            if node is None or node.operator not in _PASSED_ON_THE_WAY_TO_A_WEIGHT:
                return None
            name = node.inputs[0]
        return None


def _values(model: onnx.ModelProto) -> dict[str, onnx.ValueInfoProto]:
    return {value.name: value for value in [*model.graph.value_info, *model.graph.input, *model.graph.output]}


def _shape_of(value: onnx.ValueInfoProto) -> tuple[Dimension, ...] | None:
    if not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(_dimension(entry) for entry in value.type.tensor_type.shape.dim)


def _dimension(entry: onnx.TensorShapeProto.Dimension) -> Dimension:
    if entry.HasField("dim_value"):
        return int(entry.dim_value)
    # Names that begin so are made up by ONNX's inference and tell nobody anything.
    return "?" if not entry.dim_param or entry.dim_param.startswith("unk__") else entry.dim_param


def _load(source: bytes | onnx.ModelProto) -> tuple[onnx.ModelProto, bytes]:
    if isinstance(source, onnx.ModelProto):
        return source, source.SerializeToString()
    model = onnx.ModelProto()
    try:
        model.ParseFromString(source)
    except Exception as error:  # protobuf's DecodeError lives in different modules in different versions
        raise ModelFileError("this is not an ONNX file; export one with `edgecnn export`.") from error
    if not model.graph.node:
        raise ModelFileError("this holds no ONNX graph; export one with `edgecnn export`.")
    return model, source


def _node(proto: onnx.NodeProto) -> Node:
    return Node(
        name=proto.name,
        operator=proto.op_type if proto.domain in ("", "ai.onnx") else f"{proto.domain}.{proto.op_type}",
        inputs=tuple(proto.input),
        outputs=tuple(proto.output),
        attributes={attribute.name: helper.get_attribute_value(attribute) for attribute in proto.attribute},
    )
