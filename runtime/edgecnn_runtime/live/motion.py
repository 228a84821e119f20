"""Whether the picture stands still, moves or is another one, seen on a small gray copy."""

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.live.frame import Picture, cv2

__all__ = ["MotionMeter"]

_SIZE = (32, 24)
_CUT = 28.0  # mean gray levels between two frames; panning a camera stays below 20
_CUT_RATIO = 4.0  # and so many times the usual difference


class MotionMeter:
    """Compares frames on 32×24 gray points."""

    def __init__(self) -> None:
        self._last: npt.NDArray[np.int16] | None = None
        self._anchor: npt.NDArray[np.int16] | None = None
        self._usual = 2.0

    def is_cut(self, bgr: Picture) -> bool:
        """Take a frame, `(H, W, 3)` uint8 BGR; whether the picture has become another one since the frame before."""
        # Every n-th pixel first: averaging all pixels of a 4K frame would cost more than the network.
        step = max(1, min(bgr.shape[0] // 96, bgr.shape[1] // 128))
        gray = cv2.cvtColor(np.ascontiguousarray(bgr[::step, ::step]), cv2.COLOR_BGR2GRAY)
        small = cv2.resize(gray, _SIZE, interpolation=cv2.INTER_AREA).astype(np.int16)
        last, self._last = self._last, small
        if last is None:
            return False
        difference = float(np.abs(small - last).mean())
        is_cut = difference > max(_CUT, _CUT_RATIO * self._usual)
        if not is_cut:
            self._usual += 0.1 * (difference - self._usual)
        return is_cut

    def since_anchor(self) -> float:
        """Mean difference in gray levels between the last frame and the anchored one; infinite without an anchor."""
        if self._anchor is None or self._last is None:
            return float("inf")
        # The largest of 4×4 parts, so that a small thing that moves in a still picture counts.
        parts = np.abs(self._last - self._anchor).reshape(4, 6, 4, 8).mean(axis=(1, 3))
        return float(parts.max())

    def anchor(self) -> None:
        """Remember the last frame as the one that was classified."""
        self._anchor = self._last
