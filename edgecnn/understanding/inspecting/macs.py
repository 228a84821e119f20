"""Multiply-accumulates of a layer for one picture: convolutions and products of matrices; the rest is negligible."""

import math

from edgecnn.understanding.inspecting.graph import Graph, Node
from edgecnn.understanding.inspecting.operators import PRODUCTS

__all__ = ["macs_of"]

_CONVOLUTIONS = frozenset({"Conv", "ConvInteger", "QLinearConv", "com.microsoft.FusedConv"})
# Made of products inside, in ways that their inputs' shapes alone don't tell.
_UNCOUNTED = frozenset(
    {
        "Attention",
        "DeformConv",
        "GRU",
        "LSTM",
        "RNN",
        "com.microsoft.Attention",
        "com.microsoft.MultiHeadAttention",
        "com.microsoft.QAttention",
    }
)


def macs_of(graph: Graph, node: Node) -> int | None:
    """Multiply-accumulates for one picture.

    Returns:
        None when a size that it depends on is free, or for an operator that cannot be counted from its shapes.
    """
    if node.operator in _CONVOLUTIONS:
        return _of_convolution(graph, node.outputs[0], node.inputs[3 if node.operator == "QLinearConv" else 1])
    if node.operator == "ConvTranspose":
        return _of_convolution(graph, node.inputs[0], node.inputs[1])
    if node.operator in PRODUCTS:
        first = graph.shape(node.inputs[0])
        inner = first[-2 if node.attributes.get("transA", 0) else -1] if first else "?"
        output = graph.elements(node.outputs[0])
        return output * inner if output is not None and isinstance(inner, int) else None
    if node.operator == "Einsum":
        return _of_einsum(graph, node)
    return None if node.operator in _UNCOUNTED else 0


def _of_convolution(graph: Graph, positions: str, weights: str) -> int | None:
    """Every number of `positions` meets the weights of one filter."""
    weight, count = graph.weight(weights), graph.elements(positions)
    return None if count is None or weight is None else count * math.prod(weight.dims[1:])


def _of_einsum(graph: Graph, node: Node) -> int | None:
    """Numbers in the result times the letters that are summed over, for two factors; one alone multiplies nothing."""
    terms, _, result = node.attributes.get("equation", b"").decode().replace(" ", "").partition("->")
    factors = terms.split(",")
    if terms and len(factors) == len(node.inputs) == 1:
        return 0
    output = graph.elements(node.outputs[0])
    if not len(factors) == len(node.inputs) == 2 or not result or output is None:
        return None
    for letter in set(terms) - set(result) - {",", "."}:
        place = next(index for index, term in enumerate(factors) if letter in term)
        size = _size_of(graph, node.inputs[place], factors[place], letter)
        if size is None:
            return None
        output *= size
    return output


def _size_of(graph: Graph, name: str, term: str, letter: str) -> int | None:
    before, _, after = term.partition("...")
    shape = graph.shape(name) or ()
    index = before.index(letter) if letter in before else after.index(letter) - len(after)
    size = shape[index] if len(before) + len(after) <= len(shape) else "?"
    return size if isinstance(size, int) else None
