"""Golden vectors: inputs and the logits they must give, small enough to travel inside the model file.

An input is kept as a coarse grid of colors; the network's input repeats each cell, which any language can do
exactly, without an image decoder: `pixel[y, x] = grid[y * rows // height, x * columns // width]`.
"""

import base64
import binascii
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.preprocess import Pixels

__all__ = ["GoldenVector", "decode_golden", "encode_golden", "expand_grid"]


@dataclass(frozen=True, eq=False)
class GoldenVector:
    """One input and its answer.

    Attributes:
        grid: `(rows, columns, 3)` uint8 RGB.
        logits: `(classes,)` float32, measured on the CPU where the file was made.
    """

    grid: Pixels
    logits: npt.NDArray[np.float32]


def expand_grid(grid: Pixels, height: int, width: int) -> Pixels:
    """The grid as network input, `(height, width, 3)` uint8 RGB."""
    rows = np.arange(height) * grid.shape[0] // height
    columns = np.arange(width) * grid.shape[1] // width
    return np.ascontiguousarray(grid[rows][:, columns])


def encode_golden(vector: GoldenVector) -> dict[str, Any]:
    """The JSON form: shape and base64 of the grid's bytes, base64 of the logits as little-endian float32."""
    return {
        "grid": {
            "rows": vector.grid.shape[0],
            "columns": vector.grid.shape[1],
            "rgb": base64.b64encode(vector.grid.tobytes()).decode(),
        },
        "logits": base64.b64encode(vector.logits.astype("<f4").tobytes()).decode(),
    }


def decode_golden(document: Any, classes: int) -> GoldenVector:
    """Read the JSON form back.

    Raises:
        ModelFileError: A field is missing or has the wrong length.
    """
    try:
        rows, columns = int(document["grid"]["rows"]), int(document["grid"]["columns"])
        grid = np.frombuffer(base64.b64decode(document["grid"]["rgb"], validate=True), np.uint8)
        logits = np.frombuffer(base64.b64decode(document["logits"], validate=True), "<f4").astype(np.float32)
        if min(rows, columns) < 1 or logits.shape != (classes,):
            raise ValueError(f"{rows}×{columns} cells, {logits.size} logits for {classes} classes")
        return GoldenVector(grid.reshape(rows, columns, 3), logits)
    except (KeyError, TypeError, ValueError, OverflowError, binascii.Error) as error:
        raise ModelFileError(
            f"a golden vector in the model file is damaged ({error}); export the model again."
        ) from error
