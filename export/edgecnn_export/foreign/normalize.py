"""From any foreign classifier to the one form that everything behind it expects, each step checked by its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Pixels, Preprocess

from edgecnn_export.export_check import load_pictures
from edgecnn_export.foreign.control_flow import inline_bodies, refuse_loops
from edgecnn_export.foreign.ends import end_in_logits, start_at_pixels
from edgecnn_export.foreign.float_types import to_float32
from edgecnn_export.foreign.meaning import Meaning, ancestors, probabilities, understand
from edgecnn_export.foreign.opening import open_foreign
from edgecnn_export.foreign.opset import raise_opset
from edgecnn_export.foreign.padding import explicit_padding
from edgecnn_export.foreign.scores import choose_output, output_names
from edgecnn_export.foreign.shapes import free_batch, settle_shapes
from edgecnn_export.foreign.specimen import Rows, Specimen
from edgecnn_export.foreign.taken import TakenInput, one_channel, possible_inputs
from edgecnn_export.foreign.tidy import tidy
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import LOGITS, PIXELS, Reference

__all__ = ["NormalForm", "normalize"]

_CLOSE, _CLOSE_OF_HALF = 1e-3, 3e-2
"""Largest change of a score, relative to the picture's largest: rounding in another order, or in half precision."""


@dataclass(frozen=True)
class NormalForm:
    """A foreign network in the form of a model file.

    Attributes:
        model: From `pixels` to `logits`.
        reference: The logits that the foreign network itself gives.
        taken: What it took.
        notes: What was found and changed, each a sentence without its stop.
    """

    model: ir.Model
    reference: Reference
    taken: TakenInput
    notes: tuple[str, ...]


def normalize(
    proto: onnx.ModelProto,
    *,
    labels: Sequence[str],
    preprocess: Preprocess,
    normalization: Normalization | None,
    scores: str | None = None,
) -> NormalForm:
    """Bring a foreign network into the form of a model file.

    Args:
        proto: The file.
        labels: Class names in the order of its scores.
        preprocess: From a picture to pixels.
        normalization: From pixels to its float input; not used where it takes uint8.
        scores: The tensor that holds the scores, where the file does not say it in one way.

    Raises:
        ModelFileError: It cannot be understood, or a step would change its answers.
    """
    model = open_foreign(proto)
    pictures = _pictures(preprocess)
    names = output_names(model, scores)
    if scores is not None:
        _expose(model, scores)
    tidy(model, names)
    plain = to_proto(model)
    specimen, taken = _first_that_runs(model, plain, preprocess, normalization, names, pictures)
    chosen = choose_output(specimen.rows(names, pictures), len(labels))
    wanted = specimen.rows([chosen], pictures)[chosen]

    tidy(model, [chosen])
    inline_bodies(model)
    refuse_loops(model)
    notes: list[str] = []
    model = raise_opset(model)
    tidy(model)
    _compare(model, taken, pictures, chosen, wanted, what="raising its opset")
    model = settle_shapes(model, taken, preprocess)
    tidy(model)
    inline_bodies(model)
    close = _CLOSE
    if to_float32(model):
        if taken.dtype == np.float16 or _is_half(plain):
            close = _CLOSE_OF_HALF
        taken = replace(taken, dtype=np.dtype(taken.dtype if taken.dtype == np.uint8 else np.float32))
        notes.append("its half or double numbers became float32")
    tidy(model)
    explicit_padding(model)
    _compare(model, taken, pictures, chosen, wanted, what="fixing its size and number type", close=close)

    watched = [chosen, *(str(value.name) for value in ancestors(model, chosen))]
    inner = Specimen(to_proto(model), taken, watched)
    meaning = understand(model, chosen, inner.rows(watched, pictures), len(labels))
    notes.insert(0, meaning.words)
    batch = taken.batch
    model = free_batch(model, taken, preprocess)
    end_in_logits(model, meaning, len(labels))
    start_at_pixels(model, taken, preprocess)
    tidy(model)
    _check_whole(model, pictures, probabilities(inner.rows([meaning.tensor], pictures)[meaning.tensor], meaning.kind), batch)
    if batch:
        notes.append(f"its batch of {batch} is free now")
    if normalization is not None and taken.normalization is None:
        notes.append("it takes pixels as they are, so mean and std were not used")
    return NormalForm(model, _reference(inner, meaning), taken, tuple(notes))


