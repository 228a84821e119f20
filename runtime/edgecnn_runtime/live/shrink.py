"""From a camera frame to the network's pixels, without Pillow walking over millions of them."""

from dataclasses import replace

import numpy as np

from edgecnn_runtime.live.frame import Picture, cv2, swap_channels
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["pixels_from_bgr"]

# As long as twice the pixels that the network needs remain, averaging whole blocks first changes the antialiased
# resize behind it by a gray level or so; it is what Pillow offers as reducing_gap=2.0.
_GAP = 2.0


def pixels_from_bgr(bgr: Picture, preprocess: Preprocess) -> Picture:
    """What `preprocess.apply` gives for the same frame, channels swapped at the small end.

    Frames less than four times as large as the network's input go through `preprocess.apply` alone, so the result is
    the same to the bit. Larger ones are first averaged over blocks of 2×2, 3×3, … pixels.

    Args:
        bgr: `(H, W, 3)` uint8 BGR.
        preprocess: The model's preprocessing.

    Returns:
        `(height, width, 3)` uint8 RGB, contiguous.
    """
    factor = _block(bgr, preprocess)
    if factor > 1:
        height, width = bgr.shape[0] // factor, bgr.shape[1] // factor
        # What does not fill a block is cut off evenly on both sides: less than one block.
        top, left = (bgr.shape[0] - height * factor) // 2, (bgr.shape[1] - width * factor) // 2
        whole = bgr[top : top + height * factor, left : left + width * factor]
        bgr = np.asarray(cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA), dtype=np.uint8)
    # The border's color is the one thing in which the order of channels matters.
    in_bgr = replace(preprocess, pad_color=preprocess.pad_color[::-1])
    return np.ascontiguousarray(swap_channels(in_bgr.apply(bgr)))


def _block(bgr: Picture, preprocess: Preprocess) -> int:
    height, width = bgr.shape[:2]
    if preprocess.kernel == "nearest":
        return 1
    if preprocess.resize == "squash":
        scale = min(height / preprocess.height, width / preprocess.width)
    elif preprocess.resize == "letterbox":
        scale = max(height / preprocess.height, width / preprocess.width)
    else:
        scale = min(height, width) / preprocess.short_side
    return max(1, int(scale / _GAP))
