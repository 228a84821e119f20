"""The fixed first layer of `EdgeCNN`: filters that decorrelate neighboring pixels, computed from training pictures.

Neighboring pixels say nearly the same thing, which makes the first steps of training slow. Projecting small patches
on the principal directions of their covariance, each scaled to unit variance, removes that; every direction
is kept with both signs because a ReLU follows. (After Keller Jordan's airbench, MIT.)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["set_whitening", "whitening_filters"]

FLOOR = 5e-4  # variances below this are noise of the compression or of the sensor: not to be blown up


def whitening_filters(pictures: Tensor, patch: int, directions: int) -> Tensor:
    """Filters `(2 * directions, C, patch, patch)` float32 for normalized pictures `(N, C, H, W)` float32."""
    channels = pictures.shape[1]
    patches = pictures.unfold(2, patch, 2).unfold(3, patch, 2)
    rows = patches.permute(0, 2, 3, 1, 4, 5).reshape(-1, channels * patch * patch).double()
    rows = rows - rows.mean(0)
    covariance = rows.T @ rows / rows.shape[0]
    variances, vectors = torch.linalg.eigh(covariance)
    best = vectors.T.flip(0)[:directions]  # eigh sorts upwards
    scale = variances.flip(0)[:directions].add(FLOOR).rsqrt()
    # The sign of an eigenvector is arbitrary; fix it so that another linear algebra library gives the same network.
    sign = best.gather(1, best.abs().argmax(1, keepdim=True)).sign()
    filters = (best * sign * scale[:, None]).reshape(directions, channels, patch, patch)
    return torch.cat([filters, -filters]).float()


def set_whitening(layer: nn.Conv2d, pictures: Tensor) -> None:
    """Put the whitening filters of these pictures into a layer made for them."""
    with torch.no_grad():
        layer.weight.copy_(whitening_filters(pictures, layer.kernel_size[0], layer.out_channels // 2))