def _pictures(preprocess: Preprocess) -> Pixels:
    """The package's photos, their negatives, black and white: `(N, height, width, 3)`."""
    photos = load_pictures((), preprocess)
    shape = photos[0].shape
    return np.stack([*photos, *(255 - photo for photo in photos[:2]), np.zeros(shape, np.uint8), np.full(shape, 255, np.uint8)])


def _first_that_runs(
    model: ir.Model,
    proto: onnx.ModelProto,
    preprocess: Preprocess,
    normalization: Normalization | None,
    names: list[str],
    pictures: Pixels,
) -> tuple[Specimen, TakenInput]:
    """The network with the first reading of its input that ONNX Runtime runs."""
    failure: ModelFileError | None = None
    for possible in possible_inputs(model, preprocess):
        taken = possible
        if taken.dtype != np.uint8:
            if normalization is None:
                raise ModelFileError(
                    f"the input {taken.name!r} is float, so normalization must be given: --mean and --std of the pictures "
                    "it was trained on, in units of 0 to 1."
                )
            taken = replace(taken, normalization=normalization if taken.channels == 3 else one_channel(normalization))
        try:
            specimen = Specimen(proto, taken, names)
            specimen.rows(names, pictures[:1])
        except ModelFileError as error:
            failure = failure or error
            continue
        return specimen, taken
    raise failure or ModelFileError("its input cannot be understood; expected a batch of pictures.")


def _expose(model: ir.Model, name: str) -> None:
    if not any(value.name == name for value in model.graph.outputs):
        model.graph.outputs.append(next(v for node in model.graph for v in node.outputs if v.name == name))


def _is_half(proto: onnx.ModelProto) -> bool:
    return any(tensor.data_type == onnx.TensorProto.FLOAT16 for tensor in proto.graph.initializer)


def _compare(
    model: ir.Model, taken: TakenInput, pictures: Pixels, name: str, wanted: Rows, *, what: str, close: float = _CLOSE
) -> None:
    """Run the network again.

    Raises:
        ModelFileError: It does not run any more, or its scores changed.
    """
    try:
        found = Specimen(to_proto(model), taken).rows([name], pictures).get(name)
    except ModelFileError as error:
        raise ModelFileError(f"{what} breaks the network ({error}); export it again in opset 13 or above.") from error
    if found is None or found.shape != wanted.shape or not _alike(found, wanted, close):
        raise ModelFileError(f"{what} changes its answers; export the network again in opset 13 or above.")


def _alike(found: Rows, wanted: Rows, close: float) -> bool:
    return bool((np.abs(found - wanted) <= close * np.abs(wanted).max(axis=1, keepdims=True) + 1e-6).all())


def _check_whole(model: ir.Model, pictures: Pixels, wanted: np.ndarray, batch: int) -> None:
    """The finished graph means what the foreign one means, for one picture and for three at a time."""
    proto = to_proto(model)
    for count in (1, 3):
        whole = TakenInput(PIXELS, np.dtype(np.uint8), 3, channels_last=True, batch=count)
        try:
            found = Specimen(proto, whole).rows([LOGITS], pictures).get(LOGITS)
            shift = found.max(axis=1, keepdims=True) if found is not None else 0
        except ModelFileError as error:
            raise ModelFileError(_fixed(batch, str(error))) from error
        if found is None or found.shape != wanted.shape:
            raise ModelFileError(_fixed(batch, f"it gives no row of {wanted.shape[1]} scores a picture"))
        exponents = np.exp(found.astype(np.float64) - shift)
        if not np.abs(exponents / exponents.sum(axis=1, keepdims=True) - wanted).max() < 5e-3:
            raise ModelFileError(_fixed(batch, "its answers change"))


def _fixed(batch: int, reason: str) -> str:
    if batch:
        return (
            f"the network is made for batches of {batch}, and with another it fails ({reason}); export it with a batch of "
            "any size (dynamic_axes or dynamic_shapes in torch.onnx.export)."
        )
    return f"the network cannot be brought into the form of a model file: {reason}."


def _reference(specimen: Specimen, meaning: Meaning) -> Reference:
    tiny = np.finfo(np.float32).tiny

    def logits(pixels: Pixels) -> Rows:
        rows = specimen.rows([meaning.tensor], pixels)[meaning.tensor]
        if meaning.kind.value.startswith("one"):
            zero = np.zeros_like(rows)
            rows = np.concatenate([zero if "logit" in meaning.kind.value else 1 - rows, rows], axis=1)
        return rows if "logit" in meaning.kind.value else np.log(np.maximum(rows, tiny))

    return logits
