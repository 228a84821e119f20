"""A foreign network is run again after each step: its answers must not change."""

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.preprocess import Pixels, Preprocess
from numpy.typing import NDArray

from edgecnn_export.export_check import load_pictures
from edgecnn_export.foreign.meaning import Kind, probabilities
from edgecnn_export.foreign.specimen import Rows, Specimen
from edgecnn_export.foreign.taken import TakenInput
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import LOGITS, PIXELS

__all__ = ["CLOSE", "CLOSE_OF_HALF", "check_whole", "compare", "pictures_of"]

CLOSE, CLOSE_OF_HALF = 1e-3, 3e-2
"""Largest change of a score, relative to the picture's largest: rounding in another order, or in half precision."""
_CLOSE_PROBABILITY = 5e-3


def pictures_of(preprocess: Preprocess) -> Pixels:
    """The package's photos, two of them as negatives, black and white: `(N, height, width, 3)` uint8."""
    photos = load_pictures((), preprocess)
    flat = [np.full_like(photos[0], gray) for gray in (0, 255)]
    return np.stack([*photos, *(255 - photo for photo in photos[:2]), *flat])


def compare(
    model: ir.Model,
    taken: TakenInput,
    pictures: Pixels,
    wanted: dict[str, Rows],
    *,
    what: str,
    close: float = CLOSE,
) -> None:
    """Run the network after a step.

    Args:
        model: The network.
        taken: What it takes.
        pictures: `(N, height, width, 3)` uint8.
        wanted: The scores by the name of their output.
        what: The step, as the subject of a sentence.
        close: Largest change of a score, relative to its picture's largest.

    Raises:
        ModelFileError: It does not run any more, or its scores changed.
    """
    way_out = "export the network again in opset 13 or above"
    try:
        found = Specimen(to_proto(model), taken).rows(list(wanted), pictures)
    except ModelFileError as error:
        raise ModelFileError(f"{what} breaks the network ({error}); {way_out}.") from error
    for name, rows in wanted.items():
        largest = np.abs(rows).max(axis=1, keepdims=True)
        same = name in found and found[name].shape == rows.shape
        if not same or not (np.abs(found[name] - rows) <= close * largest + 1e-6).all():
            raise ModelFileError(f"{what} changes its answers; {way_out}.")


def check_whole(model: ir.Model, pictures: Pixels, wanted: NDArray[np.float64], batch: int) -> None:
    """Run the finished graph, one picture and three at a time.

    Args:
        model: From pixels to logits.
        pictures: `(N, height, width, 3)` uint8.
        wanted: `(N, classes)` probabilities that the foreign network means.
        batch: The batch that it was made for; 0 for any.

    Raises:
        ModelFileError: It fails or means something else.
    """
    for count in (1, 3):
        whole = TakenInput(PIXELS, np.dtype(np.uint8), 3, channels_last=True, batch=count)
        try:
            found = Specimen(to_proto(model), whole).rows([LOGITS], pictures).get(LOGITS)
        except ModelFileError as error:
            raise ModelFileError(_cannot(batch, str(error).rstrip("."))) from error
        if found is None or found.shape != wanted.shape:
            raise ModelFileError(_cannot(batch, f"it gives no row of {wanted.shape[1]} scores a picture"))
        if not np.abs(probabilities(found, Kind.LOGITS) - wanted).max() <= _CLOSE_PROBABILITY:
            raise ModelFileError(_cannot(batch, "its answers change"))


def _cannot(batch: int, reason: str) -> str:
    if batch:
        return (
            f"the network is made for batches of {batch}, and with another it fails ({reason}); export it with a batch "
            "of any size (dynamic_shapes or dynamic_axes of torch.onnx.export)."
        )
    return f"the network cannot be brought into the form of a model file: {reason}."
