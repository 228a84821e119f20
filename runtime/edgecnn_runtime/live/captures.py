"""What every capture can do, and what every picture must be."""

from typing import Protocol

import numpy as np

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.opencv import cv2

__all__ = ["Capture", "check_picture"]

_CHANNELS_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


class Capture(Protocol):
    """An open source of pictures.

    Attributes:
        details: what was opened, as read back from it: size, format, rate.
        position_s: time of the last picture in a file, in seconds; None for live sources.
        note: why the pictures ended, where that is worth a word.
    """

    details: str
    position_s: float | None
    note: str

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None at the end, or when the source went away."""

    def close(self) -> None:
        """Let the device, file or connection go; may be called twice."""


def check_picture(picture: object) -> Picture:
    """Give any decoder's picture as `(H, W, 3)` uint8 BGR; gray and BGRA are converted.

    Raises:
        SourceError: it is empty, or no 8-bit picture; the message says what came.
    """
    if not isinstance(picture, np.ndarray):
        raise SourceError(f"the source gave a {type(picture).__name__}; expected an (H, W, 3) uint8 array.")
    if picture.dtype != np.uint8:
        raise SourceError(f"the source gave an array of {picture.dtype}; expected uint8 values from 0 to 255.")
    channels = 1 if picture.ndim == 2 else picture.shape[-1]
    if picture.ndim not in (2, 3) or picture.size == 0 or channels not in (1, 3, 4):
        raise SourceError(f"the source gave an array of shape {picture.shape}; expected (height, width, 3), not empty.")
    if channels == 3:
        return picture
    return np.asarray(cv2.cvtColor(picture, _CHANNELS_TO_BGR[channels]), dtype=np.uint8)
