"""The batches of one epoch: which pictures, in which order, varied how. All of it follows from seed and epoch alone.

Nothing carries over from one epoch to the next, so a run that continues after a stop sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from edgecnn.data.augment import Augment
from edgecnn.data.dataset import Pictures, PicturesInMemory, Pixels

__all__ = ["Batch", "count_batches", "epoch_batches"]


def count_batches(pictures: int, batch: int) -> int:
    """Whole batches in an epoch, at least one; the rest of the pictures waits for another epoch's order."""
    return max(1, pictures // batch)


@dataclass(frozen=True)
class Batch:
    """Pictures of one step.

    Attributes:
        pixels: Varied, `(n, H, W, C)` uint8.
        labels: `(n,)` int64.
        numbers: Places in the split, `(n,)` int64.
        source: Epoch and step, counted from 0, that the order and the variation follow from.
    """

    pixels: Tensor
    labels: Tensor
    numbers: Tensor
    source: tuple[int, int]


def epoch_batches(
    pictures: Pictures,
    augment: Augment,
    *,
    batch: int,
    seed: int,
    epoch: int,
    rank: int = 0,
    processes: int = 1,
    shown: Tensor | None = None,
) -> Iterator[Batch]:
    """Every step of an epoch, in a random order.

    Args:
        pictures: The training split.
        augment: How pictures are varied.
        batch: Pictures a step over all processes.
        seed: The run's seed.
        epoch: Counted from 0.
        rank: This process's number among those that share each batch.
        processes: How many share it.
        shown: Numbers of the pictures that the epoch shows; all when None.
    """
    count = len(pictures.labels)
    labels = torch.from_numpy(pictures.labels)
    base = torch.Generator().manual_seed(seed)
    mirrored = torch.rand(count, generator=base) < 0.5
    if epoch % 2:
        mirrored = ~mirrored
    generator = torch.Generator().manual_seed(seed * 100_003 + epoch + 1)
    numbers = torch.arange(count) if shown is None else shown
    order = numbers[torch.randperm(len(numbers), generator=generator)]
    for step in range(count_batches(len(order), batch)):
        chosen = order[step * batch : (step + 1) * batch][rank::processes]
        varied = torch.Generator().manual_seed(((seed * 100_003 + epoch) * 100_003 + step) * 1_009 + rank)
        pixels = augment(_read(pictures, chosen), mirrored=mirrored[chosen], generator=varied)
        yield Batch(pixels=pixels, labels=labels[chosen], numbers=chosen, source=(epoch, step))


def _read(pictures: Pictures, chosen: Tensor) -> Tensor:
    if isinstance(pictures, PicturesInMemory):
        pixels: Pixels = pictures.pixels
        return (
            torch.from_numpy(pixels).index_select(0, chosen)
            if pixels.flags.writeable
            else torch.from_numpy(pixels[chosen.numpy()])
        )
    return torch.from_numpy(pictures.batch(chosen.numpy()))
