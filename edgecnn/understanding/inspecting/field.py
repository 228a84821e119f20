"""What a tensor sees of the picture: one interval an axis that moves by the jump from one position to the next.

Source of the algebra: Araujo, Norris, Sim, "Computing Receptive Fields of Convolutional Neural Networks", Distill 2019.
Position `i` of a tensor sees the pixels `low + i * jump` to `high + i * jump` of an axis. A window of `k` cells with
dilation `d`, stride `s` and `p` cells of padding in front turns that into `low - p * jump` to
`high + (d * (k - 1) - p) * jump` with jump `s * jump`; branches that meet are united.
"""

from dataclasses import dataclass, replace

__all__ = ["FLAT", "GLOBAL", "AxisField", "Field", "Mark", "Unknown", "unite"]

Mark = int | None
FLAT = 2
"""Mark of a dimension into which height and width were flattened together."""


@dataclass(frozen=True)
class AxisField:
    """What position 0 sees along one axis of the picture, in pixels, and how far the next position looks on.

    Attributes:
        low: First pixel that position 0 sees; outside the picture where it sees padding.
        high: Last pixel, likewise.
        jump: Pixels from one position to the next.
    """

    low: int
    high: int
    jump: int

    @property
    def size(self) -> int:
        """Receptive field in pixels, first to last."""
        return self.high - self.low + 1

    @property
    def offset(self) -> float:
        """Center of position 0's receptive field, in pixels, where 0 is the center of the first pixel."""
        return (self.low + self.high) / 2

    def span(self, position: int) -> tuple[int, int]:
        """First and last pixel that a position sees; may lie outside the picture."""
        return self.low + position * self.jump, self.high + position * self.jump


GLOBAL: None = None
"""An axis of which every position sees all."""


@dataclass(frozen=True)
class Unknown:
    """What the tensor sees is not known.

    Attributes:
        since: The layer from which it is unknown, and why.
    """

    since: str


@dataclass(frozen=True)
class Field:
    """What a tensor sees.

    Attributes:
        marks: For each dimension of the tensor: 0 (runs along the picture's height), 1 (its width), `FLAT` (both), or
            None (neither).
        axes: For height and width: the interval, or `GLOBAL`.
    """

    marks: tuple[Mark, ...]
    axes: tuple[AxisField | None, AxisField | None]

    @property
    def sees_all(self) -> bool:
        """Every position sees the whole picture."""
        return self.axes == (GLOBAL, GLOBAL)

    def with_axis(self, axis: int, value: AxisField | None) -> "Field":
        """The same with another interval for one axis."""
        axes = list(self.axes)
        axes[axis] = value
        return replace(self, axes=(axes[0], axes[1]))

    def window(
        self, dimension: int, *, kernel: int = 1, stride: int = 1, dilation: int = 1, pad_begin: int = 0
    ) -> "Field":
        """Behind a window that slides along a dimension; the same where no interval runs along it."""
        mark = self.marks[dimension]
        seen = self.axes[mark] if mark in (0, 1) else None
        if mark is None or seen is None:
            return self
        low = seen.low - pad_begin * seen.jump
        high = seen.high + (dilation * (kernel - 1) - pad_begin) * seen.jump
        return self.with_axis(mark, AxisField(low, high, seen.jump * stride))

    def gather(self, dimensions: list[int]) -> "Field":
        """After an operator that uses every cell along these dimensions for each result."""
        gathered = self
        for dimension in dimensions:
            mark = self.marks[dimension]
            if mark == FLAT:
                gathered = replace(gathered, axes=(GLOBAL, GLOBAL))
            elif mark is not None:
                gathered = gathered.with_axis(mark, GLOBAL)
        return gathered


def unite(fields: list["Field | Unknown"], where: str) -> "Field | Unknown":
    """What a tensor sees that is made cell by cell (numpy broadcasting) out of several.

    An axis that one of them sees whole is seen whole; intervals unite when their jumps agree.
    """
    known = [entry for entry in fields if isinstance(entry, Field)]
    if any(entry.sees_all for entry in known):
        rank = max(len(entry.marks) for entry in known)
        return Field((None,) * rank, (GLOBAL, GLOBAL))
    for entry in fields:
        if isinstance(entry, Unknown):
            return entry
    rank = max(len(entry.marks) for entry in known)
    marks: list[Mark] = [None] * rank
    for entry in known:
        for dimension, mark in enumerate(entry.marks, start=rank - len(entry.marks)):
            if mark is not None and marks[dimension] not in (None, mark):
                return Unknown(f"{where}: height and width meet crosswise")
            marks[dimension] = mark if mark is not None else marks[dimension]
    united: list[AxisField | None] = []
    for axis in (0, 1):
        intervals = [entry.axes[axis] for entry in known]
        kept = [interval for interval in intervals if interval is not None]
        if len(kept) < len(intervals):
            united.append(GLOBAL)
            continue
        if len({interval.jump for interval in kept}) > 1:
            return Unknown(f"{where}: branches with different strides meet")
        united.append(AxisField(min(entry.low for entry in kept), max(entry.high for entry in kept), kept[0].jump))
    return Field(tuple(marks), (united[0], united[1]))
