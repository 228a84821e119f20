"""One picture of a live source and when it was grabbed."""

import time
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Frame", "Picture"]

Picture = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Frame:
    """A frame as a source gives it.

    Attributes:
        image: `(H, W, 3)` uint8 RGB; for cameras, streams and files a view into the decoder's BGR buffer, no copy.
        grabbed_at: `time.monotonic()` right after the grab, in seconds.
        index: how many frames the source gave before this one, dropped ones included.
        dropped: frames that were dropped between the frame handed out before this one and this one.
        connection: how many times the source has been re-opened; a new number means that the picture may have jumped.
        position_s: time in a file, in seconds; None for live sources.
    """

    image: Picture
    grabbed_at: float
    index: int = 0
    dropped: int = 0
    connection: int = 0
    position_s: float | None = None

    @property
    def age_ms(self) -> float:
        """Milliseconds since the grab, now."""
        return (time.monotonic() - self.grabbed_at) * 1e3

    @cached_property
    def bgr(self) -> Picture:
        """`(H, W, 3)` uint8 BGR, contiguous; the decoder's own buffer where there is one, else a copy."""
        return np.ascontiguousarray(self.image[:, :, ::-1])
