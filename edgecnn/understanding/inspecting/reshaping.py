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
    groups = _groups(before, after)
    if groups is None:
        return _flattened(marks, before, after)
    result: list[Mark] = [None] * len(after)
    for sources, targets in groups:
        moved = [marks[index] for index in sources if marks[index] is not None and before[index] != 1]
        if not moved:
            continue
        wide_sources = [index for index in sources if before[index] != 1]
        wide_targets = [index for index in targets if after[index] != 1]
        if len(wide_targets) != 1:
            return None
        result[wide_targets[0]] = moved[0] if len(wide_sources) == 1 else FLAT
    return tuple(result)


def _groups(before: Sequence[Dimension], after: Sequence[Dimension]) -> list[tuple[range, range]] | None:
    groups: list[tuple[range, range]] = []
    left, right = 0, 0
    while left < len(before) or right < len(after):
        first, second = left, right
        if left < len(before) and right < len(after) and before[left] == after[right]:
            left, right = left + 1, right + 1  # the only way in which free sizes can meet
        else:
            sizes = [1, 1]
            while left == first or right == second or sizes[0] != sizes[1]:
                if sizes[0] <= sizes[1] and left < len(before):
                    side, size, left = 0, before[left], left + 1
                elif right < len(after):
                    side, size, right = 1, after[right], right + 1
                elif left == len(before) and sizes[0] == sizes[1]:
                    break  # ones at the end of one shape
                else:
                    return None
                if not isinstance(size, int):
                    return None
                sizes[side] *= size
        groups.append((range(first, left), range(second, right)))
    return groups


def _flattened(
    marks: tuple[Mark, ...], before: Sequence[Dimension], after: Sequence[Dimension]
) -> tuple[Mark, ...] | None:
    """Free sizes: only the flattening of everything behind the batch can still be followed."""
    if len(before) == 4 and len(after) == 2 and marks[0] is None:
        return None, FLAT
    return None
