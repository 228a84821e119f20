"""Receptive fields through a whole graph: branches, residuals, dilation, pooling, padding, attention."""

from edgecnn.understanding.inspecting.damaged import one_sentence
from edgecnn.understanding.inspecting.field import GLOBAL, AxisField, Field, Mark, Unknown, unite
from edgecnn.understanding.inspecting.onnx_graph import Graph, Node
from edgecnn.understanding.inspecting.operators import CELL_BY_CELL, PRODUCTS
from edgecnn.understanding.inspecting.rules import RULES, Seen, behind_concat, behind_product, where

__all__ = ["receptive_fields"]

_ABOUT_SHAPES = frozenset({"Shape", "Size", "Constant", "ConstantOfShape", "Range"})


def receptive_fields(graph: Graph) -> dict[str, Seen]:
    """What each tensor that depends on the picture sees of it.

    Returns:
        By tensor name; tensors that do not depend on the picture's pixels (weights, shapes) are left out.
    """
    states: dict[str, Seen] = {}
    shape = graph.shape(graph.picture)
    if shape is None or len(shape) != 4:
        states[graph.picture] = Unknown(f"{graph.picture}: the input is no picture with four dimensions")
    else:
        marks: tuple[Mark, ...] = (None, 0, 1, None) if graph.channels_last else (None, None, 0, 1)
        states[graph.picture] = Field(marks, (AxisField(0, 0, 1), AxisField(0, 0, 1)))
    for node in graph.nodes:
        if node.operator in _ABOUT_SHAPES:
            continue
        incoming = {index: states[name] for index, name in enumerate(node.inputs) if name in states}
        if not incoming:
            continue
        with one_sentence(f"layer {where(node)}"):
            result = _whole_picture(graph, node, _behind(graph, node, incoming))
        for output in node.outputs:
            if output:
                states[output] = result
    return states


def _behind(graph: Graph, node: Node, incoming: dict[int, Seen]) -> Seen:
    states = list(incoming.values())
    if node.operator in CELL_BY_CELL:
        return unite(states, where(node))
    if node.operator in PRODUCTS:
        return behind_product(graph, node, incoming)
    if node.operator == "Concat":
        return behind_concat(graph, node, incoming)
    return _by_rule(graph, node, incoming)


def _by_rule(graph: Graph, node: Node, incoming: dict[int, Seen]) -> Seen:
    for state in incoming.values():
        if isinstance(state, Unknown):
            return state
    fields = [state for state in incoming.values() if isinstance(state, Field)]
    if all(state.sees_all for state in fields):  # then it no longer matters which dimension is which
        return Field((None,) * (graph.rank(node.outputs[0]) or len(fields[0].marks)), (GLOBAL, GLOBAL))
    rule = RULES.get(node.operator)
    if rule is None or list(incoming) != [0]:
        return Unknown(f"{where(node)}: no rule for this operator")
    return rule(graph, node, fields[0])


def _whole_picture(graph: Graph, node: Node, state: Seen) -> Seen:
    """A single position that covers an axis of the picture sees it whole."""
    if isinstance(state, Unknown):
        return state
    shape = graph.shape(node.outputs[0])
    if shape is None or len(shape) != len(state.marks):
        return state
    for axis, size in enumerate(graph.picture_size):
        interval = state.axes[axis]
        lone = axis in state.marks and shape[state.marks.index(axis)] == 1
        if interval is None or not lone or not isinstance(size, int) or size == 1:
            continue
        if interval.low <= 0 and interval.high >= size - 1:
            state = state.with_axis(axis, GLOBAL)
    return state
