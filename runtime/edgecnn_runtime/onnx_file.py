"""Read what an ONNX file declares, and refuse what could reach outside it, without the onnx package.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

import math
from dataclasses import dataclass, field

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.protobuf import encode_bytes, encode_field, fields, numbers, text

__all__ = ["OnnxFile", "TensorInfo", "encode_tensor_info", "full_name", "graph_digest", "read_onnx", "with_outputs"]

_MODEL_GRAPH, _MODEL_METADATA, _MODEL_FUNCTION = 7, 14, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT = 1, 5, 11, 12
_NODE_OUTPUT, _NODE_OPERATOR = 2, 4
_TENSOR_DIMS, _TENSOR_NAME, _TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 1, 8, 13, 14
_SPARSE_DIMS = 3
_FUNCTION_NAME, _FUNCTION_DOMAIN = 1, 10

# By type of message: the fields with messages in which something could reach outside the file, and their types.
_INSIDE: dict[str, dict[int, str]] = {
    "model": {8: "opset", 25: "function"},
    "function": {7: "node", 11: "attribute"},
    "graph": {1: "node", 5: "tensor", 15: "sparse"},
    "node": {5: "attribute"},
    "attribute": {5: "tensor", 6: "graph", 10: "tensor", 11: "graph", 22: "sparse", 23: "sparse"},
    "sparse": {1: "tensor", 2: "tensor"},
}
_DOMAIN = {"opset": 1, "node": 7}
_DIMS = {"tensor": _TENSOR_DIMS, "sparse": _SPARSE_DIMS}
_EMPTY = memoryview(b"")

# Operators that come inside every ONNX Runtime; any other domain would need a library loaded from outside.
_BUILT_IN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}
)
_MAX_DEPTH = 16
NO_TENSOR = -1


@dataclass(frozen=True)
class TensorInfo:
    """A declared input or output: its name, ONNX element type and dimensions (0 where free or unknown).

    The element type is 0 where it is not declared, and `NO_TENSOR` for sequences, maps and optional values.
    """

    name: str
    element_type: int
    shape: tuple[int, ...]


@dataclass
class OnnxFile:
    """What `read_onnx` found.

    Attributes:
        inputs: Graph inputs that are not initializers.
        outputs: Graph outputs.
        nodes: `(operator, name of its first output)` of every node of the main graph, in order.
        operators: The operator of every node of the main graph, its domain in front where it is not ONNX's own.
        body_operators: Likewise of every node in the graphs inside other nodes.
        functions: Likewise by function, in the order of the file.
        metadata: `metadata_props`.
    """

    inputs: list[TensorInfo] = field(default_factory=list)
    outputs: list[TensorInfo] = field(default_factory=list)
    nodes: list[tuple[str, str]] = field(default_factory=list)
    operators: list[str] = field(default_factory=list)
    body_operators: list[str] = field(default_factory=list)
    functions: dict[str, list[str]] = field(default_factory=dict)
    metadata: dict[str, str] = field(default_factory=dict)

    @property
    def inner_operators(self) -> set[str]:
        """All operators that are not in the main graph."""
        return {*self.body_operators, *(operator for inside in self.functions.values() for operator in inside)}


def read_onnx(data: bytes) -> OnnxFile:
    """Read an ONNX file's declarations and check that it is closed in itself.

    Raises:
        ModelFileError: No ONNX, damaged, with tensors that claim more numbers than they hold or are kept outside the
            file, or with operators that need a library from outside.
    """
    file = OnnxFile()
    initializers: set[str] = set()
    seen_graph = False
    for number, value in fields(memoryview(data)):
        if number == _MODEL_METADATA:
            entry = dict(fields(_message(value)))
            file.metadata[text(entry.get(1, _EMPTY))] = text(entry.get(2, _EMPTY))
        elif number == _MODEL_GRAPH:
            seen_graph = True
            _read_graph(_message(value), file, initializers)
        elif number in _INSIDE["model"]:
            _check_beside_graph(_INSIDE["model"][number], _message(value), file)
    if not seen_graph or not file.outputs:
        raise ModelFileError("the file is no ONNX model: it holds no graph with outputs; expected a .onnx file.")
    file.inputs = [tensor for tensor in file.inputs if tensor.name not in initializers]
    return file


def graph_digest(data: bytes) -> str:
    """SHA-256, in hex, of the graph and its functions exactly as they stand in the file (ModelProto fields 7 and 25).

    Weights and structure count; the metadata beside them does not, so a digest can travel inside the same file.
    """
    import hashlib  # loads OpenSSL, which a label does not need

    digest = hashlib.sha256()
    for number, value in fields(memoryview(data)):
        if number in (_MODEL_GRAPH, _MODEL_FUNCTION) and not isinstance(value, int):
            digest.update(value)
    return digest.hexdigest()


def with_outputs(data: bytes, names: list[str]) -> bytes:
    """The same model with inner tensors as additional outputs.

    Protobuf joins a message that occurs twice, so appending a graph that holds nothing but the outputs adds them;
    ONNX Runtime infers their types, and refuses a name that no node produces.
    """
    declared = {tensor.name for tensor in read_onnx(data).outputs}
    outputs = b"".join(
        encode_bytes(_GRAPH_OUTPUT, encode_bytes(1, name.encode()))
        for name in dict.fromkeys(names)
        if name not in declared
    )
    return data + encode_bytes(_MODEL_GRAPH, outputs) if outputs else data


def full_name(name: str, domain: str) -> str:
    """An operator's or a function's name, its domain in front where that is not ONNX's own."""
    return name if domain in ("", "ai.onnx") else f"{domain}.{name}"


