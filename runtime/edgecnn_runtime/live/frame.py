"""One picture of a live source, and when it was grabbed.

Pictures stay BGR inside, as cameras and decoders give them and as windows and encoders take them. `swap_channels` is
the one place where they become RGB: for an app in `Frame.image`, for the network in `shrink.pixels_from_bgr` (there on
the network's few pixels), for Pillow in a snapshot. Sources that come as RGB become BGR through it.
"""

import time
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import MissingPackageError, SourceError

# The one place where the live parts get OpenCV, so that a missing wheel gives the line to type.
try:
    import cv2
except ImportError as error:
    raise MissingPackageError("OpenCV", extra="live", distribution="edgecnn-runtime") from error

__all__ = ["Frame", "Picture", "check_picture", "cv2", "swap_channels"]

Picture = npt.NDArray[np.uint8]

_CHANNELS_TO_BGR = {1: cv2.COLOR_GRAY2BGR, 4: cv2.COLOR_BGRA2BGR}


@dataclass(frozen=True, eq=False, kw_only=True)
class Frame:
    """A frame as a source gives it.

    Attributes:
        bgr: `(H, W, 3)` uint8 BGR, contiguous; the decoder's own buffer where there is one.
        grabbed_at: `time.monotonic()` right after the grab, in seconds.
        index: How many frames the source gave before this one, dropped ones included.
        dropped: Frames that were dropped between the frame handed out before this one and this one.
        connection: How many times the source has been re-opened; a new number means that the picture may have jumped.
        position_s: Time in a file, in seconds; None for live sources.
    """

    bgr: Picture
    grabbed_at: float
    index: int = 0
    dropped: int = 0
    connection: int = 0
    position_s: float | None = None

    @property
    def image(self) -> Picture:
        """`(H, W, 3)` uint8 RGB: a view, no copy."""
        return swap_channels(self.bgr)

    @property
    def age_ms(self) -> float:
        """Milliseconds since the grab, now."""
        return (time.monotonic() - self.grabbed_at) * 1e3


def swap_channels(picture: Picture) -> Picture:
    """RGB out of BGR, or BGR out of RGB: `(H, W, 3)` uint8, a view of the same pixels."""
    return picture[:, :, ::-1]


def check_picture(picture: object) -> Picture:
    """Give any decoder's picture as `(H, W, 3)` uint8 with its channels in their order; gray and BGRA are converted.

    Raises:
        SourceError: It is empty, or no 8-bit picture; the message says what came.
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
