"""A class activation map laid over the frame it belongs to."""

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.opencv import cv2
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["heat_over", "seen_box"]


def seen_box(preprocess: Preprocess, width: int, height: int) -> tuple[int, int, int, int]:
    """Which part of a frame the network sees: `(left, top, right, bottom)` in pixels of the frame.

    With letterbox the box is larger than the frame, because the network sees the border too.
    """
    if preprocess.resize == "squash":
        return 0, 0, width, height
    if preprocess.resize == "letterbox":
        scale = max(width / preprocess.width, height / preprocess.height)
    else:
        scale = min(width, height) / preprocess.short_side
    seen_width, seen_height = preprocess.width * scale, preprocess.height * scale
    left, top = (width - seen_width) / 2, (height - seen_height) / 2
    return round(left), round(top), round(left + seen_width), round(top + seen_height)


def heat_over(bgr: Picture, activation: npt.NDArray[np.float32], preprocess: Preprocess) -> Picture:
    """Color a frame by where the network looked; what it does not see stays dark.

    Args:
        bgr: `(H, W, 3)` uint8 BGR.
        activation: `(h, w)` float32 class activation map, unscaled; only what speaks for the class is colored.
        preprocess: the model's, which says where in the frame the map lies.

    Returns:
        A new `(H, W, 3)` uint8 BGR.
    """
    height, width = bgr.shape[:2]
    left, top, right, bottom = seen_box(preprocess, width, height)
    positive = np.maximum(activation, 0)
    small = np.asarray(positive * (255.0 / max(float(positive.max()), 1e-6)), dtype=np.uint8)
    # Smoothing happens at map size times eight; enlarging that to the frame is then cheap and shows no blocks.
    fine = cv2.resize(small, None, fx=8, fy=8, interpolation=cv2.INTER_CUBIC)
    x0, y0, x1, y1 = max(0, left), max(0, top), min(width, right), min(height, bottom)
    full = cv2.resize(fine, (right - left, bottom - top), interpolation=cv2.INTER_LINEAR)
    heat = cv2.applyColorMap(full[y0 - top : y1 - top, x0 - left : x1 - left], cv2.COLORMAP_INFERNO)
    result = cv2.convertScaleAbs(bgr, alpha=0.35)
    result[y0:y1, x0:x1] = cv2.addWeighted(bgr[y0:y1, x0:x1], 0.5, heat, 0.6, 0)
    return np.asarray(result, dtype=np.uint8)
