"""The page of `edgecnn inspect --html`: hover a layer and see its receptive field on a picture."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from edgecnn.understanding.inspecting.field import AxisField
from edgecnn.understanding.inspecting.inspection import Inspection
from edgecnn.understanding.inspecting.layers import Layer
from edgecnn.understanding.inspecting.profile import NodeTime, time_by_operator
from edgecnn.understanding.inspecting.text_table import LAYER_COLUMNS, layer_cells
from edgecnn.understanding.pages import Picture, data_uri, drawn_picture, render

__all__ = ["field_box", "inspect_page"]

_FREE_PICTURE_SIZE = 224  # what a network that takes any size is drawn on
_ORDER = (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9, 12)  # what the picture shows stands beside the name
_RIGHT = (2, 3, 8, 9, 10, 12)


@dataclass(frozen=True)
class _Row:
    cells: list[str]
    field: dict[str, Any] | None
    says: str


def inspect_page(
    inspection: Inspection, *, picture: Picture | None = None, times: Sequence[NodeTime] = (), runs: int = 0
) -> str:
    """The page as HTML.

    Args:
        inspection: what is shown.
        picture: `(height, width, 3)` uint8 RGB as the network gets it; None draws one.
        times: of the nodes, from `profile`; shown when there are any.
        runs: how many runs those times are medians of.
    """
    if picture is None:
        height = inspection.height if isinstance(inspection.height, int) else _FREE_PICTURE_SIZE
        width = inspection.width if isinstance(inspection.width, int) else _FREE_PICTURE_SIZE
        picture = drawn_picture(height, width)
    height, width = picture.shape[:2]
    rows = [_row(layer, height, width) for layer in inspection.layers]
    return render(
        "inspect.html.j2",
        name=inspection.name,
        columns=[LAYER_COLUMNS[index] for index in _ORDER],
        right=_RIGHT,
        rows=rows,
        first=_telling(inspection.layers, min(height, width)),
        picture=data_uri(picture),
        width=width,
        height=height,
        margin=round(0.12 * max(width, height)),
        times=time_by_operator(times),
        runs=runs,
        facts=inspection.facts(),
    )


def field_box(layer: Layer, height: int, width: int, position: tuple[int, int] | None = None) -> list[int] | None:
    """What a position of a layer sees: left, top, width, height in pixels; may reach over the picture's edge.

    Args:
        layer: the layer.
        height: of the picture, in pixels.
        width: likewise.
        position: row and column of the layer's output; None means the one that looks at the middle of the picture.

    Returns:
        None when the receptive field cannot be told.
    """
    if layer.axes is None:
        return None
    spans = []
    for axis, size in enumerate((height, width)):
        field = layer.axes[axis]
        if field is None:
            spans.append((0, size - 1))
        else:
            spans.append(field.span(_middle(field, size) if position is None else position[axis]))
    (top, bottom), (left, right) = spans
    return [left, top, right - left + 1, bottom - top + 1]


def _middle(field: AxisField, size: int) -> int:
    return max(0, round(((size - 1) / 2 - field.offset) / field.jump)) if field.jump else 0


def _telling(layers: Sequence[Layer], size: int) -> int:
    """The first layer that sees a good part of the picture, to begin with."""
    for index, layer in enumerate(layers):
        field = layer.axes[0] if layer.axes else None
        if field is not None and field.size * 4 >= size:
            return index
    return 0


def _cells(layer: Layer) -> list[str]:
    cells = layer_cells(layer)
    return [cells[index] for index in _ORDER]


def _row(layer: Layer, height: int, width: int) -> _Row:
    box = field_box(layer, height, width)
    if box is None:
        return _Row(_cells(layer), None, f"{layer.name}: unknown from here. {layer.unknown_since}.")
    if layer.sees_all:
        return _Row(_cells(layer), {"box": box, "next": None}, f"{layer.name} sees the whole picture.")
    following = box.copy()
    jumps = []
    for axis, index in ((1, 0), (0, 1)):
        field = layer.axes[axis] if layer.axes else None
        jumps.append(field.jump if field else 0)
        following[index] += jumps[-1]
    says = f"{layer.name} sees {box[2]} by {box[3]} pixels (width by height); the next position looks {jumps[0]} on."
    if box[2] >= width and box[3] >= height:
        says += " That is more than the picture: the field is cut by its edges."
    return _Row(_cells(layer), {"box": box, "next": following}, says)
