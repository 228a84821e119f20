"""The runtime's normalization, computed by torch; and the one that a training set asks for."""

from __future__ import annotations

import torch
from edgecnn_export.network import Network
from edgecnn_runtime.normalization import Normalization
from torch import Tensor

from edgecnn.data.dataset import Pictures

__all__ = ["normalization_of", "normalize", "pixel_statistics"]


def normalization_of(network: Network) -> Normalization:
    """What a trained network takes, a value for each of its channels."""
    return Normalization(network.mean[: network.channels], network.std[: network.channels])


def normalize(pixels: Tensor, normalization: Normalization) -> Tensor:
    """Uint8 pixels `(N, H, W, C)` to float32 `(N, C, H, W)`, which lie channels last in memory."""
    scale = torch.from_numpy(normalization.scale).to(pixels.device)
    offset = torch.from_numpy(normalization.offset).to(pixels.device)
    return (pixels * scale + offset).permute(0, 3, 1, 2)


def pixel_statistics(pictures: Pictures, *, sample: int = 10_000) -> Normalization:
    """Mean and deviation of each channel over at most `sample` evenly spaced pictures."""
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
    return Normalization(tuple(round(v, 6) for v in mean.tolist()), tuple(round(v, 6) for v in std.tolist()))
