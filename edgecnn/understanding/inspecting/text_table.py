"""Tables for a terminal or a pipe: columns as wide as their contents, numbers to the right."""

from collections.abc import Sequence

__all__ = ["format_table", "layer_table", "percent", "short_number"]

from edgecnn.understanding.inspecting.layers import Layer


def format_table(header: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> str:
    """Lay out a table with a header and a rule under it.

    Args:
        header: column titles.
        rows: cells as text, each row as long as the header.
        right: columns that are set to the right.
    """
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]

    def line(cells: Sequence[str]) -> str:
        placed = [
            cell.rjust(width) if index in right else cell.ljust(width)
            for index, (cell, width) in enumerate(zip(cells, widths, strict=True))
        ]
        return "  ".join(placed).rstrip()

    return "\n".join([line(header), line(["─" * width for width in widths]), *(line(row) for row in rows)])


def percent(share: float) -> str:
    """`0.895` as `89.5 %`."""
    return f"{100 * share:.1f} %"


def short_number(value: int | float | None) -> str:
    """`385.2 M`, `4.6 M`, `31 k`; `?` when not known."""
    if value is None:
        return "?"
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.1f} {unit}"
    return f"{value:g}"


LAYER_COLUMNS = (
    "layer",
    "operator",
    "output",
    "kernel",
    "stride",
    "padding",
    "parameters",
    "MACs",
    "bytes",
    "precision",
    "field",
    "jump",
    "offset",
)


def layer_table(layers: Sequence[Layer]) -> str:
    """The rows of `edgecnn inspect`."""
    return format_table(LAYER_COLUMNS, [layer_cells(layer) for layer in layers], right=(6, 7, 8, 10, 11, 12))


def layer_cells(layer: Layer) -> list[str]:
    """A layer's row as text, in the order of `LAYER_COLUMNS`."""
    row = layer.to_dict()
    kernel = _pair(row["kernel"])
    if row["dilation"] not in (None, 1):
        kernel += f" dilated {_pair(row['dilation'])}"
    padding = layer.padding
    if padding is None:
        pad = ""
    else:
        pad = str(padding[0]) if len(set(padding)) == 1 else ",".join(str(side) for side in padding)
    if layer.axes is None:
        field = "unknown from here"
    elif layer.sees_all:
        field = "global"
    else:
        field = _pair(row["receptive_field"])
    return [
        layer.name,
        layer.operator,
        "×".join(str(size) for size in layer.output_shape) or "?",
        kernel,
        _pair(row["stride"]),
        pad,
        f"{layer.parameters:,}" if layer.parameters else "",
        "?" if layer.macs is None else f"{layer.macs:,}" if layer.macs else "",
        f"{layer.weight_bytes:,}" if layer.weight_bytes else "",
        layer.precision,
        field,
        _pair(row["jump"]),
        _pair(row["offset"]),
    ]


def _pair(value: object) -> str:
    """One number for a square, two otherwise, nothing for nothing."""
    if value is None:
        return ""
    values = value if isinstance(value, list) else [value]
    return "×".join(
        "–" if entry is None else f"{entry:g}" if isinstance(entry, float) else str(entry) for entry in values
    )
