"""Which pictures an epoch shows: those that the network already knows are shown more rarely.

After InfoBatch (Qin and others, "Lossless Training Speed Up by Unbiased Dynamic Data Pruning", 2024,
https://arxiv.org/abs/2303.04947): half of the pictures with small losses are left out of an epoch, another half each
time, and those that are shown count twice, so that the gradients of an epoch are expected to add up to the same. The
first epoch and the last fifth of a run show everything. Here the share that is left out is fixed, so that the number
of steps is known before.
"""

from __future__ import annotations

import torch
from torch import Tensor

from edgecnn.training.batches import count_batches
from edgecnn.training.recipe import Recipe
from edgecnn.training.world import World

__all__ = ["Selection", "count_steps", "pictures_in_epoch"]


def pictures_in_epoch(pictures: int, recipe: Recipe, epoch: int) -> int:
    """How many of `pictures` an epoch, counted from 0, shows."""
    last = max(1, round(recipe.epochs / 5))
    whole = epoch == 0 or epoch >= recipe.epochs - last
    return pictures if whole else pictures - int(pictures * recipe.skip)


def count_steps(pictures: int, recipe: Recipe, *, epochs: int | None = None) -> int:
    """Steps of the first `epochs` epochs, of the whole run when None."""
    number = recipe.epochs if epochs is None else epochs
    return sum(count_batches(pictures_in_epoch(pictures, recipe, epoch), recipe.batch) for epoch in range(number))


class Selection:
    """The loss every picture had when it was last seen, and what follows from it for the next epoch.

    Attributes:
        losses: `(pictures,)` float32.
    """

    def __init__(self, pictures: int) -> None:
        self.losses = torch.zeros(pictures)
        self._fresh: Tensor = torch.zeros(2, pictures)  # what this process saw in this epoch: losses, and how often

    def choose(self, recipe: Recipe, *, seed: int, epoch: int) -> tuple[Tensor, Tensor]:
        """Numbers `(n,)` int64 of the pictures an epoch shows, and the weight `(pictures,)` each has in the loss."""
        count = len(self.losses)
        weights = torch.ones(count)
        leave = count - pictures_in_epoch(count, recipe, epoch)
        if leave == 0:
            return torch.arange(count), weights
        known = torch.argsort(self.losses, stable=True)[: 2 * leave]
        generator = torch.Generator().manual_seed(seed * 100_003 + epoch)
        shuffled = known[torch.randperm(len(known), generator=generator)]
        weights[shuffled[:leave]] = 0
        weights[shuffled[leave:]] = 2
        return weights.nonzero().squeeze(1), weights

    def record(self, numbers: Tensor, losses: Tensor) -> None:
        """Take in the losses `(n,)` that pictures had in a step."""
        self._fresh[0, numbers] = losses.detach().float().cpu()
        self._fresh[1, numbers] = 1

    def finish_epoch(self, world: World) -> None:
        """Bring together what all processes saw."""
        seen = world.sum(self._fresh)
        self.losses = torch.where(seen[1] > 0, seen[0] / seen[1].clamp_min(1), self.losses)
        self._fresh = torch.zeros_like(self._fresh)
