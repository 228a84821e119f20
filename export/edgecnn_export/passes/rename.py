"""Rename tensors of an ONNX graph, inner graphs included, and make room for the names of a model file."""

from collections.abc import Iterable, Mapping

import onnx

__all__ = ["make_room", "rename_tensors"]


def rename_tensors(graph: onnx.GraphProto, names: Mapping[str, str]) -> None:
    """Give tensors new names wherever they are written, read or declared."""
    for node in graph.node:
        for tensors in (node.input, node.output):
            for index, name in enumerate(tensors):
                tensors[index] = names.get(name, name)
        for attribute in node.attribute:
            for inner in (attribute.g, *attribute.graphs):
                rename_tensors(inner, names)
    for declared in (*graph.input, *graph.output, *graph.value_info, *graph.initializer):
        declared.name = names.get(declared.name, declared.name)


def make_room(graph: onnx.GraphProto, reserved: Iterable[str]) -> dict[str, str]:
    """Rename the tensors that have a reserved name.

    Returns:
        New name by old name.
    """
    taken = {name for node in graph.node for name in (*node.input, *node.output)}
    taken |= {declared.name for declared in (*graph.input, *graph.output, *graph.initializer)}
    renamed = {}
    for name in sorted(taken.intersection(reserved)):
        fresh = f"{name}.own"
        while fresh in taken:
            fresh += "_"
        taken.add(fresh)
        renamed[name] = fresh
    rename_tensors(graph, renamed)
    return renamed
