"""The batches of one epoch: which pictures, in which order, varied how. All of it follows from seed and epoch alone.

Nothing carries over from one epoch to the next, so a run that continues after a stop sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from edgecnn_export.network import Network
from torch import Tensor

from edgecnn.data.augment import Augment
from edgecnn.data.dataset import Pictures, PicturesInMemory, Pixels

__all__ = ["Batch", "Normalize", "Share", "count_batches", "epoch_batches", "pixel_statistics"]


@dataclass(frozen=True)
class Normalize:
    """From uint8 pixels `(N, H, W, C)` to what the network takes: `(N, C, H, W)` float32, mean 0 and deviation 1."""

    mean: tuple[float, ...]
    std: tuple[float, ...]

    @classmethod
    def of(cls, network: Network) -> Normalize:
        """What a trained network takes."""
        return cls(network.mean[: network.channels], network.std[: network.channels])

    def __call__(self, pixels: Tensor) -> Tensor:
        """Normalize; `mean` and `std` are for pixels in 0 to 1."""
        mean = torch.tensor(self.mean, device=pixels.device) * 255
        scale = 1 / (torch.tensor(self.std, device=pixels.device) * 255)
        return ((pixels.float() - mean) * scale).permute(0, 3, 1, 2)


@dataclass(frozen=True)
class Share:
    """Which part of every batch this process takes."""

    rank: int = 0
    count: int = 1


def pixel_statistics(pictures: Pictures, *, sample: int = 10_000) -> Normalize:
    """Mean and deviation of each channel over evenly spaced pictures, for pixels in 0 to 1."""
    count = len(pictures.labels)
    numbers = torch.linspace(0, count - 1, min(sample, count)).long().numpy()
    totals = torch.zeros(2, pictures.shape[2], dtype=torch.float64)
    seen = 0
    for start in range(0, len(numbers), 500):
        pixels = torch.from_numpy(pictures.batch(numbers[start : start + 500])).double() / 255
        totals += torch.stack([pixels.sum((0, 1, 2)), pixels.square().sum((0, 1, 2))])
        seen += pixels[..., 0].numel()
    mean = totals[0] / seen
    std = (totals[1] / seen - mean.square()).clamp_min(1e-6).sqrt()
    return Normalize(tuple(round(v, 6) for v in mean.tolist()), tuple(round(v, 6) for v in std.tolist()))


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
    share: Share = Share(),
    shown: Tensor | None = None,
) -> Iterator[Batch]:
    """Every step of an epoch, in a random order.

    Args:
        pictures: The training split.
        augment: How pictures are varied.
        batch: Pictures a step over all processes.
        seed: The run's seed.
        epoch: Counted from 0.
        share: This process's part of each batch.
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
        chosen = order[step * batch : (step + 1) * batch][share.rank :: share.count]
        varied = torch.Generator().manual_seed(((seed * 100_003 + epoch) * 100_003 + step) * 1_009 + share.rank)
        pixels = augment(_read(pictures, chosen), mirrored=mirrored[chosen], generator=varied)
        yield Batch(pixels, labels[chosen], chosen, (epoch, step))


def _read(pictures: Pictures, chosen: Tensor) -> Tensor:
    if isinstance(pictures, PicturesInMemory):
        pixels: Pixels = pictures.pixels
        return (
            torch.from_numpy(pixels).index_select(0, chosen)
            if pixels.flags.writeable
            else torch.from_numpy(pixels[chosen.numpy()])
        )
    return torch.from_numpy(pictures.batch(chosen.numpy()))
