"""Read what an ONNX file declares, and refuse what could reach outside it, without the onnx package.

Field numbers are those of https://github.com/onnx/onnx/blob/main/onnx/onnx.proto.
"""

from dataclasses import dataclass, field

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.protobuf import encode_bytes, fields, text

__all__ = ["OnnxFile", "TensorInfo", "graph_digest", "read_onnx", "with_outputs"]

_MODEL_GRAPH, _MODEL_OPSET, _MODEL_METADATA, _MODEL_FUNCTION = 7, 8, 14, 25
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_SPARSE = 1, 5, 11, 12, 15
_NODE_OUTPUT, _NODE_OPERATOR, _NODE_ATTRIBUTE, _NODE_DOMAIN = 2, 4, 5, 7
_TENSOR_EXTERNAL_DATA, _TENSOR_DATA_LOCATION = 13, 14

# Operators that come inside every ONNX Runtime; any other domain would need a library loaded from outside.
_BUILT_IN_DOMAINS = frozenset(
    {"", "ai.onnx", "ai.onnx.ml", "com.microsoft", "com.microsoft.nchwc", "com.ms.internal.nhwc"}
)
_MAX_DEPTH = 16


@dataclass(frozen=True)
class TensorInfo:
    """A declared input or output: its name, ONNX element type and dimensions (0 where free or unknown)."""

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
        metadata: `metadata_props`.
    """

    inputs: list[TensorInfo] = field(default_factory=list)
    outputs: list[TensorInfo] = field(default_factory=list)
    nodes: list[tuple[str, str]] = field(default_factory=list)
    metadata: dict[str, str] = field(default_factory=dict)


def read_onnx(data: bytes) -> OnnxFile:
    """Read an ONNX file's declarations and check that it is closed in itself.

    Raises:
        ModelFileError: No ONNX, damaged, with tensors kept outside the file, or with operators that need a library
            from outside.
    """
    file = OnnxFile()
    initializers: set[str] = set()
    seen_graph = False
    for number, value in fields(memoryview(data)):
        if number == _MODEL_METADATA:
            key, entry = _string_pair(_message(value))
            file.metadata[key] = entry
        elif number == _MODEL_OPSET:
            for part, content in fields(_message(value)):
                if part == 1:
                    _check_domain(text(content))
        elif number == _MODEL_GRAPH:
            seen_graph = True
            _read_graph(_message(value), file, initializers)
        elif number == _MODEL_FUNCTION:
            _check_function(_message(value))
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


def _read_graph(graph: memoryview, file: OnnxFile, initializers: set[str]) -> None:
    for number, value in fields(graph):
        if number == _GRAPH_NODE:
            file.nodes.append(_check_node(_message(value), 0))
        elif number == _GRAPH_INITIALIZER:
            initializers.add(_check_tensor(_message(value)))
        elif number == _GRAPH_SPARSE:
            _check_sparse(_message(value))
        elif number == _GRAPH_INPUT:
            file.inputs.append(_tensor_info(_message(value)))
        elif number == _GRAPH_OUTPUT:
            file.outputs.append(_tensor_info(_message(value)))


def _check_function(function: memoryview) -> None:
    for number, value in fields(function):
        if number == 7:
            _check_node(_message(value), 0)
        elif number == 11:  # attributes with their default
            _check_attribute(_message(value), 0)


def _check_node(node: memoryview, depth: int) -> tuple[str, str]:
    if depth > _MAX_DEPTH:
        raise ModelFileError(f"the file nests graphs more than {_MAX_DEPTH} deep; no classifier needs that.")
    operator = output = ""
    for number, value in fields(node):
        if number == _NODE_OPERATOR:
            operator = text(value)
        elif number == _NODE_OUTPUT:
            output = output or text(value)
        elif number == _NODE_DOMAIN:
            _check_domain(text(value))
        elif number == _NODE_ATTRIBUTE:
            _check_attribute(_message(value), depth)
    return operator, output


def _check_attribute(attribute: memoryview, depth: int) -> None:
    for number, value in fields(attribute):
        if number in (5, 10):  # t, tensors
            _check_tensor(_message(value))
        elif number in (22, 23):  # sparse_tensor, sparse_tensors
            _check_sparse(_message(value))
        elif number in (6, 11):  # g, graphs
            for part, content in fields(_message(value)):
                if part == _GRAPH_NODE:
                    _check_node(_message(content), depth + 1)
                elif part == _GRAPH_INITIALIZER:
                    _check_tensor(_message(content))
                elif part == _GRAPH_SPARSE:
                    _check_sparse(_message(content))


def _check_sparse(sparse: memoryview) -> None:
    for number, value in fields(sparse):
        if number in (1, 2):  # values, indices
            _check_tensor(_message(value))


def _check_tensor(tensor: memoryview) -> str:
    name = ""
    for number, value in fields(tensor):
        if number == 8:
            name = text(value)
        elif number == _TENSOR_EXTERNAL_DATA or (number == _TENSOR_DATA_LOCATION and value == 1):
            raise ModelFileError(
                "the file keeps weights in another file (external data), which is refused; "
                "expected one file: save it again with the weights inside."
            )
    return name


def _check_domain(domain: str) -> None:
    if domain not in _BUILT_IN_DOMAINS and not domain.startswith("pkg."):
        raise ModelFileError(
            f"the file uses operators of the domain {domain!r}, which need a library from outside and are refused; "
            "expected standard ONNX or com.microsoft operators."
        )


def _tensor_info(value_info: memoryview) -> TensorInfo:
    name, element_type, shape = "", 0, []
    for number, value in fields(value_info):
        if number == 1:
            name = text(value)
        elif number == 2:
            for part, tensor_type in fields(_message(value)):
                if part != 1:
                    continue
                for piece, content in fields(_message(tensor_type)):
                    if piece == 1 and isinstance(content, int):
                        element_type = content
                    elif piece == 2:
                        shape = [_dimension(_message(d)) for p, d in fields(_message(content)) if p == 1]
    return TensorInfo(name, element_type, tuple(shape))


def _dimension(dimension: memoryview) -> int:
    return next((value for number, value in fields(dimension) if number == 1 and isinstance(value, int)), 0)


def _string_pair(entry: memoryview) -> tuple[str, str]:
    parts = dict(fields(entry))
    return text(parts.get(1, memoryview(b""))), text(parts.get(2, memoryview(b"")))


def _message(value: int | memoryview) -> memoryview:
    if isinstance(value, int):
        raise ModelFileError("the file is damaged or not ONNX: a number where a message belongs.")
    return value
