"""The network by depth: from edges to parts to the class, one stage a resolution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.inspecting.inspect_page import field_box
from edgecnn.understanding.inspecting.layers import Layer

__all__ = ["Channel", "Stage", "pick_stages", "stage_of"]

_AT_MOST = 6


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel that answers strongly to the picture.

    Attributes:
        index: of the channel.
        map: `(h, w)` float32.
        peak: row and column of its strongest answer.
        box: what that position sees: left, top, width, height in pixels; None when it cannot be told.
    """

    index: int
    map: npt.NDArray[np.float32]
    peak: tuple[int, int]
    box: list[int] | None


@dataclass(frozen=True, eq=False)
class Stage:
    """The last layer of a resolution.

    Attributes:
        layer: its row.
        channels: the most active channels, strongest first.
        height: of the maps, in cells.
        width: likewise.
        count: channels of the layer.
        silent: how many channels are the same everywhere on this picture.
    """

    layer: Layer
    channels: tuple[Channel, ...]
    height: int
    width: int
    count: int
    silent: int


def pick_stages(layers: Sequence[Layer], height: int, width: int) -> list[Layer]:
    """The last layer of each resolution that gives maps `(N, channels, h, w)` of the picture.

    Args:
        layers: of the network.
        height: of the picture, in pixels.
        width: likewise.
    """
    last: dict[tuple[int, int], Layer] = {}
    learned = False
    for layer in layers:
        learned = learned or layer.kernel is not None
        if not learned or len(layer.output_shape) != 4:
            continue
        rows, columns = layer.output_shape[2:]
        if not isinstance(rows, int) or not isinstance(columns, int) or min(rows, columns) < 2:
            continue
        # Channels-last tensors inside a graph would put channels here; maps keep the picture's proportions.
        if not 0.75 < (height / rows) / (width / columns) < 1.34:
            continue
        last[rows, columns] = layer
    chosen = list(last.values())
    if len(chosen) > _AT_MOST:
        kept = np.linspace(0, len(chosen) - 1, _AT_MOST).round().astype(int)
        chosen = [chosen[index] for index in kept]
    return chosen


def stage_of(layer: Layer, maps: npt.NDArray[np.float32], height: int, width: int, *, count: int = 4) -> Stage:
    """The most active channels of a layer for one picture.

    A channel's activity is how far its strongest answer stands above its mean: channels that are bright everywhere
    are not what the layer found.

    Args:
        layer: its row.
        maps: `(channels, h, w)` float32.
        height: of the picture, in pixels.
        width: likewise.
        count: how many channels.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    peaks, means, spreads = flat.max(axis=1), flat.mean(axis=1), flat.std(axis=1)
    order = np.argsort(-(peaks - means), kind="stable")[:count]
    channels = []
    for index in order:
        row, column = divmod(int(flat[index].argmax()), maps.shape[2])
        box = field_box(layer, height, width, (row, column))
        channels.append(Channel(int(index), maps[index], (row, column), box))
    silent = int((spreads <= 1e-9 * max(float(np.abs(flat).max()), 1e-30)).sum())
    return Stage(layer, tuple(channels), maps.shape[1], maps.shape[2], len(maps), silent)
