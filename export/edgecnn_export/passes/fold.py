"""Fold pixel normalization into an existing `.onnx`, so that it starts at uint8 pixels like every model file."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess
from onnx import TensorProto, helper, numpy_helper

from edgecnn_export.passes.features import expose_features
from edgecnn_export.passes.rename import make_room, rename_tensors
from edgecnn_export.pixel_graph import FEATURES, LOGITS, MAX_IR, PIXELS, FeatureTap, PixelGraph, Reference

__all__ = ["from_onnx"]

_NEW = ("pixels_nchw", "pixels_float", "pixels_scaled", "pixel_scale", "pixel_offset")
_RESERVED = frozenset({PIXELS, LOGITS, FEATURES, *_NEW})


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
        path: the file; external data and operators from outside are refused.
        labels: class names in the order of the output; needed for a foreign file.
        preprocess: from a picture to pixels; needed for a foreign file.
        normalization: from pixels to its float input; needed for a foreign file with float input.
        name: name in the new file; the file's own otherwise.
        license: license in the new file; the file's own otherwise.

    Raises:
        ModelFileError: the file cannot be used, or something it does not hold was not given.
    """
    file = ModelFile.load(path, labels=labels, preprocess=preprocess, normalization=normalization)
    model = onnx.load_model_from_string(file.data)
    classifier = Classifier(file, device="cpu")
    reference: Reference = classifier.logits
    if file.card.document:
        tap = file.features
        features = FeatureTap(tap.weights, tap.transposed) if tap else None
    else:
        scores = _before_softmax(model, file.logits.name)
        if scores != file.logits.name:
            reference = _inner_tensor(classifier, scores)
        kept = {scores} & {LOGITS} | ({file.input.name} & {PIXELS} if file.normalization is None else set())
        renamed = make_room(model.graph, _RESERVED - kept)
        _start_at_pixels(model, file, renamed.get(file.input.name, file.input.name))
        rename_tensors(model.graph, {renamed.get(scores, scores): LOGITS})
        features = expose_features(model)
    model.ir_version = min(model.ir_version, MAX_IR)
    del model.metadata_props[:]
    _check(model, file)
    return PixelGraph(
        model=model,
        name=name or file.name,
        labels=file.labels,
        preprocess=file.preprocess,
        reference=reference,
        reference_name=f"{Path(path).name} in ONNX Runtime {onnxruntime.__version__}",
        features=features,
        license=license or file.card.license,
        source=file.card.source or {"weights": Path(path).name},
    )


def _start_at_pixels(model: onnx.ModelProto, file: ModelFile, old: str) -> None:
    """Put Transpose, Cast, Mul and Add in front of the old input."""
    graph = model.graph
    if old == PIXELS and file.normalization is None:
        return
    nodes, current = [], PIXELS
    if file.normalization is not None:
        std = np.array(file.normalization.std)
        scale = (1 / (255 * std)).astype(np.float32)
        offset = (-np.array(file.normalization.mean) / std).astype(np.float32)
        shape = (1, 1, 1, 3) if file.channels_last else (1, 3, 1, 1)
        if not file.channels_last:
            nodes.append(helper.make_node("Transpose", [current], ["pixels_nchw"], "pixels_nchw", perm=[0, 3, 1, 2]))
            current = "pixels_nchw"
        nodes += [
            helper.make_node("Cast", [current], ["pixels_float"], "pixels_float", to=TensorProto.FLOAT),
            helper.make_node("Mul", ["pixels_float", "pixel_scale"], ["pixels_scaled"], "pixels_scaled"),
            helper.make_node("Add", ["pixels_scaled", "pixel_offset"], [old], "pixels_normalized"),
        ]
        graph.initializer.extend(
            _constant(n, v.reshape(shape)) for n, v in [("pixel_scale", scale), ("pixel_offset", offset)]
        )
    else:
        nodes.append(helper.make_node("Identity", [current], [old], "pixels_identity"))
    rest = list(graph.node)
    del graph.node[:]
    graph.node.extend(nodes + rest)
    for index, value in enumerate(graph.input):
        if value.name == old:
            shape_of_pixels: list[str | int | None] = ["N", file.height, file.width, 3]
            graph.input[index].CopyFrom(helper.make_tensor_value_info(PIXELS, TensorProto.UINT8, shape_of_pixels))


def _before_softmax(model: onnx.ModelProto, scores: str) -> str:
    """Drop all outputs but the scores, and a softmax that makes them: a model file ends in logits.

    Returns:
        Name of the tensor that holds the logits.
    """
    graph = model.graph
    kept = next(value for value in graph.output if value.name == scores)
    last = next((node for node in graph.node if scores in node.output), None)
    if last is not None and last.op_type in ("Softmax", "LogSoftmax"):
        kept.name = last.input[0]
        graph.node.remove(last)
    del graph.output[:]
    graph.output.append(kept)
    return str(kept.name)


def _inner_tensor(classifier: Classifier, name: str) -> Reference:
    extended = classifier.with_outputs([name])
    return lambda pixels: np.asarray(extended.run(pixels, [name])[0], np.float32)


def _check(model: onnx.ModelProto, file: ModelFile) -> None:
    try:
        onnx.checker.check_model(model)
    except onnx.checker.ValidationError as error:
        raise ModelFileError(f"{file.name} is no valid ONNX: {str(error).splitlines()[0]}") from error


def _constant(name: str, value: npt.NDArray[np.float32]) -> onnx.TensorProto:
    return numpy_helper.from_array(np.ascontiguousarray(value), name)
