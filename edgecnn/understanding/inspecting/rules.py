"""What one operator makes of a receptive field: windows, reductions, products, and the ways to move dimensions."""

from collections.abc import Callable
from dataclasses import replace

from edgecnn_runtime.errors import quoted

from edgecnn.understanding.inspecting.field import FLAT, Field, Unknown, unite
from edgecnn.understanding.inspecting.onnx_graph import Graph, Node
from edgecnn.understanding.inspecting.operators import GLOBAL_POOLS, REDUCTIONS
from edgecnn.understanding.inspecting.reshaping import reshaped_marks
from edgecnn.understanding.inspecting.windows import WINDOWED, window_of

__all__ = ["RULES", "Seen", "behind_concat", "behind_product", "reduced_axes", "where"]

Seen = Field | Unknown


def where(node: Node) -> str:
    """How a message names a node."""
    return f"{quoted(node.name or node.outputs[0], 80)} ({quoted(node.operator, 80)})"


def _window(graph: Graph, node: Node, state: Field) -> Seen:
    window = window_of(graph, node)
    if window is None or len(state.marks) != 4:
        return Unknown(f"{where(node)}: not a window over two axes")
    if state.marks[2:] not in ((0, 1), (1, 0)) and not state.sees_all:
        dimensions = [index for index in (2, 3) if state.marks[index] is not None]
        if window.kernel != (1, 1) or not dimensions:
            return Unknown(f"{where(node)}: the window does not run along height and width")
    if window.padding is None:
        return Unknown(f"{where(node)}: its padding depends on the picture's size")
    for axis in (0, 1):
        state = state.window(
            2 + axis,
            kernel=window.kernel[axis],
            stride=window.stride[axis],
            dilation=window.dilation[axis],
            pad_begin=window.padding[axis],
        )
    return state


def _global_pool(_graph: Graph, _node: Node, state: Field) -> Seen:
    return state.gather(list(range(2, len(state.marks))))


def reduced_axes(graph: Graph, node: Node, rank: int) -> list[int] | None:
    """Which of `rank` dimensions a reduction takes together, from 0, in order; None when they are computed."""
    if node.operator in ("ArgMax", "ArgMin"):
        return [node.integer("axis", 0) % rank]
    axes: tuple[int, ...] | None = node.integers("axes", ())
    if not axes and len(node.inputs) > 1 and node.inputs[1]:
        axes = graph.constants(node, 1)
    if axes is None:
        return None
    return sorted(axis % rank for axis in axes) if axes else list(range(rank))


def _reduce(graph: Graph, node: Node, state: Field) -> Seen:
    dimensions = reduced_axes(graph, node, len(state.marks))
    if dimensions is None:
        return Unknown(f"{where(node)}: its axes are computed")
    gathered = state.gather(dimensions)
    if node.integer("keepdims", 1):
        return gathered
    return replace(gathered, marks=tuple(mark for index, mark in enumerate(state.marks) if index not in dimensions))


def _normalize(graph: Graph, node: Node, state: Field) -> Seen:
    rank = len(state.marks)
    if node.operator in ("InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization"):
        return state.gather(list(range(2, rank)))
    axis = node.integer("axis", -1) % rank
    dimensions = list(range(axis, rank)) if "LayerNorm" in node.operator else [axis]
    return state.gather(dimensions)


def _pad(graph: Graph, node: Node, state: Field) -> Seen:
    rank = len(state.marks)
    begins = graph.constants(node, 1) or node.integers("pads", ())
    if len(begins) != 2 * rank:
        return Unknown(f"{where(node)}: its padding is computed")
    for dimension, begin in enumerate(begins[:rank]):
        if state.marks[dimension] == FLAT and begin:
            return Unknown(f"{where(node)}: pads flattened positions")
        state = state.window(dimension, pad_begin=begin)
    return state


def _slice(graph: Graph, node: Node, state: Field) -> Seen:
    rank = len(state.marks)
    starts, axes = graph.constants(node, 1), graph.constants(node, 3)
    if len(node.inputs) == 1:  # before opset 10
        starts, axes = node.integers("starts", ()), node.integers("axes", ())
    steps = graph.constants(node, 4)
    if starts is None or (len(node.inputs) > 3 and axes is None):
        return Unknown(f"{where(node)}: its bounds are computed")
    for index, given_start in enumerate(starts):
        dimension = (axes[index] if axes else index) % rank
        step = steps[index] if steps else 1
        mark = state.marks[dimension]
        if mark is None:
            continue
        size = (graph.shape(node.inputs[0]) or ("?",) * rank)[dimension]
        start = given_start + size if given_start < 0 and isinstance(size, int) else given_start
        if mark == FLAT or step < 1 or start < 0:
            return Unknown(f"{where(node)}: cuts positions out of the picture")
        state = state.window(dimension, stride=step, pad_begin=-start)
    return state


