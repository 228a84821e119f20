"""What a graph will take of memory and time for one picture, found out before anything of it runs.

ONNX Runtime cannot be interrupted, and computes what is constant while it loads a file. So its shape inference runs
first, over the graph without its weights, and what it foresees is held against limits.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.onnx_file import OnnxFile, TensorInfo, encode_tensor_info, full_name
from edgecnn_runtime.protobuf import encode_bytes, encode_field, fields, numbers, text
from edgecnn_runtime.session import create_session, session_options
from edgecnn_runtime.sized_by_value import SIZED_BY_VALUE, GraphNode, unforeseeable

__all__ = ["MAX_MACS", "MAX_MEMORY_BYTES", "Footprint", "check_footprint", "footprint"]

MAX_MEMORY_BYTES = 1 << 30  # of tensors that are alive together, for one picture
MAX_MACS = 10**12  # multiply-accumulates for one picture: twice those of the largest classifiers, a minute of a CPU

_MODEL_GRAPH, _MODEL_METADATA = 7, 14
_GRAPH_NODE, _GRAPH_INITIALIZER, _GRAPH_INPUT, _GRAPH_OUTPUT, _GRAPH_VALUE_INFO = 1, 5, 11, 12, 13
_NODE_INPUT, _NODE_OUTPUT, _NODE_OPERATOR, _NODE_DOMAIN = 1, 2, 4, 7
_TENSOR_DIMS, _TENSOR_TYPE, _TENSOR_NAME = 1, 2, 8

# Sizes and axes stand in small tensors, and shape inference reads them; weights are larger.
_SMALL_TENSOR_BYTES = 1024
_BYTES = {"uint8": 1, "int8": 1, "bool": 1, "float16": 2, "bfloat16": 2, "int16": 2, "uint16": 2, "double": 8,
          "int64": 8, "uint64": 8}  # fmt: skip
_OTHER_BYTES = 4

# Where an operator keeps the weights that each number of its result is summed over.
_CONVOLUTIONS = {"Conv": 1, "ConvInteger": 1, "QLinearConv": 3, "com.microsoft.FusedConv": 1, "ConvTranspose": 1}
_PRODUCTS = frozenset({
    "Gemm", "MatMul", "MatMulInteger", "QLinearMatMul", "com.microsoft.FusedGemm", "com.microsoft.FusedMatMul",
})  # fmt: skip

Shape = tuple[int, ...]


@dataclass(frozen=True)
class Footprint:
    """What one picture takes.

    Attributes:
        memory_bytes: Tensors that are alive together, weights aside; where that is most.
        macs: Multiply-accumulates of convolutions and matrix products.
        unknown: Operators whose result has a size that nobody can foresee.
    """

    memory_bytes: int
    macs: int
    unknown: tuple[str, ...]


@dataclass
class _Graph:
    """The main graph; `rest` is all of its message but the weights and what it declares of its tensors."""

    nodes: list[GraphNode] = field(default_factory=list)
    weights: dict[str, Shape] = field(default_factory=dict)
    outputs: set[str] = field(default_factory=set)
    rest: list[bytes] = field(default_factory=list)


def check_footprint(data: bytes, file: OnnxFile, inputs: Sequence[TensorInfo]) -> None:
    """Refuse a file that takes more than a classifier should, or whose need cannot be foreseen.

    Args:
        data: The file's bytes.
        file: What it declares.
        inputs: The graph's inputs with the sizes of one picture.

    Raises:
        ModelFileError: Too much, unforeseeable, or a model that ONNX Runtime refuses.
        MissingPackageError: No onnxruntime is installed.
    """
    found = footprint(data, inputs)
    most = MAX_MEMORY_BYTES + 4 * len(data)  # weights of a byte or two may be widened to four
    # The forecast does not see into functions and bodies.
    unknown = sorted({*found.unknown, *(SIZED_BY_VALUE.keys() & file.inner_operators)})
    if unknown:
        problem = f"has a result of {unknown[0]} whose size cannot be foreseen, so that it may be of any size"
    elif found.memory_bytes > most:
        problem = f"takes {found.memory_bytes / 1e6:,.0f} MB for one picture; expected at most {most / 1e6:,.0f} MB"
    elif found.macs > MAX_MACS:
        problem = f"takes {found.macs:.2g} multiply-accumulates for one picture; expected at most {MAX_MACS:.2g}"
    else:
        return
    raise ModelFileError(
        f"the model {problem}; if you trust the file, load it with allow_unbounded (--allow-unbounded)."
    )


def footprint(data: bytes, inputs: Sequence[TensorInfo]) -> Footprint:
    """Foresee what one picture takes.

    Args:
        data: As for `check_footprint`.
        inputs: Likewise.

    Raises:
        ModelFileError: ONNX Runtime refuses the model.
        MissingPackageError: No onnxruntime is installed.
    """
    try:
        graph, session = _infer(data, inputs, keep_bytes=_SMALL_TENSOR_BYTES)
    except ModelFileError:  # a few operators want constants for weights; everything else fails again
        graph, session = _infer(data, inputs, keep_bytes=len(data))
    tensors = [*session.get_inputs(), *session.get_outputs()]
    shapes = {tensor.name: tuple(size if isinstance(size, int) else 1 for size in tensor.shape) for tensor in tensors}
    known = {tensor.name for tensor in tensors if all(isinstance(size, int) for size in tensor.shape)}
    sizes = {tensor.name: math.prod(shapes[tensor.name]) * _item_bytes(tensor.type) for tensor in tensors}
    shapes.update(graph.weights)
    return Footprint(
        memory_bytes=_most_alive(graph, {name: size for name, size in sizes.items() if name not in graph.weights}),
        macs=sum(_macs(node, shapes) for node in graph.nodes),
        unknown=tuple(unforeseeable(graph.nodes, constants=graph.weights, known=known)),
    )


def _most_alive(graph: _Graph, sizes: dict[str, int]) -> int:
    """Bytes of all tensors that are alive together, where that is most; ONNX Runtime makes constant ones at once."""
    constant, last_use = set(graph.weights), {}
    for index, node in enumerate(graph.nodes):
        if constant.issuperset(filter(None, node.inputs)):
            constant.update(node.outputs)
        last_use.update(dict.fromkeys(node.inputs, index))
    made_while_running = {name for node in graph.nodes for name in node.outputs} - constant
    alive = most = sum(size for name, size in sizes.items() if name not in made_while_running)
    for index, node in enumerate(graph.nodes):
        alive += sum(sizes.get(name, 0) for name in made_while_running.intersection(node.outputs))
        most = max(most, alive)
        ended = {name for name in (*node.inputs, *node.outputs) if last_use.get(name, index) == index}
        alive -= sum(sizes.get(name, 0) for name in ended - constant - graph.outputs)
    return most


def _macs(node: GraphNode, shapes: dict[str, Shape]) -> int:
    """Multiply-accumulates of one node, or a few times as many."""
    given = math.prod(shapes.get(node.outputs[0], ())) if node.outputs else 0
    weights = _CONVOLUTIONS.get(node.operator)
    if weights is not None and weights < len(node.inputs):
        return given * math.prod(shapes.get(node.inputs[weights], ())[1:])
    if node.operator in _PRODUCTS and node.inputs:
        return given * max(shapes.get(node.inputs[0], ())[-2:], default=1)
    return 0


def _item_bytes(kind: str) -> int:
    """Bytes of one number of a type such as `tensor(float)`."""
    return _BYTES.get(kind.removeprefix("tensor(").removesuffix(")"), _OTHER_BYTES)


def _infer(data: bytes, inputs: Sequence[TensorInfo], *, keep_bytes: int) -> tuple[_Graph, Any]:
    """The main graph, and a session of it whose weights are inputs and whose tensors all are outputs."""
    graph, parts = _Graph(), []
    for number, value in fields(memoryview(data)):
        if number == _MODEL_GRAPH and not isinstance(value, int):
            _read_graph(value, graph, keep_bytes)
        elif number != _MODEL_METADATA:
            parts.append(encode_field(number, value))
    taken = [encode_bytes(_GRAPH_INPUT, encode_tensor_info(tensor)) for tensor in inputs]
    made = dict.fromkeys(name for node in graph.nodes for name in node.outputs if name)
    outputs = [encode_bytes(_GRAPH_OUTPUT, encode_bytes(1, name.encode())) for name in made]
    parts.append(encode_bytes(_MODEL_GRAPH, b"".join((*graph.rest, *taken, *outputs))))
    options = session_options(threads=1, optimize=False)  # so that nothing is computed, packed or fused
    options.add_session_config_entry("session.disable_prepacking", "1")
    return graph, create_session(b"".join(parts), ["CPUExecutionProvider"], options)


def _read_graph(message: memoryview, graph: _Graph, keep_bytes: int) -> None:
    for number, value in fields(message):
        if isinstance(value, int) or number in (_GRAPH_INPUT, _GRAPH_VALUE_INFO):
            continue  # what a file says of its inner tensors may be wrong; only inference counts
        if number == _GRAPH_OUTPUT:
            graph.outputs.update(text(name) for key, name in fields(value) if key == 1)
            continue
        if number == _GRAPH_INITIALIZER:
            graph.rest.append(_without_values(value, graph, keep_bytes))
            continue
        if number == _GRAPH_NODE:
            graph.nodes.append(_node(value))
        graph.rest.append(encode_bytes(number, value))


def _without_values(tensor: memoryview, graph: _Graph, keep_bytes: int) -> bytes:
    """A weight as an input of its type and sizes; small ones stay, since sizes and axes stand in them."""
    parts = dict(fields(tensor))
    shape = tuple(size for number, value in fields(tensor) if number == _TENSOR_DIMS for size in numbers(value))
    kind, name = parts.get(_TENSOR_TYPE, 0), text(parts.get(_TENSOR_NAME, memoryview(b"")))
    graph.weights[name] = shape
    if len(tensor) <= keep_bytes or not isinstance(kind, int):
        return encode_bytes(_GRAPH_INITIALIZER, tensor)
    return encode_bytes(_GRAPH_INPUT, encode_tensor_info(TensorInfo(name, kind, shape)))


def _node(message: memoryview) -> GraphNode:
    parts = list(fields(message))
    last = dict(parts)
    return GraphNode(
        operator=full_name(*(text(last.get(number, memoryview(b""))) for number in (_NODE_OPERATOR, _NODE_DOMAIN))),
        inputs=[text(value) for number, value in parts if number == _NODE_INPUT],
        outputs=[text(value) for number, value in parts if number == _NODE_OUTPUT],
    )
