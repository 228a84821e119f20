"""An ONNX graph as the inspection reads it: nodes, constants, shapes, and weights found behind quantization."""

import math
import os
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
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

__all__ = ["Dimension", "Graph", "Node"]

Dimension = int | str
_PASSED_ON_THE_WAY_TO_A_WEIGHT = frozenset(
    {"DequantizeLinear", "QuantizeLinear", "Identity", "Cast", "Transpose", "Reshape", "Unsqueeze", "Squeeze"}
)
_DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Node:
    """One node of the graph.

    Attributes:
        name: the node's own name; may be empty.
        operator: `Conv`, …; with its domain in front when it is not a standard operator.
        inputs, outputs: tensor names; an absent optional input is an empty string.
        attributes: by name, as plain Python values.
        scopes: module path that torch's exporter noted, outermost first; empty when it did not.
    """

    name: str
    operator: str
    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    attributes: dict[str, Any] = field(repr=False)
    scopes: tuple[str, ...] = ()

    def integers(self, name: str, default: tuple[int, ...]) -> tuple[int, ...]:
        """An attribute that is a list of integers."""
        return tuple(int(value) for value in self.attributes.get(name, default))


class Graph:
    """A loaded ONNX graph.

    Args:
        source: path of an `.onnx`, its bytes, or a `ModelProto`.

    Raises:
        ModelFileError: missing, or no ONNX graph.
    """

    def __init__(self, source: str | os.PathLike[str] | bytes | onnx.ModelProto) -> None:
        model, size = _load(source)
        self.model = infer_shapes(model)
        self.size_bytes = size
        graph = self.model.graph
        self.initializers: dict[str, TensorProto] = {tensor.name: tensor for tensor in graph.initializer}
        self.nodes = [_node(proto) for proto in graph.node]
        self.producers = {output: node for node in self.nodes for output in node.outputs if output}
        self.outputs = [value.name for value in graph.output]
        self._values = {value.name: value for value in [*graph.value_info, *graph.input, *graph.output]}
        pictures = [value.name for value in graph.input if value.name not in self.initializers]
        if not pictures:
            raise ModelFileError("the graph has no input; expected a network that takes a picture.")
        self.inputs: list[str] = pictures

    @cached_property
    def picture(self) -> str:
        """The input that is the picture: the first with four dimensions, else the first."""
        inputs = self.inputs
        return next((name for name in inputs if len(self.shape(name) or ()) == 4), inputs[0])

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
        inferred = infer_shapes(self.model, one_for="" if batch == "?" else batch).graph
        return {value.name: value for value in [*inferred.value_info, *inferred.input, *inferred.output]}, 1

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
            if tensor.data_location == TensorProto.EXTERNAL:
                return None
            return numpy_helper.to_array(tensor)
        node = self.producers.get(name)
        if node is None or node.operator != "Constant":
            return None
        for key, value in node.attributes.items():
            if key == "value":
                return numpy_helper.to_array(value)
            if key.startswith("value_") and "string" not in key:
                return np.asarray(value)
        return None

    def weight(self, name: str) -> TensorProto | None:
        """The stored tensor behind an input, looked for through quantization, casts and reshapes."""
        for _ in range(8):  # deeper chains than quantize, dequantize, transpose, cast are not seen in practice
            if name in self.initializers:
                return self.initializers[name]
            node = self.producers.get(name)
            if node is None:
                return None
            if node.operator == "Constant":
                value = node.attributes.get("value")
                return value if isinstance(value, TensorProto) else None
            if node.operator not in _PASSED_ON_THE_WAY_TO_A_WEIGHT:
                return None
            name = node.inputs[0]
        return None


def _shape_of(value: onnx.ValueInfoProto) -> tuple[Dimension, ...] | None:
    if not value.type.tensor_type.HasField("shape"):
        return None
    return tuple(_dimension(entry) for entry in value.type.tensor_type.shape.dim)


def _dimension(entry: onnx.TensorShapeProto.Dimension) -> Dimension:
    if entry.HasField("dim_value"):
        return int(entry.dim_value)
    # Names that begin so are made up by ONNX's inference and tell nobody anything.
    return "?" if not entry.dim_param or entry.dim_param.startswith("unk__") else entry.dim_param


def _load(source: str | os.PathLike[str] | bytes | onnx.ModelProto) -> tuple[onnx.ModelProto, int]:
    if isinstance(source, onnx.ModelProto):
        return source, source.ByteSize()
    if isinstance(source, bytes):
        data, name = source, "the bytes given"
    else:
        path = Path(source)
        if not path.is_file():
            raise ModelFileError(f"there is no file {str(path)!r}; give the path of an .onnx file.")
        data, name = path.read_bytes(), repr(str(path))
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except Exception as error:  # protobuf's DecodeError lives in different modules in different versions
        raise ModelFileError(f"{name} is not an ONNX file; export one with `edgecnn export`.") from error
    if not model.graph.node:
        raise ModelFileError(f"{name} holds no ONNX graph; export one with `edgecnn export`.")
    return model, len(data)


def _node(proto: onnx.NodeProto) -> Node:
    attributes = {attribute.name: helper.get_attribute_value(attribute) for attribute in proto.attribute}
    operator = proto.op_type if proto.domain in _DEFAULT_DOMAINS else f"{proto.domain}.{proto.op_type}"
    scopes: tuple[str, ...] = ()
    for entry in proto.metadata_props:
        if entry.key == "pkg.torch.onnx.name_scopes":
            scopes = tuple(part.strip(" '\"") for part in entry.value.strip("[]").split(","))
    return Node(proto.name, operator, tuple(proto.input), tuple(proto.output), attributes, scopes)
