"""The rows of `edgecnn inspect` as text, for the terminal and the page."""

from collections.abc import Sequence

from edgecnn.understanding.inspecting.inspected_layer import InspectedLayer
from edgecnn.understanding.tables import format_table

__all__ = ["LAYER_COLUMNS", "NUMBER_COLUMNS", "layer_cells", "layer_table"]

LAYER_COLUMNS = (
    "layer", "operator", "output", "kernel", "stride", "padding", "parameters", "MACs", "bytes", "precision", "field",
    "jump", "offset",
)  # fmt: skip
NUMBER_COLUMNS = (6, 7, 8, 10, 11, 12)
"""Which of them are set to the right."""


def layer_table(layers: Sequence[InspectedLayer]) -> str:
    """All rows under their titles."""
    return format_table(LAYER_COLUMNS, [layer_cells(layer) for layer in layers], right=NUMBER_COLUMNS)


def layer_cells(layer: InspectedLayer) -> list[str]:
    """A layer's row as text, in the order of `LAYER_COLUMNS`."""
    row = layer.to_dict()
    kernel = _pair(row["kernel"])
    if row["dilation"] not in (None, 1):
        kernel += f" dilated {_pair(row['dilation'])}"
    sides = [str(side) for side in layer.padding or ()]
    return [
        layer.name,
        layer.operator,
        "×".join(str(size) for size in layer.output_shape) or "?",
        kernel,
        _pair(row["stride"]),
        ",".join(sides[:1] if len(set(sides)) == 1 else sides),
        f"{layer.parameters:,}" if layer.parameters else "",
        "?" if layer.macs is None else f"{layer.macs:,}" if layer.macs else "",
        f"{layer.weight_bytes:,}" if layer.weight_bytes else "",
        layer.precision,
        "unknown from here" if layer.axes is None else _pair(row["receptive_field"]),
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
