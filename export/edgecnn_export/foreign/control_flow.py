"""Bodies of If and Loop that are decided beforehand become part of the graph; other loops are refused."""

import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError

from edgecnn_export.passes.values import constant

__all__ = ["inline_bodies", "refuse_remaining_loops"]

_MOST_TURNS = 16


def inline_bodies(model: ir.Model) -> None:
    """Put the branch of an If with a constant condition, and a short Loop's turns, in the place of their node."""
    changed = True
    while changed:
        changed = False
        for node in list(model.graph):
            results = _results(model.graph, node)
            if results is not None:
                for old, new in zip(node.outputs, results, strict=True):
                    _take_over(model.graph, node, old, new)
                model.graph.remove(node, safe=True)
                changed = True


def refuse_remaining_loops(model: ir.Model) -> None:
    """Say that a network with a loop cannot be used.

    Raises:
        ModelFileError: It holds one.
    """
    loops = sorted({node.op_type for node in model.graph.all_nodes() if node.op_type in ("Loop", "Scan")})
    if loops:
        raise ModelFileError(
            f"the network holds a {loops[0]} whose turns are not known beforehand; expected a classifier "
            "without loops: export it again with the loop unrolled."
        )


def _take_over(graph: ir.Graph, node: ir.Node, old: ir.Value, new: ir.Value) -> None:
    """Let `new` stand wherever `old` stood, under the old name where that is an output's."""
    if old.is_graph_output():
        name, old.name = old.name, f"{old.name}.before"
        identity = ir.node("Identity", [new])
        graph.insert_before(node, [identity])
        new = identity.outputs[0]
        new.name = name
    new.type, new.shape = new.type or old.type, new.shape or old.shape
    old.replace_all_uses_with(new, replace_graph_outputs=True)


def _results(graph: ir.Graph, node: ir.Node) -> list[ir.Value] | None:
    """The values that take the place of the node's outputs, or None where it stays."""
    if node.op_type == "If":
        condition = constant(node.inputs[0])
        if condition is None:
            return None
        branch = node.attributes["then_branch" if condition.reshape(-1)[0] else "else_branch"]
        return _insert(graph, node, branch.as_graph(), [])
    if node.op_type == "Loop":
        return _unrolled(graph, node)
    return None


def _unrolled(graph: ir.Graph, node: ir.Node) -> list[ir.Value] | None:
    """The carried values behind the last turn, where the count of turns is constant and nothing ends them early."""
    turns, condition = (constant(value) for value in node.inputs[:2])
    body = node.attributes["body"].as_graph()
    carried = list(node.inputs[2:])
    goes_on = node.inputs[1] is None or (condition is not None and bool(condition.reshape(-1)[0]))
    if turns is None or not goes_on or len(body.outputs) != 1 + len(carried) or not _never_ends_early(body):
        return None
    if not 0 <= int(turns.reshape(-1)[0]) <= _MOST_TURNS or any(value is None for value in carried):
        return None
    for turn in range(int(turns.reshape(-1)[0])):
        number = ir.Value(name=f"{node.name}_turn_{turn}", const_value=ir.tensor(turn, ir.DataType.INT64))
        go_on = ir.Value(name=f"{node.name}_go_{turn}", const_value=ir.tensor(True))
        for value in (number, go_on):
            graph.register_initializer(value)
        carried = list(_insert(graph, node, body, [number, go_on, *carried])[1:])
    return [value for value in carried if value is not None]


def _never_ends_early(body: ir.Graph) -> bool:
    condition = body.outputs[0]
    while (maker := condition.producer()) is not None and maker.op_type == "Identity" and maker.inputs[0] is not None:
        condition = maker.inputs[0]
    fixed = constant(condition)
    return condition is body.inputs[1] or (fixed is not None and bool(fixed.reshape(-1)[0]))


def _insert(graph: ir.Graph, node: ir.Node, body: ir.Graph, given: list[ir.Value | None]) -> list[ir.Value]:
    """Copy a body in front of the node, its inputs replaced by `given`; returns what it gives."""
    copy = body.clone(allow_outer_scope_values=True)
    results = list(copy.outputs)
    copy.outputs.clear()
    for formal, actual in zip(list(copy.inputs), given, strict=True):
        if actual is not None:
            results = [actual if value is formal else value for value in results]
            formal.replace_all_uses_with(actual)
    nodes = list(copy)
    copy.remove(nodes)
    for value in list(copy.initializers.values()):
        copy.initializers.pop(str(value.name))
        value.name = _free(graph, str(value.name))
        graph.register_initializer(value)
    graph.insert_before(node, nodes)
    return results


def _free(graph: ir.Graph, name: str) -> str:
    while name in graph.initializers:
        name += "_"
    return name
