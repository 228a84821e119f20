"""What the network sees, drawn: its first layer as a grid of small pictures, its last one as heat over the frame."""

import math

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.live.frame import Picture, cv2
from edgecnn_runtime.model_file import ModelFile
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.camera.controls import Mode

__all__ = ["feature_grid", "heat_over", "seen_box", "shown_tensors"]

_CONVOLUTIONS = ("Conv", "QLinearConv", "ConvInteger", "FusedConv", "NhwcFusedConv")
_ACTIVATIONS = ("Relu", "Clip", "LeakyRelu", "PRelu", "HardSwish", "Elu", "Gelu", "Silu")
_GAP = 2  # pixels between two tiles
_LOW, _HIGH = 1.0, 99.0  # percentiles shown as black and white


def shown_tensors(model: ModelFile) -> dict[Mode, str]:
    """The tensor that each view of the network shows; views that this network cannot give are left out.

    The first layer is the first convolution's output, behind its activation where one follows at once.
    """
    tensors = {} if model.features is None else {Mode.ACTIVATION: model.features.name}
    nodes = model.graph.nodes
    for place, (operator, output) in enumerate(nodes):
        if operator in _CONVOLUTIONS:
            follower = nodes[place + 1] if place + 1 < len(nodes) else ("", "")
            tensors[Mode.FEATURES] = follower[1] if follower[0] in _ACTIVATIONS else output
            break
    return tensors


def feature_grid(maps: npt.NDArray[np.generic], size: tuple[int, int]) -> Picture:
    """Lay feature maps out as a grid, each stretched to its own range.

    Args:
        maps: `(channels, h, w)` of any number type.
        size: `(width, height)` of the picture to fill, in pixels.

    Returns:
        `(height, width, 3)` uint8 BGR.
    """
    width, height = size
    channels, rows_in, columns_in = maps.shape
    columns = _columns(channels, width / height, columns_in / rows_in)
    rows = math.ceil(channels / columns)
    tile = min((width - _GAP) / columns / columns_in, (height - _GAP) / rows / rows_in)
    tile_width, tile_height = max(1, int(columns_in * tile) - _GAP), max(1, int(rows_in * tile) - _GAP)
    values = maps.astype(np.float32).reshape(channels, -1)
    low, high = np.percentile(values, (_LOW, _HIGH), axis=1, keepdims=True)
    scaled = np.clip((values - low) * (255.0 / np.maximum(high - low, 1e-6)), 0, 255)
    tiles = scaled.astype(np.uint8).reshape(channels, rows_in, columns_in)
    grid = np.full((height, width), 24, np.uint8)
    left = (width - columns * (tile_width + _GAP) + _GAP) // 2
    top = (height - rows * (tile_height + _GAP) + _GAP) // 2
    for channel in range(channels):
        row, column = divmod(channel, columns)
        y, x = top + row * (tile_height + _GAP), left + column * (tile_width + _GAP)
        shown = cv2.resize(tiles[channel], (tile_width, tile_height), interpolation=cv2.INTER_AREA)
        grid[y : y + tile_height, x : x + tile_width] = shown[: height - y, : width - x]
    return np.asarray(cv2.applyColorMap(grid, cv2.COLORMAP_VIRIDIS), dtype=np.uint8)


def _columns(channels: int, picture_ratio: float, tile_ratio: float) -> int:
    """The number of columns that makes the tiles largest."""
    return max(range(1, channels + 1), key=lambda c: min(picture_ratio / c / tile_ratio, 1 / math.ceil(channels / c)))


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
        preprocess: The model's, which says where in the frame the map lies.

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
