"""A live preview of edges: the Sobel kernels, the first convolution that everybody meets."""

import enum

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.live.frame import Picture, cv2

__all__ = ["KERNELS", "EdgeKind", "Sobel"]

_STRIP = 96  # rows at a time: gray, both gradients and their absolute values stay in a core's second-level cache


class EdgeKind(enum.StrEnum):
    """Which edges are shown: named by the axis along which the gradient is measured, as in `edgecnn convolve`.

    Texts disagree on "vertical" and "horizontal"; `sobel_x` answers to brightness that changes along x.
    """

    SOBEL_X = "sobel_x"
    SOBEL_Y = "sobel_y"
    MAGNITUDE = "magnitude"


KERNELS: dict[EdgeKind, tuple[tuple[int, int, int], ...]] = {
    EdgeKind.SOBEL_X: ((-1, 0, 1), (-2, 0, 2), (-1, 0, 1)),
    EdgeKind.SOBEL_Y: ((-1, -2, -1), (0, 0, 0), (1, 2, 1)),
}


class Sobel:
    """Edges of BGR frames; keeps its buffers from frame to frame, so one object belongs to one thread."""

    def __init__(self) -> None:
        self._gray: Picture = np.empty((0, 0), np.uint8)
        self._gradients: tuple[npt.NDArray[np.int16], ...] = ()
        self._absolute: tuple[Picture, ...] = ()

    def edges(self, bgr: Picture, kind: EdgeKind = EdgeKind.MAGNITUDE) -> Picture:
        """Edge strength of a frame: absolute gradients along x or y.

        The magnitude is half the sum of both, the cheap stand-in for the root of the sum of squares.

        Args:
            bgr: `(H, W, 3)` uint8 BGR.
            kind: Which edges.

        Returns:
            `(H, W)` uint8, saturated at 255; a new array.
        """
        height, width = bgr.shape[:2]
        self._fit(min(_STRIP + 2, height), width)
        result: Picture = np.empty((height, width), np.uint8)
        for top in range(0, height, _STRIP):
            bottom = min(top + _STRIP, height)
            # One more row on either side, as the 3×3 kernel needs it.
            first, last = max(0, top - 1), min(height, bottom + 1)
            rows = slice(top - first, bottom - first)
            self._strip(bgr[first:last], kind, rows=rows, out=result[top:bottom])
        return result

    def _strip(self, bgr: Picture, kind: EdgeKind, *, rows: slice, out: Picture) -> None:
        count = bgr.shape[0]
        gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY, dst=self._gray[:count])
        along_x, along_y = cv2.spatialGradient(gray, self._gradients[0][:count], self._gradients[1][:count])
        if kind is EdgeKind.SOBEL_X:
            cv2.convertScaleAbs(along_x[rows], dst=out)
        elif kind is EdgeKind.SOBEL_Y:
            cv2.convertScaleAbs(along_y[rows], dst=out)
        else:
            half_x = cv2.convertScaleAbs(along_x[rows], dst=self._absolute[0][: out.shape[0]], alpha=0.5)
            half_y = cv2.convertScaleAbs(along_y[rows], dst=self._absolute[1][: out.shape[0]], alpha=0.5)
            cv2.add(half_x, half_y, dst=out)

    def _fit(self, rows: int, width: int) -> None:
        if self._gray.shape != (rows, width):
            self._gray = np.empty((rows, width), np.uint8)
            self._gradients = tuple(np.empty((rows, width), np.int16) for _ in range(2))
            self._absolute = tuple(np.empty((rows, width), np.uint8) for _ in range(2))