def _transpose(_graph: Graph, node: Node, state: Field) -> Seen:
    rank = len(state.marks)
    order = node.integers("perm", tuple(reversed(range(rank))))
    return replace(state, marks=tuple(state.marks[index] for index in order))


def _reshape(graph: Graph, node: Node, state: Field) -> Seen:
    before, after = graph.shape(node.inputs[0]), graph.shape(node.outputs[0])
    if node.operator == "Flatten":
        axis = node.integer("axis", 1) % (len(state.marks) + 1)
        halves = (state.marks[:axis], state.marks[axis:])
        return replace(state, marks=tuple(FLAT if any(mark is not None for mark in half) else None for half in halves))
    if before is None or after is None or len(before) != len(state.marks):
        return Unknown(f"{where(node)}: its shape is not known")
    marks = reshaped_marks(state.marks, before, after)
    if marks is None:
        return Unknown(f"{where(node)}: cuts height or width in pieces")
    return replace(state, marks=marks)


def _split(_graph: Graph, node: Node, state: Field) -> Seen:
    if state.marks[node.integer("axis", 0)] is not None:
        return Unknown(f"{where(node)}: splits along height or width")
    return state


def _gather(graph: Graph, node: Node, state: Field) -> Seen:
    axis = node.integer("axis", 0) % len(state.marks)
    if state.marks[axis] is not None:
        return Unknown(f"{where(node)}: picks positions of the picture")
    indices = graph.constant(node.inputs[1])
    if indices is None:
        return Unknown(f"{where(node)}: its indices are computed")
    return replace(state, marks=(*state.marks[:axis], *(None,) * indices.ndim, *state.marks[axis + 1 :]))


def behind_concat(graph: Graph, node: Node, incoming: dict[int, Seen]) -> Seen:
    """Tensors joined along one dimension."""
    united = unite(list(incoming.values()), where(node))
    if isinstance(united, Unknown) or united.sees_all:
        return united
    axis = node.integer("axis", 0) % len(united.marks)
    # A class token put before flattened patches (a constant) leaves what each patch sees as it was.
    if united.marks[axis] is not None and not (united.marks[axis] == FLAT and len(incoming) == 1):
        return Unknown(f"{where(node)}: joins along height or width")
    return united


def _runs(part: Seen) -> bool:
    return isinstance(part, Field) and not part.sees_all and any(mark is not None for mark in part.marks[-2:])


def behind_product(graph: Graph, node: Node, incoming: dict[int, Seen]) -> Seen:
    """A matrix product: what is summed over is seen whole."""
    second = 3 if node.operator in ("QLinearMatMul", "com.microsoft.QGemm") else 1
    parts: list[Seen] = []
    for index, transposed in ((0, "transA"), (second, "transB")):
        state = incoming.get(index)
        if state is None:
            continue
        rank = graph.rank(node.inputs[index]) or 2
        if isinstance(state, Unknown) or len(state.marks) != rank or rank < 2:
            parts.append(state if isinstance(state, Unknown) or state.sees_all else Unknown(where(node)))
            continue
        sums_last = (index == 0) != bool(node.integer(transposed, 0))
        inner, outer = (rank - 1, rank - 2) if sums_last else (rank - 2, rank - 1)
        gathered = state.gather([inner])
        kept = gathered.marks[outer]
        ends = (kept, None) if index == 0 else (None, kept)
        parts.append(replace(gathered, marks=(*gathered.marks[:-2], *ends)))
    if sum(_runs(part) for part in parts) > 1:
        return Unknown(f"{where(node)}: compares positions in pairs")
    return unite(parts, where(node)) if parts else Unknown(where(node))


RULES: dict[str, Callable[[Graph, Node, Field], Seen]] = {
    **dict.fromkeys(WINDOWED, _window),
    **dict.fromkeys(GLOBAL_POOLS, _global_pool),
    **dict.fromkeys(REDUCTIONS, _reduce),
    **dict.fromkeys(
        (
            "LayerNormalization", "RMSNormalization", "Softmax", "LogSoftmax", "Hardmax", "LpNormalization",
            "InstanceNormalization", "GroupNormalization", "MeanVarianceNormalization",
        ),
        _normalize,
    ),
    **dict.fromkeys(("Reshape", "Flatten", "Squeeze", "Unsqueeze", "Expand"), _reshape),
    "Pad": _pad,
    "Slice": _slice,
    "Transpose": _transpose,
    "Split": _split,
    "Gather": _gather,
}  # fmt: skip
