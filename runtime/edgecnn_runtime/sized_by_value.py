"""Operators whose result has a size that stands in a value: what the value is computed from decides.

Exporters compute sizes from the shape of the picture, in ways that shape inference does not always follow; these are as
harmless as the shape. A size that is computed from pixels, or from constants in a way that hides it, is another matter.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass

__all__ = ["SIZED_BY_VALUE", "GraphNode", "unforeseeable"]

# By operator: the first of the inputs that tell the size.
SIZED_BY_VALUE = {
    "AffineGrid": 1, "BlackmanWindow": 0, "CenterCropPad": 1, "Col2Im": 1, "ConstantOfShape": 0, "DFT": 1, "Expand": 1,
    "HammingWindow": 0, "HannWindow": 0, "MaxUnpool": 2, "MelWeightMatrix": 0, "OneHot": 1, "Pad": 1, "Range": 0,
    "Resize": 1, "Tile": 1, "Upsample": 1, "com.microsoft.CropAndResize": 3,
}  # fmt: skip
_ABOUT_SHAPES = frozenset({"Shape", "Size"})
_AS_MANY_AS_FOUND = frozenset({"Compress", "NonMaxSuppression", "NonZero", "Unique"})


@dataclass(frozen=True)
class GraphNode:
    """A node of the main graph: its operator, and the names of what goes in and what comes out."""

    operator: str
    inputs: list[str]
    outputs: list[str]


def unforeseeable(nodes: Iterable[GraphNode], *, constants: Collection[str], known: Collection[str]) -> list[str]:
    """Operators with a result of which nobody can tell how large it will be.

    Args:
        nodes: In the order in which they run.
        constants: Names of tensors that the file holds.
        known: Names of tensors whose shape was inferred.
    """
    constant = set(constants)
    about_shapes: set[str] = set()  # computed from shapes and constants alone
    as_many_as_found: set[str] = set()  # of a size that pixels decide
    found = []
    for node in nodes:
        inputs = [name for name in node.inputs if name]
        free = any(name not in known for name in node.outputs if name)
        loose = node.operator in _AS_MANY_AS_FOUND or not as_many_as_found.isdisjoint(inputs)
        if node.operator in SIZED_BY_VALUE and free:
            sizes = {name for name in node.inputs[SIZED_BY_VALUE[node.operator] :] if name}
            if sizes <= constant or not sizes <= constant | about_shapes:
                found.append(node.operator)
        if constant.issuperset(inputs):
            constant.update(node.outputs)
        elif loose and free:
            as_many_as_found.update(node.outputs)
        elif node.operator in _ABOUT_SHAPES or (constant | about_shapes).issuperset(inputs):
            about_shapes.update(node.outputs)
    return found
