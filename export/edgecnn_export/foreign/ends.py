"""The two ends of every model file: uint8 pixels in, logits out."""

from typing import Any

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.preprocess import LUMA, Preprocess
from numpy.typing import NDArray

from edgecnn_export.foreign.fixed_shapes import BATCH
from edgecnn_export.foreign.meaning import Kind, Meaning
from edgecnn_export.foreign.taken import TakenInput
from edgecnn_export.passes.layer_names import unique_name
from edgecnn_export.pixel_graph import FEATURES, LOGITS, PIXELS

__all__ = ["end_in_logits", "start_at_pixels"]

_TINY = float(np.finfo(np.float32).tiny)


class _Builder:
    """Appends nodes and constants under names that nothing else has."""

    def __init__(self, graph: ir.Graph) -> None:
        self._graph = graph
        self._taken = _names(graph)
        self.nodes: list[ir.Node] = []

    def add(self, operator: str, inputs: list[ir.Value], name: str, **attributes: Any) -> ir.Value:
        name = unique_name(name, self._taken)
        self.nodes.append(ir.node(operator, inputs, attributes, name=name))
        self.nodes[-1].outputs[0].name = name
        return self.nodes[-1].outputs[0]

    def constant(self, name: str, array: NDArray[np.generic]) -> ir.Value:
        name = unique_name(name, self._taken)
        value = ir.Value(name=name, const_value=ir.Tensor(np.ascontiguousarray(array), name=name))
        self._graph.register_initializer(value)
        return value


def end_in_logits(model: ir.Model, meaning: Meaning, classes: int) -> None:
    """Let the graph end in `logits`, `(N, classes)`, whose softmax is what its scores mean; nothing else comes out."""
    graph = model.graph
    (scores,) = (value for node in graph for value in node.outputs if value.name == meaning.tensor)
    build = _Builder(graph)
    one = meaning.kind in (Kind.ONE_LOGIT, Kind.ONE_PROBABILITY)
    columns = 1 if one else classes
    if scores.shape is None or len(scores.shape) != 2:
        shape = build.constant("logits_shape", np.array([-1, columns], np.int64))
        scores = build.add("Reshape", [scores, shape], "logits_flat")
    if meaning.kind is Kind.ONE_LOGIT:
        pads = build.constant("logits_pads", np.array([0, 1, 0, 0], np.int64))
        scores = build.add("Pad", [scores, pads], "logits_of_two")  # the first class's logit is zero
    if meaning.kind is Kind.ONE_PROBABILITY:
        rest = build.add("Sub", [build.constant("certain", np.array(1, np.float32)), scores], "probability_of_first")
        scores = build.add("Concat", [rest, scores], "probabilities_of_two", axis=1)
    if meaning.kind in (Kind.PROBABILITIES, Kind.ONE_PROBABILITY):
        least = build.constant("smallest_probability", np.array(_TINY, np.float32))
        scores = build.add("Log", [build.add("Max", [scores, least], "probabilities_above_zero")], "log_probabilities")
    graph.extend(build.nodes)
    scores.type, scores.shape = ir.TensorType(ir.DataType.FLOAT), ir.Shape([BATCH, classes])
    graph.outputs[:] = [scores]
    make_room(model, {LOGITS, FEATURES, PIXELS}, keep=scores)
    scores.name = LOGITS


def start_at_pixels(model: ir.Model, taken: TakenInput, preprocess: Preprocess) -> None:
    """Put what turns uint8 `(N, height, width, 3)` RGB into its input in front of the graph."""
    graph = model.graph
    (old,) = graph.inputs
    if taken.normalization is None and taken.channels == 3 and taken.channels_last:
        old.name = PIXELS
        return
    make_room(model, {PIXELS}, keep=None)
    pixels = ir.val(PIXELS, ir.DataType.UINT8, [BATCH, preprocess.height, preprocess.width, 3])
    build = _Builder(graph)
    current = pixels
    if not taken.channels_last:
        current = build.add("Transpose", [current], "pixels_nchw", perm=[0, 3, 1, 2])
    if taken.channels == 1:
        axis = 3 if taken.channels_last else 1
        luma = np.array(LUMA, np.float32).reshape((1, 1, 1, 3) if taken.channels_last else (1, 3, 1, 1))
        floats = build.add("Cast", [current], "pixels_rgb", to=ir.DataType.FLOAT.value)
        shares = build.add("Mul", [floats, build.constant("pixel_luma", luma)], "pixels_shares")
        current = build.add(
            "ReduceSum", [shares, build.constant("pixel_axis", np.array([axis], np.int64))], "pixels_gray", keepdims=1
        )
        if taken.normalization is None:
            current = build.add("Round", [current], "pixels_rounded")
            current = build.add("Cast", [current], "pixels_gray_uint8", to=ir.DataType.UINT8.value)
    if taken.normalization is not None:
        shape = (1, 1, 1, -1) if taken.channels_last else (1, -1, 1, 1)
        scale = build.constant("pixel_scale", taken.normalization.scale.reshape(shape))
        offset = build.constant("pixel_offset", taken.normalization.offset.reshape(shape))
        if taken.channels == 3:
            current = build.add("Cast", [current], "pixels_float", to=ir.DataType.FLOAT.value)
        current = build.add("Mul", [current, scale], "pixels_scaled")
        current = build.add("Add", [current, offset], "pixels_normalized")
    old.replace_all_uses_with(current)
    graph.inputs[0] = pixels
    graph.insert_before(graph[0], build.nodes)


def make_room(model: ir.Model, reserved: set[str], *, keep: ir.Value | None) -> None:
    """Rename whatever else has a reserved name, inner graphs included."""
    taken = {name for graph in model.graphs() for name in _names(graph)} | reserved
    for graph in model.graphs():
        for value in _values(graph):
            if value.name in reserved and value is not keep:
                value.name = unique_name(f"{value.name}.own", taken)


def _values(graph: ir.Graph) -> list[ir.Value]:
    return [*graph.inputs, *graph.initializers.values(), *(value for node in graph for value in node.outputs)]


def _names(graph: ir.Graph) -> set[str]:
    return {str(value.name) for value in _values(graph)} | {str(node.name) for node in graph}
