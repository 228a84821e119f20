"""One row a layer: what it is, what it costs, what it sees."""

import re
from dataclasses import dataclass
from typing import Any

from edgecnn.understanding.inspecting.costs import Stored, macs_of, precision_of, stored_by
from edgecnn.understanding.inspecting.damaged import one_sentence
from edgecnn.understanding.inspecting.field import AxisField, Unknown
from edgecnn.understanding.inspecting.onnx_graph import DEQUANTIZE, QUANTIZE, Dimension, Graph, Node
from edgecnn.understanding.inspecting.receptive_field import receptive_fields
from edgecnn.understanding.inspecting.rules import Seen, where
from edgecnn.understanding.inspecting.windows import window_of

__all__ = ["InspectedLayer", "layers_of"]

# Nodes that are part of how a layer is stored, not layers.
_NOT_LAYERS = frozenset({"Constant", "Identity", "Cast", "Dropout", *QUANTIZE, *DEQUANTIZE})
_NAMED_AFTER_WEIGHTS = frozenset({"Conv", "Gemm", "MatMul", "QLinearConv", "BatchNormalization"})
_MADE_UP_NAME = re.compile(r"^(node_)?(n\d+(_\d+)?|[A-Z][A-Za-z]*_\d+)?$")
_WEIGHT_SUFFIX = re.compile(r"[._](weight|kernel|W|bn_folded|quantized|scaled).*$")


@dataclass(frozen=True)
class InspectedLayer:
    """A layer of the network, and the part of the picture that one of its positions sees.

    Attributes:
        name: Unique in the network; after the weights where the file names them.
        operator: ONNX operator.
        tensor: Name of the layer's output in the graph.
        output_shape: Numbers; names or `?` for free sizes.
        kernel: Height and width; None without a sliding window.
        stride: Likewise.
        dilation: Likewise.
        padding: Top, left, bottom, right; None without a sliding window.
        parameters: Learned numbers that this layer is the first to use.
        macs: Multiply-accumulates for one picture; None when a size is free or the operator cannot be counted.
        weight_bytes: What the parameters take in the file.
        precision: `fp32`, `fp16`, `int8`, ….
        axes: For height and width, what position 0 sees; None in place of an axis that is seen whole; None for both
            when it is not known.
        unknown_since: Where and why the receptive field was lost; empty when it was not.
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

    def field_box(self, height: int, width: int, position: tuple[int, int] | None = None) -> list[int] | None:
        """What a position sees: left, top, width, height in pixels; may reach over the picture's edge.

        Args:
            height: Of the picture, in pixels.
            width: Likewise.
            position: Row and column of the layer's output; None means the one that looks at the middle of the picture.

        Returns:
            None when the receptive field is not known.
        """
        if self.axes is None:
            return None
        spans = []
        for axis, (field, size) in enumerate(zip(self.axes, (height, width), strict=True)):
            if field is None:
                spans.append((0, size - 1))
            else:
                middle = max(0, round(((size - 1) / 2 - field.offset) / field.jump)) if field.jump else 0
                spans.append(field.span(middle if position is None else position[axis]))
        (top, bottom), (left, right) = spans
        return [left, top, right - left + 1, bottom - top + 1]

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


def layers_of(graph: Graph) -> list[InspectedLayer]:
    """Rows for every layer that works on the picture, in the order in which they run."""
    states = receptive_fields(graph)
    taken: dict[str, int] = {}
    counted: set[str] = set()
    rows: list[InspectedLayer] = []
    for node in graph.nodes:
        state = next((states[name] for name in node.outputs if name in states), None)
        if state is None or node.operator in _NOT_LAYERS:
            continue
        with one_sentence(f"layer {where(node)}"):
            name = _unique(_readable_name(graph, node), taken)
            stored = stored_by(graph, node, counted, inside=any(row.parameters for row in rows))
            rows.append(_row(graph, node, state, name=name, stored=stored))
    return rows


def _row(graph: Graph, node: Node, state: Seen, *, name: str, stored: Stored) -> InspectedLayer:
    window = window_of(graph, node)
    return InspectedLayer(
        name=name,
        operator=node.operator,
        tensor=node.outputs[0],
        output_shape=graph.shape(node.outputs[0]) or (),
        kernel=window.kernel if window else None,
        stride=window.stride if window else None,
        dilation=window.dilation if window else None,
        padding=window.padding if window else None,
        parameters=stored.parameters,
        macs=macs_of(graph, node),
        weight_bytes=stored.size_bytes,
        precision=precision_of(graph, node),
        axes=None if isinstance(state, Unknown) else state.axes,
        unknown_since=state.since if isinstance(state, Unknown) else "",
    )


def _readable_name(graph: Graph, node: Node) -> str:
    """A name that a person gave, if there is one: of the node, of its weights, of its result."""
    if node.operator in _NAMED_AFTER_WEIGHTS:
        for name in node.inputs[1:4:2]:
            weight = graph.weight(name)
            if weight is not None and "." in weight.name and _WEIGHT_SUFFIX.search(weight.name):
                return _WEIGHT_SUFFIX.sub("", weight.name)
    name = node.outputs[0] if _MADE_UP_NAME.match(node.name) else node.name
    return name.removeprefix("node_")


def _unique(name: str, taken: dict[str, int]) -> str:
    taken[name] = taken.get(name, 0) + 1
    return name if taken[name] == 1 else _unique(f"{name}#{taken[name]}", taken)


def _pair(values: tuple[int, int] | None) -> int | list[int] | None:
    if values is None:
        return None
    return values[0] if values[0] == values[1] else list(values)
