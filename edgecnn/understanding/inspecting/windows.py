"""The sliding window of a convolution or pooling node: kernel, stride, dilation, padding."""

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
    stride = node.integers("strides", (1, 1))
    dilation = node.integers("dilations", (1, 1))
    return SlidingWindow(
        kernel=(kernel[0], kernel[1]),
        stride=(stride[0], stride[1]),
        dilation=(dilation[0], dilation[1]),
        padding=_padding(graph, node, kernel=kernel, stride=stride, dilation=dilation),
    )


def _padding(
    graph: Graph, node: Node, *, kernel: tuple[int, ...], stride: tuple[int, ...], dilation: tuple[int, ...]
) -> tuple[int, int, int, int] | None:
    auto = node.attributes.get("auto_pad", b"NOTSET")
    auto = auto.decode() if isinstance(auto, bytes) else str(auto)
    if auto == "NOTSET":
        top, left, bottom, right = node.integers("pads", (0, 0, 0, 0))
        return top, left, bottom, right
    if auto == "VALID":
        return 0, 0, 0, 0
    shape = graph.shape(node.inputs[0]) or ()
    begins, ends = [], []
    for axis in (0, 1):
        reach = dilation[axis] * (kernel[axis] - 1) + 1
        size = shape[2 + axis] if len(shape) == 4 else "?"
        if isinstance(size, int):
            total = max(0, (-(-size // stride[axis]) - 1) * stride[axis] + reach - size)
        elif stride[axis] == 1:
            total = reach - 1
        else:
            return None
        smaller = total // 2
        begins.append(smaller if auto == "SAME_UPPER" else total - smaller)
        ends.append(total - begins[-1])
    return begins[0], begins[1], ends[0], ends[1]
