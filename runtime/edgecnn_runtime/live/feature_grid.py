"""What the first layer of the running network sees, as a grid of small pictures."""

import math

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.opencv import cv2
from edgecnn_runtime.model_file import ModelFile

__all__ = ["feature_grid", "first_layer_tensor"]

_CONVOLUTIONS = ("Conv", "QLinearConv", "ConvInteger", "FusedConv", "NhwcFusedConv")
_ACTIVATIONS = ("Relu", "Clip", "LeakyRelu", "PRelu", "HardSwish", "Elu", "Gelu", "Silu")
_GAP = 2  # pixels between two tiles
_LOW, _HIGH = 1.0, 99.0  # percentiles shown as black and white


def first_layer_tensor(model: ModelFile) -> str:
    """Name of the first convolution's output, behind its activation where one follows at once.

    Raises:
        ModelFileError: the network has no convolution.
    """
    nodes = model.graph.nodes
    for place, (operator, output) in enumerate(nodes):
        if operator in _CONVOLUTIONS:
            follower = nodes[place + 1] if place + 1 < len(nodes) else ("", "")
            return follower[1] if follower[0] in _ACTIVATIONS else output
    raise ModelFileError(f"{model.name} has no convolution, so there are no feature maps to show.")


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
