"""Notices a source that sends pictures, but always the same one, or black ones."""

import numpy as np

from edgecnn_runtime.live.frame import Picture

__all__ = ["PictureHealth"]

_POINTS = 24  # points looked at along each side
_BLACK = 20  # brightest gray level that still counts as black; limited-range video has its black at 16


class PictureHealth:
    """Looks at 24×24 points of every picture; camera noise alone changes some of them from frame to frame."""

    def __init__(self, repeat_after_s: float) -> None:
        self._repeat_after_s = repeat_after_s
        self._last: Picture | None = None
        self._same_since_s = self._black_since_s = 0.0

    def reset(self) -> None:
        """Forget what was seen, after the source was opened again."""
        self._last = None

    def look(self, picture: Picture, at_s: float) -> str:
        """What is wrong with the stream at this picture; empty when nothing is.

        Args:
            picture: `(H, W, 3)` uint8.
            at_s: monotonic time of the grab, in seconds.
        """
        height, width = picture.shape[:2]
        points = picture[:: max(1, height // _POINTS), :: max(1, width // _POINTS)].copy()
        last, self._last = self._last, points
        if last is None or last.shape != points.shape:
            self._same_since_s = self._black_since_s = at_s
            return ""
        if int(points.max()) > _BLACK:
            self._black_since_s = at_s
        elif at_s - self._black_since_s >= self._repeat_after_s:
            return f"the picture is black for {at_s - self._black_since_s:.0f} s"
        if not np.array_equal(last, points):
            self._same_since_s = at_s
        elif at_s - self._same_since_s >= self._repeat_after_s:
            return f"the picture repeats for {at_s - self._same_since_s:.0f} s"
        return ""
