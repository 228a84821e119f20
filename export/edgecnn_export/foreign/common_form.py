"""From any foreign classifier to the one form that everything behind it expects, each step checked by its answers."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import onnx
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Pixels, Preprocess

from edgecnn_export.foreign.checks import CLOSE, CLOSE_OF_HALF, check_whole, compare, pictures_of
from edgecnn_export.foreign.control_flow import inline_bodies, refuse_remaining_loops
from edgecnn_export.foreign.ends import end_in_logits, start_at_pixels
from edgecnn_export.foreign.fixed_shapes import free_batch, settle_shapes
from edgecnn_export.foreign.float_types import is_half, to_float32
from edgecnn_export.foreign.meaning import ancestors, as_logits, probabilities, understand
from edgecnn_export.foreign.opening import open_foreign
from edgecnn_export.foreign.opset import raise_opset
from edgecnn_export.foreign.padding import explicit_padding
from edgecnn_export.foreign.score_output import choose_output, output_names
from edgecnn_export.foreign.specimen import Rows, Specimen
from edgecnn_export.foreign.taken import TakenInput, one_channel, possible_inputs
from edgecnn_export.foreign.tidy import tidy
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import Reference

__all__ = ["CommonForm", "bring_to_common_form"]


@dataclass(frozen=True)
class CommonForm:
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


def bring_to_common_form(
    proto: onnx.ModelProto,
    *,
    labels: Sequence[str],
    preprocess: Preprocess,
    normalization: Normalization | None,
    scores: str | None = None,
) -> CommonForm:
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
    pictures = pictures_of(preprocess)
    names = output_names(model, scores)
    tidy(model, names)
    half = is_half(model)
    specimen, taken, narrowed = _running(model, preprocess, normalization=normalization, names=names, pictures=pictures)
    chosen = choose_output(specimen.rows(names, pictures), len(labels))
    wanted = specimen.rows([chosen], pictures)

    tidy(model, [chosen])
    inline_bodies(model)
    refuse_remaining_loops(model)
    model = raise_opset(model)
    tidy(model)
    compare(model, taken, pictures, wanted, what="raising its opset")
    model = settle_shapes(model, taken, preprocess)
    inline_bodies(model)
    if to_float32(model):
        narrowed, taken = True, replace(taken, dtype=_narrow(taken.dtype))
    tidy(model)
    explicit_padding(model)
    close = CLOSE_OF_HALF if half else CLOSE
    compare(model, taken, pictures, wanted, what="fixing its size and number type", close=close)

    watched = [chosen, *(str(value.name) for value in ancestors(model, chosen))]
    inner = Specimen(to_proto(model), taken, watched)
    rows = inner.rows(watched, pictures)
    meaning = understand(model, chosen, rows, len(labels))
    model = free_batch(model, taken, preprocess)
    end_in_logits(model, meaning, len(labels))
    start_at_pixels(model, taken, preprocess)
    tidy(model)
    check_whole(model, pictures, probabilities(rows[meaning.tensor], meaning.kind), taken.batch)

    def reference(pixels: Pixels) -> Rows:
        return as_logits(inner.rows([meaning.tensor], pixels)[meaning.tensor], meaning.kind)

    notes = (
        meaning.words,
        "its half or double numbers became float32" if narrowed else "",
        f"its batch of {taken.batch} is free now" if taken.batch else "",
        "it takes pixels as they are, so mean and std were not used"
        if normalization and not taken.normalization
        else "",
    )
    return CommonForm(model, reference, taken, notes=tuple(note for note in notes if note))


def _running(
    model: ir.Model,
    preprocess: Preprocess,
    *,
    normalization: Normalization | None,
    names: list[str],
    pictures: Pixels,
) -> tuple[Specimen, TakenInput, bool]:
    """The network as it came, with the first reading of its input that runs, and whether it had to become float32."""
    try:
        return *_first_that_runs(model, preprocess, normalization=normalization, names=names, pictures=pictures), False
    except ModelFileError:
        # ONNX Runtime's CPU has no convolution in double precision; what it means is the same in single.
        if not to_float32(model):
            raise
    return *_first_that_runs(model, preprocess, normalization=normalization, names=names, pictures=pictures), True


def _first_that_runs(
    model: ir.Model,
    preprocess: Preprocess,
    *,
    normalization: Normalization | None,
    names: list[str],
    pictures: Pixels,
) -> tuple[Specimen, TakenInput]:
    failure: ModelFileError | None = None
    for taken in possible_inputs(model, preprocess):
        if taken.dtype == np.uint8:
            fitting = taken
        elif normalization is None:
            raise OptionError(
                f"the input {taken.name!r} is float, so normalization must be given: --mean and --std of the pictures "
                "it was trained on, in units of 0 to 1."
            )
        else:
            right = normalization if taken.channels == 3 else one_channel(normalization)
            fitting = replace(taken, normalization=right)
        try:
            specimen = Specimen(to_proto(model), fitting, names)
            specimen.rows(names, pictures[:1])
        except ModelFileError as error:
            failure = failure or error
            continue
        return specimen, fitting
    raise failure or ModelFileError("its input cannot be understood; expected a batch of pictures.")


def _narrow(dtype: np.dtype[np.generic]) -> np.dtype[np.generic]:
    return np.dtype(dtype if dtype == np.uint8 else np.float32)
