"""The network by depth: from edges to parts to the class, one stage a resolution."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.inspecting import InspectedLayer

__all__ = ["Channel", "Stage", "pick_stages", "stage_of"]

_AT_MOST = 6
_SHOWN = 4  # channels of a stage


@dataclass(frozen=True, eq=False)
class Channel:
    """A channel that responds strongly to the picture.

    Attributes:
        index: Of the channel.
        map: `(h, w)` float32.
        peak: Row and column of its largest activation.
        box: What that position sees: left, top, width, height in pixels; None when it is not known.
    """

    index: int
    map: npt.NDArray[np.float32]
    peak: tuple[int, int]
    box: list[int] | None


@dataclass(frozen=True, eq=False)
class Stage:
    """The last layer of a resolution.

    Attributes:
        layer: Its row.
        channels: The most active channels, strongest first.
        height: Of the maps, in cells.
        width: Likewise.
        count: Channels of the layer.
        silent: How many channels are the same everywhere on this picture.
    """

    layer: InspectedLayer
    channels: tuple[Channel, ...]
    height: int
    width: int
    count: int
    silent: int


def pick_stages(layers: Sequence[InspectedLayer], height: int, width: int) -> list[InspectedLayer]:
    """The last layer of each resolution that gives maps `(N, channels, h, w)` of the picture.

    Args:
        layers: Of the network.
        height: Of the picture, in pixels.
        width: Likewise.
    """
    last: dict[tuple[int, int], InspectedLayer] = {}
    learned = False
    for layer in layers:
        learned = learned or layer.kernel is not None
        rows, columns = layer.output_shape[2:] if len(layer.output_shape) == 4 else (0, 0)
        if not learned or not isinstance(rows, int) or not isinstance(columns, int) or min(rows, columns) < 2:
            continue
        # Channels-last tensors inside a graph would put channels here; maps keep the picture's proportions.
        if 0.75 < (height / rows) / (width / columns) < 1.34:
            last[rows, columns] = layer
    chosen = list(last.values())
    if len(chosen) > _AT_MOST:
        kept = np.linspace(0, len(chosen) - 1, _AT_MOST).round().astype(int)
        chosen = [chosen[index] for index in kept]
    return chosen


def stage_of(layer: InspectedLayer, maps: npt.NDArray[np.float32], height: int, width: int) -> Stage:
    """The most active channels of a layer for one picture.

    A channel's activity is how far its largest activation stands above its mean: channels that are bright everywhere
    are not what the layer found.

    Args:
        layer: Its row.
        maps: `(channels, h, w)` float32.
        height: Of the picture, in pixels.
        width: Likewise.
    """
    flat = maps.reshape(len(maps), -1).astype(np.float64)
    order = np.argsort(-(flat.max(axis=1) - flat.mean(axis=1)), kind="stable")[:_SHOWN]
    channels = []
    for index in order:
        row, column = divmod(int(flat[index].argmax()), maps.shape[2])
        box = layer.field_box(height, width, (row, column))
        channels.append(Channel(index=int(index), map=maps[index], peak=(row, column), box=box))
    return Stage(
        layer=layer,
        channels=tuple(channels),
        height=maps.shape[1],
        width=maps.shape[2],
        count=len(maps),
        silent=int((flat.std(axis=1) <= 1e-9 * max(float(np.abs(flat).max()), 1e-30)).sum()),
    )
