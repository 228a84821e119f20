"""From an existing `.onnx` to a graph that starts at uint8 pixels and ends in logits, like every model file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess
from onnx_ir.passes.common import RemoveUnusedNodesPass

from edgecnn_export.passes.feature_output import expose_features
from edgecnn_export.passes.layer_names import unique_name
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import FEATURES, LOGITS, MAX_IR, PIXELS, PixelGraph, Reference

__all__ = ["from_onnx"]

_NEW = ("pixels_nchw", "pixels_float", "pixels_scaled", "pixel_scale", "pixel_offset")


def from_onnx(
    path: str | Path,
    *,
    labels: Sequence[str] | None = None,
    preprocess: Preprocess | None = None,
    normalization: Normalization | None = None,
    name: str | None = None,
    license: str | None = None,
) -> PixelGraph:
    """Read an `.onnx`: one of edgecnn's own as it is, a foreign one with what is missing given.

    A softmax at the end of a foreign graph is taken off, so that its scores are logits like everyone's.

    Args:
        path: The file; external data and operators from outside are refused.
        labels: Class names in the order of the output; needed for a foreign file.
        preprocess: From a picture to pixels; needed for a foreign file.
        normalization: From pixels to its float input; needed for a foreign file with float input.
        name: Name in the new file; the file's own otherwise.
        license: License in the new file; the file's own otherwise.

    Raises:
        ModelFileError: The file cannot be used, or something it does not hold was not given.
    """
    file = ModelFile.load(path, labels=labels, preprocess=preprocess, normalization=normalization)
    classifier = Classifier(file, device="cpu")
    reference: Reference = classifier.logits
    model = ir.from_proto(onnx.load_model_from_string(file.data))
    features = file.features
    if not file.card.document:
        taken = next(value for value in model.graph.inputs if value.name == file.input.name)
        scores = _end_in_logits(model, file.logits.name)
        if scores != file.logits.name:
            reference = _inner_tensor(classifier, scores)
        _start_at_pixels(model, taken, file)
        features = expose_features(model)
    model.ir_version = min(model.ir_version, MAX_IR)
    model.metadata_props.clear()
    proto = to_proto(model)
    try:
        onnx.checker.check_model(proto)
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"{file.name} is no valid ONNX: {str(error).splitlines()[0]}") from error
    return PixelGraph(
        model=proto,
        name=name or file.name,
        labels=file.labels,
        preprocess=file.preprocess,
        reference=reference,
        reference_name=f"{Path(path).name} in ONNX Runtime {onnxruntime.__version__}",
        features=features,
        license=license or file.card.license,
        source=file.card.source or {"weights": Path(path).name},
    )


def _end_in_logits(model: ir.Model, scores: str) -> str:
    """Drop all outputs but the scores and a softmax that makes them, and name what is left `logits`.

    Returns:
        The name that the logits had in the file.
    """
    graph = model.graph
    logits = next(value for value in graph.outputs if value.name == scores)
    softmax = logits.producer()
    if softmax is not None and softmax.op_type in ("Softmax", "LogSoftmax") and softmax.inputs[0] is not None:
        declared, logits = logits, softmax.inputs[0]
        logits.type, logits.shape = declared.type, declared.shape
    graph.outputs[:] = [logits]
    RemoveUnusedNodesPass()(model)
    own_name = str(logits.name)
    _make_room(model, {LOGITS, FEATURES}, keep=logits)
    logits.name = LOGITS
    return own_name


def _start_at_pixels(model: ir.Model, taken: ir.Value, file: ModelFile) -> None:
    """Put Transpose, Cast, Mul and Add in front of the old input, or give it its name where it takes pixels itself."""
    graph = model.graph
    if file.normalization is None:
        _make_room(model, {PIXELS}, keep=taken)
        taken.name = PIXELS
        return
    _make_room(model, {PIXELS, *_NEW}, keep=None)
    pixels = ir.val(PIXELS, ir.DataType.UINT8, ["N", file.height, file.width, 3])
    shape = (1, 1, 1, 3) if file.channels_last else (1, 3, 1, 1)
    constants = []
    for name, array in (("pixel_scale", file.normalization.scale), ("pixel_offset", file.normalization.offset)):
        constants.append(ir.Value(name=name, const_value=ir.Tensor(array.reshape(shape).copy(), name=name)))
        graph.register_initializer(constants[-1])
    nodes, current = [], pixels
    if not file.channels_last:
        nodes.append(ir.node("Transpose", [current], {"perm": [0, 3, 1, 2]}, name="pixels_nchw"))
        current = nodes[-1].outputs[0]
        current.name = "pixels_nchw"
    cast = ir.node("Cast", [current], {"to": ir.DataType.FLOAT.value}, name="pixels_float")
    scaled = ir.node("Mul", [cast.outputs[0], constants[0]], name="pixels_scaled")
    normalized = ir.node("Add", [scaled.outputs[0], constants[1]], name="pixels_normalized")
    for node in (cast, scaled, normalized):
        node.outputs[0].name = node.name
        nodes.append(node)
    result = normalized.outputs[0]
    taken.replace_all_uses_with(result)
    graph.inputs[graph.inputs.index(taken)] = pixels
    result.name = taken.name
    graph.insert_before(graph[0], nodes)


def _make_room(model: ir.Model, reserved: set[str], *, keep: ir.Value | None) -> None:
    """Rename whatever else has a reserved name, inner graphs included."""
    values = {v for graph in model.graphs() for v in (*graph.inputs, *graph.initializers.values())}
    values |= {v for graph in model.graphs() for node in graph for v in node.outputs}
    taken = {value.name for value in values if value.name}
    for value in values:
        if value.name in reserved and value is not keep:
            value.name = unique_name(f"{value.name}.own", taken)


def _inner_tensor(classifier: Classifier, name: str) -> Reference:
    extended = classifier.with_outputs([name])
    return lambda pixels: np.asarray(extended.run(pixels, [name])[0], np.float32)
