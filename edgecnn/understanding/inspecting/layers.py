"""One row a layer: what it is, what it costs, what it sees."""

import re
from dataclasses import dataclass
from typing import Any

from edgecnn.understanding.inspecting.field import AxisField, Field, Unknown
from edgecnn.understanding.inspecting.graph import Dimension, Graph, Node
from edgecnn.understanding.inspecting.macs import macs_of
from edgecnn.understanding.inspecting.receptive_field import receptive_fields
from edgecnn.understanding.inspecting.rules import State
from edgecnn.understanding.inspecting.weights import parameters_of, precision_of
from edgecnn.understanding.inspecting.windows import window_of

__all__ = ["Layer", "layers_of"]

# Nodes that are part of how a layer is stored, not layers.
_NOT_LAYERS = frozenset(
    {
        "Constant",
        "QuantizeLinear",
        "DequantizeLinear",
        "com.microsoft.QuantizeLinear",
        "com.microsoft.DequantizeLinear",
        "Identity",
        "Cast",
        "Dropout",
    }
)
_NAMED_AFTER_WEIGHTS = frozenset({"Conv", "Gemm", "MatMul", "QLinearConv", "BatchNormalization"})
_MADE_UP_NAME = re.compile(r"^(node_)?(n\d+(_\d+)?|[A-Z][A-Za-z]*_\d+)?$")
_WEIGHT_SUFFIX = re.compile(r"[._](weight|kernel|W|bn_folded|quantized|scaled).*$")


@dataclass(frozen=True)
class Layer:
    """A layer of the network, and the part of the picture that one of its positions sees.

    Attributes:
        name: unique in the network; after the weights where the file names them.
        operator: ONNX operator.
        tensor: name of the layer's output in the graph.
        output_shape: numbers; names or `?` for free sizes.
        kernel, stride, dilation: height and width; None without a sliding window.
        padding: top, left, bottom, right; None without a sliding window.
        parameters: learned numbers that this layer is the first to use.
        macs: multiply-accumulates for one picture; None when a size is free or the operator cannot be counted.
        weight_bytes: what the parameters take in the file.
        precision: `fp32`, `fp16`, `int8`, ….
        axes: for height and width, what position 0 sees; None in place of an axis that is seen whole; None for both
            when it cannot be told.
        unknown_since: where and why the receptive field was lost; empty when it was not.
    """

    name: str
    operator: str
    tensor: str
    output_shape: tuple[Dimension, ...]
    kernel: tuple[int, int] | None
    stride: tuple[int, int] | None
    dilation: tuple[int, int] | None
    padding: tuple[int, int, int, int] | None
    parameters: int
    macs: int | None
    weight_bytes: int
    precision: str
    axes: tuple[AxisField | None, AxisField | None] | None
    unknown_since: str

    @property
    def sees_all(self) -> bool:
        """Every position sees the whole picture."""
        return self.axes == (None, None)

    def to_dict(self) -> dict[str, Any]:
        """For JSON. Pairs that are equal for height and width become one number.

        `receptive_field` is a number, a list of two, `"global"` or null (unknown); `jump` and `offset` are null
        where it is global or unknown.
        """
        return {
            "name": self.name,
            "operator": self.operator,
            "tensor": self.tensor,
            "output_shape": list(self.output_shape),
            "kernel": _pair(self.kernel),
            "stride": _pair(self.stride),
            "dilation": _pair(self.dilation),
            "padding": list(self.padding) if self.padding else None,
            "parameters": self.parameters,
            "macs": self.macs,
            "bytes": self.weight_bytes,
            "precision": self.precision,
            "receptive_field": self._of_axes("size", whole="global"),
            "jump": self._of_axes("jump", whole=None),
            "offset": self._of_axes("offset", whole=None),
            "unknown_since": self.unknown_since or None,
        }

    def _of_axes(self, attribute: str, *, whole: str | None) -> Any:
        if self.axes is None:
            return None
        values = [whole if axis is None else getattr(axis, attribute) for axis in self.axes]
        return values[0] if values[0] == values[1] else values


def layers_of(graph: Graph) -> list[Layer]:
    """Rows for every layer that works on the picture, in the order in which they run."""
    states = receptive_fields(graph)
    taken: dict[str, int] = {}
    counted: set[str] = set()
    rows: list[Layer] = []
    learned = False
    for node in graph.nodes:
        state = next((states[name] for name in node.outputs if name in states), None)
        if state is None or node.operator in _NOT_LAYERS:
            continue
        window = window_of(graph, node)
        count, size = parameters_of(graph, node, counted, inside=learned)
        learned = learned or count > 0
        axes, unknown = _seen(state)
        rows.append(
            Layer(
                name=_unique(_readable_name(graph, node), taken),
                operator=node.operator,
                tensor=node.outputs[0],
                output_shape=graph.shape(node.outputs[0]) or (),
                kernel=window.kernel if window else None,
                stride=window.stride if window else None,
                dilation=window.dilation if window else None,
                padding=window.padding if window else None,
                parameters=count,
                macs=macs_of(graph, node),
                weight_bytes=size,
                precision=precision_of(graph, node),
                axes=axes,
                unknown_since=unknown,
            )
        )
    return rows


def _seen(state: State) -> tuple[tuple[AxisField | None, AxisField | None] | None, str]:
    if isinstance(state, Unknown):
        return None, state.since
    assert isinstance(state, Field)  # noqa: S101 - the other half of the union
    return state.axes, ""


def _readable_name(graph: Graph, node: Node) -> str:
    """A name that a person gave, if there is one: of the node, of its weights, of its result."""
    name = node.name
    for index in (1, 3):
        if node.operator in ("Conv", "Gemm", "MatMul", "QLinearConv", "BatchNormalization") and index < len(
            node.inputs
        ):
            weight = graph.weight(node.inputs[index])
            if weight is not None and "." in weight.name and _WEIGHT_SUFFIX.search(weight.name):
                return _WEIGHT_SUFFIX.sub("", weight.name)
    if _MADE_UP_NAME.match(name):
        name = node.outputs[0]
    return name.removeprefix("node_")


def _unique(name: str, taken: dict[str, int]) -> str:
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else _unique(f"{name}#{taken[name]}", taken)


def _pair(values: tuple[int, int] | None) -> int | list[int] | None:
    if values is None:
        return None
    return values[0] if values[0] == values[1] else list(values)
