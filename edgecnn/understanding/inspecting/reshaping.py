"""Where the picture's axes go when a tensor is reshaped."""

from collections.abc import Sequence

from edgecnn.understanding.inspecting.field import FLAT, Mark
from edgecnn.understanding.inspecting.onnx_graph import Dimension

__all__ = ["reshaped_marks"]


def reshaped_marks(
    marks: tuple[Mark, ...], before: Sequence[Dimension], after: Sequence[Dimension]
) -> tuple[Mark, ...] | None:
    """Marks of the dimensions after a reshape (see `Field.marks`).

    The dimensions of both shapes are cut into the smallest groups of equal size, first to last. An axis that stays
    alone in its group is carried over; height and width that were joined (with channels, or each other) become `FLAT`.

    Returns:
        The new marks; None when an axis of the picture was cut in pieces, or a size is not known.
    """
    result: list[Mark] = [None] * len(after)
    sources = [index for index, size in enumerate(before) if size != 1]  # ones change nothing
    targets = [index for index, size in enumerate(after) if size != 1]
    while sources or targets:
        group = _smallest_group([before[index] for index in sources], [after[index] for index in targets])
        if group is None:  # of free sizes only the flattening of everything behind the batch can be followed
            return (None, FLAT) if len(before) == 4 and len(after) == 2 and marks[0] is None else None
        moved = [marks[index] for index in sources[: group[0]] if marks[index] is not None]
        if moved and group[1] != 1:
            return None
        if moved:
            result[targets[0]] = moved[0] if group[0] == 1 else FLAT
        sources, targets = sources[group[0] :], targets[group[1] :]
    return tuple(result)


def _smallest_group(before: Sequence[Dimension], after: Sequence[Dimension]) -> tuple[int, int] | None:
    """How many sizes from the start of each have the same product; None where there are none."""
    if before[:1] == after[:1]:
        return 1, 1  # the only way in which free sizes can meet
    counts, products = [0, 0], [1, 1]
    while 0 in counts or products[0] != products[1]:
        side = 0 if products[0] <= products[1] else 1
        size = (before, after)[side][counts[side]] if counts[side] < len((before, after)[side]) else "?"
        if not isinstance(size, int):
            return None
        products[side] *= size
        counts[side] += 1
    return counts[0], counts[1]
