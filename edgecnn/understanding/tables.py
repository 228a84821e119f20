"""Tables for a terminal or a pipe: columns as wide as their contents, numbers to the right."""

from collections.abc import Sequence

from edgecnn_runtime.errors import quoted

__all__ = ["format_table", "short_number"]

_LONGEST_CELL = 500


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Lay out a table with a header and a rule under it.

    Args:
        header: Column titles.
        rows: Cells as text, each row as long as the header.
        right: Columns that are set to the right.
    """
    header, *rows = [[quoted(cell, _LONGEST_CELL) for cell in row] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(header, *rows, strict=True)]
    sides = [str.rjust if column in right else str.ljust for column in range(len(header))]
    lines = [header, ["─" * width for width in widths], *rows]
    placed = ([side(cell, width) for side, cell, width in zip(sides, line, widths, strict=True)] for line in lines)
    return "\n".join("  ".join(cells).rstrip() for cells in placed)


def short_number(value: int | float | None) -> str:
    """`385.2 M`, `4.6 M`, `31 k`; `?` when not known."""
    if value is None:
        return "?"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:g}"
