"""Augmentation of a whole batch at once, in torch, on uint8 pixels as they lie in memory.

Mirroring alternates (Keller Jordan's airbench): a picture that is mirrored in one epoch is not in the next, so two
epochs show both forms of every picture. Moving shows a picture up to some pixels off its place, the border
filled by reflection. Turning and scaling are for digits, where mirroring would be wrong.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from edgecnn_runtime.errors import OptionError
from torch import Tensor

__all__ = ["Augment"]


@dataclass(frozen=True)
class Augment:
    """How pictures are varied while training; the default varies nothing.

    Args:
        mirror: Mirror left and right, alternating from epoch to epoch.
        shift: Largest move in pixels, in each direction.
        turn: Largest rotation in degrees.
        scale: Largest change of size, 0.1 for ±10 %.
        erase: Side in pixels of a square that is blanked at a random place.
    """

    mirror: bool = False
    shift: int = 0
    turn: float = 0.0
    scale: float = 0.0
    erase: int = 0

    def __post_init__(self) -> None:
        if self.shift < 0 or self.turn < 0 or self.erase < 0 or not 0 <= self.scale < 1:
            raise OptionError(f"Augmentation amounts are 0 or more and scale is below 1, got {self}.")

    def __call__(self, pixels: Tensor, *, mirrored: Tensor, generator: torch.Generator) -> Tensor:
        """Vary a batch.

        Args:
            pixels: `(N, H, W, C)` uint8.
            mirrored: `(N,)` bool, which pictures are to be mirrored when `mirror` is on.
            generator: Source of the random amounts.

        Returns:
            `(N, H, W, C)` uint8, a new tensor.
        """
        if self.mirror or self.shift:
            pixels = self._move(pixels, mirrored, generator)
        if self.turn or self.scale:
            pixels = self._turn(pixels, generator)
        if self.erase:
            pixels = self._erase(pixels, generator)
        return pixels

    def _move(self, pixels: Tensor, mirrored: Tensor, generator: torch.Generator) -> Tensor:
        count, height, width, _ = pixels.shape
        rows = torch.arange(height).expand(count, height)
        columns = torch.arange(width).expand(count, width)
        if self.mirror:
            columns = torch.where(mirrored[:, None], columns.flip(1), columns)
        if self.shift:
            offset = torch.randint(-self.shift, self.shift + 1, (2, count, 1), generator=generator)
            rows = _reflect(rows + offset[0], height)
            columns = _reflect(columns + offset[1], width)
        index = (rows[:, :, None] * width + columns[:, None, :]).reshape(count, -1)
        index = index + torch.arange(count)[:, None] * (height * width)
        flat = pixels.reshape(count * height * width, -1)
        return flat.index_select(0, index.reshape(-1).to(pixels.device)).reshape(pixels.shape)

    def _turn(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        count = pixels.shape[0]
        amounts = torch.rand((2, count), generator=generator) * 2 - 1
        angle = torch.deg2rad(amounts[0] * self.turn)
        size = 1 + amounts[1] * self.scale
        cos, sin, zero = torch.cos(angle) * size, torch.sin(angle) * size, torch.zeros(count)
        theta = torch.stack([torch.stack([cos, -sin, zero], 1), torch.stack([sin, cos, zero], 1)], 1)
        planes = pixels.permute(0, 3, 1, 2).float()
        grid = torch.nn.functional.affine_grid(theta.to(pixels.device), list(planes.shape), align_corners=False)
        turned = torch.nn.functional.grid_sample(planes, grid, padding_mode="border", align_corners=False)
        return turned.round_().clamp_(0, 255).to(torch.uint8).permute(0, 2, 3, 1)

    def _erase(self, pixels: Tensor, generator: torch.Generator) -> Tensor:
        count, height, width, _ = pixels.shape
        top = torch.randint(0, height, (count, 1), generator=generator) - self.erase // 2
        left = torch.randint(0, width, (count, 1), generator=generator) - self.erase // 2
        rows, columns = torch.arange(height)[None], torch.arange(width)[None]
        in_rows = (rows >= top) & (rows < top + self.erase)
        in_columns = (columns >= left) & (columns < left + self.erase)
        hole = (in_rows[:, :, None] & in_columns[:, None, :])[..., None].to(pixels.device)
        return pixels.masked_fill(hole, 128)


def _reflect(index: Tensor, length: int) -> Tensor:
    index = index.abs()  # -1 is 1: the border itself is not repeated
    return torch.where(index >= length, 2 * (length - 1) - index, index)
