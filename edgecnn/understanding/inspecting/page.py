"""The page of `edgecnn inspect -o`: hover a layer and see its receptive field on a picture."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from edgecnn_runtime.profile import NodeTime

from edgecnn.understanding.inspecting.inspected_layer import InspectedLayer
from edgecnn.understanding.inspecting.inspection import Inspection
from edgecnn.understanding.inspecting.table import LAYER_COLUMNS, layer_cells
from edgecnn.understanding.pages import Picture, data_uri, drawn_picture, render

__all__ = ["OperatorTime", "inspect_page", "time_by_operator"]

_ORDER = (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9, 12)  # what the picture shows stands beside the name
_RIGHT = (2, 3, 8, 9, 10, 12)


@dataclass(frozen=True)
class OperatorTime:
    """Time of all nodes of one kind.

    Attributes:
        operator: As ONNX Runtime runs it.
        nodes: How many.
        time_ms: Their sum.
        share: Of the sum over all nodes, 0 to 1.
    """

    operator: str
    nodes: int
    time_ms: float
    share: float


def time_by_operator(times: Iterable[NodeTime]) -> list[OperatorTime]:
    """Where the time goes by operator, slowest first."""
    groups: dict[str, list[NodeTime]] = defaultdict(list)
    for entry in times:
        groups[entry.operator].append(entry)
    rows = [
        OperatorTime(
            operator=operator,
            nodes=len(group),
            time_ms=sum(entry.time_ms for entry in group),
            share=sum(entry.share for entry in group),
        )
        for operator, group in groups.items()
    ]
    return sorted(rows, key=lambda row: -row.time_ms)


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
        inspection: What is shown.
        picture: `(height, width, 3)` uint8 RGB as the network gets it; None draws one.
        times: Of the nodes, from `profile`; shown when there are any.
        runs: How many runs those times are medians of.
    """
    if picture is None:
        picture = drawn_picture(*inspection.drawn_size)
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


def _telling(layers: Sequence[InspectedLayer], size: int) -> int:
    """The first layer that sees a good part of the picture, to begin with."""
    for index, layer in enumerate(layers):
        field = layer.axes[0] if layer.axes else None
        if field is not None and field.size * 4 >= size:
            return index
    return 0


def _row(layer: InspectedLayer, height: int, width: int) -> _Row:
    texts = layer_cells(layer)
    cells = [texts[index] for index in _ORDER]
    box = layer.field_box(height, width)
    if box is None or layer.axes is None:
        return _Row(cells, None, f"{layer.name}: unknown from here. {layer.unknown_since}.")
    if layer.sees_all:
        return _Row(cells, {"box": box, "next": None}, f"{layer.name} sees the whole picture.")
    down, across = (field.jump if field else 0 for field in layer.axes)
    following = [box[0] + across, box[1] + down, *box[2:]]
    says = f"{layer.name} sees {box[2]} by {box[3]} pixels (width by height); the next position looks {across} on."
    if box[2] >= width and box[3] >= height:
        says += " That is more than the picture: the field is cut by its edges."
    return _Row(cells, {"box": box, "next": following}, says)
