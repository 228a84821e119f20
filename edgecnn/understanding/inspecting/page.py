"""The page of `edgecnn inspect -o`: hover a layer and see its receptive field on a picture."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from edgecnn_runtime.profile import NodeTime

from edgecnn.understanding.inspecting.inspected_layer import InspectedLayer
from edgecnn.understanding.inspecting.inspection import Inspection
from edgecnn.understanding.inspecting.table import LAYER_COLUMNS, NUMBER_COLUMNS, layer_cells
from edgecnn.understanding.pages import Picture, drawn_picture, render

__all__ = ["OperatorTime", "inspect_page", "time_by_operator"]

_ORDER = (0, 1, 10, 11, 2, 3, 4, 5, 6, 7, 8, 9, 12)  # what the picture shows stands beside the name


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
    rows = []
    for operator, group in groups.items():
        time_ms, share = sum(entry.time_ms for entry in group), sum(entry.share for entry in group)
        rows.append(OperatorTime(operator=operator, nodes=len(group), time_ms=time_ms, share=share))
    return sorted(rows, key=lambda row: -row.time_ms)


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
    return render(
        "inspect.html.j2",
        inspection=inspection,
        columns=LAYER_COLUMNS,
        order=_ORDER,
        numbers=NUMBER_COLUMNS,
        rows=[(layer, layer_cells(layer), _frames(layer, height, width)) for layer in inspection.layers],
        first=_telling(inspection.layers, min(height, width)),
        picture=picture,
        margin=round(0.12 * max(width, height)),
        times=time_by_operator(times),
        runs=runs,
    )


def _telling(layers: Sequence[InspectedLayer], size: int) -> int:
    """The first layer that sees a good part of the picture, to begin with."""
    sizes = [layer.axes[0].size if layer.axes and layer.axes[0] else 0 for layer in layers]
    return next((index for index, seen in enumerate(sizes) if seen * 4 >= size), 0)


def _frames(layer: InspectedLayer, height: int, width: int) -> dict[str, list[int] | None] | None:
    """What the layer's middle position and the next one see, each left, top, width, height in pixels."""
    box = layer.field_box(height, width)
    if box is None or layer.axes is None:
        return None
    down, across = (field.jump if field else 0 for field in layer.axes)
    return {"box": box, "next": None if layer.sees_all else [box[0] + across, box[1] + down, *box[2:]]}
