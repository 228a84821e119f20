"""The sliding window of a convolution or pooling node: kernel, stride, dilation, padding."""

from collections.abc import Sequence
from dataclasses import dataclass

from edgecnn.understanding.inspecting.onnx_graph import Graph, Node
from edgecnn.understanding.inspecting.operators import CONVOLUTIONS

__all__ = ["WINDOWED", "SlidingWindow", "window_of"]

WINDOWED = frozenset({*CONVOLUTIONS, "MaxPool", "AveragePool", "LpPool", "com.microsoft.QLinearAveragePool"})


@dataclass(frozen=True)
class SlidingWindow:
    """A sliding window over height and width.

    Attributes:
        kernel: Height and width, in cells.
        stride: Likewise.
        dilation: Likewise.
        padding: Top, left, bottom, right, in cells; None where `auto_pad` depends on a size that is not known.
    """

    kernel: tuple[int, int]
    stride: tuple[int, int]
    dilation: tuple[int, int]
    padding: tuple[int, int, int, int] | None


def window_of(graph: Graph, node: Node) -> SlidingWindow | None:
    """Window of a convolution or pooling node over pictures; None when it has another number of axes or no kernel."""
    kernel = node.integers("kernel_shape", ())
    index = CONVOLUTIONS.get(node.operator)
    if not kernel and index is not None and index < len(node.inputs):
        weight = graph.weight(node.inputs[index])
        kernel = tuple(weight.dims[2:]) if weight is not None else ()
    if len(kernel) != 2:
        return None
    stride, dilation = node.integers("strides", (1, 1)), node.integers("dilations", (1, 1))
    reach = [step * (size - 1) + 1 for size, step in zip(kernel, dilation, strict=True)]
    return SlidingWindow(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        dilation=(dilation[0], dilation[1]),
        padding=_padding(graph, node, reach=reach, stride=stride),
    )


def _padding(
    graph: Graph, node: Node, *, reach: Sequence[int], stride: Sequence[int]
) -> tuple[int, int, int, int] | None:
    auto = node.attributes.get("auto_pad", b"NOTSET").decode()
    if auto == "NOTSET":
        top, left, bottom, right = node.integers("pads", (0, 0, 0, 0))
        return top, left, bottom, right
    if auto == "VALID":
        return 0, 0, 0, 0
    shape = graph.shape(node.inputs[0]) or ()
    ends = []  # the larger halves
    totals = []
    for cells, step, size in zip(reach, stride, shape[2:] if len(shape) == 4 else "??", strict=True):
        if not isinstance(size, int) and step != 1:
            return None
        total = max(0, (-(-size // step) - 1) * step + cells - size) if isinstance(size, int) else cells - 1
        totals.append(total)
        ends.append(total - total // 2 if auto == "SAME_UPPER" else total // 2)
    return totals[0] - ends[0], totals[1] - ends[1], ends[0], ends[1]