def encode_tensor_info(tensor: TensorInfo) -> bytes:
    """A `ValueInfoProto` that declares the tensor."""
    shape = b"".join(encode_bytes(1, encode_field(1, size)) for size in tensor.shape)
    tensor_type = encode_field(1, tensor.element_type) + encode_bytes(2, shape)
    return encode_bytes(1, tensor.name.encode()) + encode_bytes(2, encode_bytes(1, tensor_type))


def _read_graph(graph: memoryview, file: OnnxFile, initializers: set[str]) -> None:
    for number, value in fields(graph):
        if number == _GRAPH_INPUT:
            file.inputs.append(_tensor_info(_message(value)))
        elif number == _GRAPH_OUTPUT:
            file.outputs.append(_tensor_info(_message(value)))
        elif number in _INSIDE["graph"]:
            found = _check(_INSIDE["graph"][number], _message(value), file.body_operators)
            if number == _GRAPH_NODE:
                file.operators.append(_operator(found))
                file.nodes.append((text(found.get(_NODE_OPERATOR, _EMPTY)), text(found.get(_NODE_OUTPUT, _EMPTY))))
            elif number == _GRAPH_INITIALIZER:
                initializers.add(text(found.get(_TENSOR_NAME, _EMPTY)))


def _check_beside_graph(kind: str, message: memoryview, file: OnnxFile) -> None:
    inside: list[str] = []
    found = _check(kind, message, inside)
    if kind == "function":
        name = full_name(text(found.get(_FUNCTION_NAME, _EMPTY)), text(found.get(_FUNCTION_DOMAIN, _EMPTY)))
        file.functions.setdefault(name, []).extend(inside)


def _operator(node: dict[int, int | memoryview]) -> str:
    return full_name(text(node.get(_NODE_OPERATOR, _EMPTY)), text(node.get(_DOMAIN["node"], _EMPTY)))


def _check(kind: str, message: memoryview, inner: list[str], depth: int = 0) -> dict[int, int | memoryview]:
    """Refuse what reaches outside the file, here and in all messages below; give the value of each field.

    Args:
        kind: Type of the message.
        message: Its bytes.
        inner: Takes the operators of all messages below.
        depth: Graphs around it.
    """
    if depth > _MAX_DEPTH:
        raise ModelFileError(f"the file nests graphs more than {_MAX_DEPTH} deep; no classifier needs that.")
    found: dict[int, int | memoryview] = {}
    inside, domain = _INSIDE.get(kind, {}), _DOMAIN.get(kind)
    for number, value in fields(message):
        # Protobuf lets the last one of a field count; a node's outputs are a list, of which the first one counts here.
        if number not in found or (kind, number) != ("node", _NODE_OUTPUT):
            found[number] = value
        if number in inside:
            below = _check(inside[number], _message(value), inner, depth + (inside[number] == "graph"))
            if inside[number] == "node":
                inner.append(_operator(below))
        elif number == domain:
            _check_domain(text(value))
        elif kind == "tensor" and (number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value == 1)):
            raise ModelFileError(
                "the file keeps weights in another file (external data), which is refused; "
                "expected one file: save it again with the weights inside."
            )
    if kind in _DIMS:
        _check_claim(message, _DIMS[kind])
    return found


def _check_claim(tensor: memoryview, field_number: int) -> None:
    """A tensor holds as many numbers as its sizes say; two of four bits, the smallest there are, take a byte."""
    sizes = [size for number, value in fields(tensor) if number == field_number for size in numbers(value)]
    if math.prod(sizes) > 2 * len(tensor):
        raise ModelFileError(
            f"the file is damaged: it has a tensor of the sizes {sizes[:8]} whose numbers are not in it; "
            "export the model again."
        )


def _check_domain(domain: str) -> None:
    if domain not in _BUILT_IN_DOMAINS and not domain.startswith("pkg."):
        raise ModelFileError(
            f"the file uses operators of the domain {domain!r}, which need a library from outside and are refused; "
            "expected standard ONNX or com.microsoft operators."
        )


def _tensor_info(value_info: memoryview) -> TensorInfo:
    declared = dict(fields(value_info))
    kinds = dict(fields(_part(declared, 2)))
    tensor_type = dict(fields(_part(kinds, 1)))
    element_type = tensor_type.get(1, 0) if 1 in kinds or not kinds else NO_TENSOR
    shape = [_dimension(_message(value)) for number, value in fields(_part(tensor_type, 2)) if number == 1]
    return TensorInfo(text(declared.get(1, _EMPTY)), element_type if isinstance(element_type, int) else 0, tuple(shape))


def _dimension(dimension: memoryview) -> int:
    return next((value for number, value in fields(dimension) if number == 1 and isinstance(value, int)), 0)


def _part(message: dict[int, int | memoryview], number: int) -> memoryview:
    return _message(message.get(number, _EMPTY))


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ModelFileError("the file is damaged or not ONNX: a number where a message belongs.")
    return value
