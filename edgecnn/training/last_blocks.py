"""Train the last blocks of a network on features of its frozen rest, as they lie in memory."""

from __future__ import annotations

import copy
import math

import torch
from torch import nn

from edgecnn.data.dataset import Labels
from edgecnn.training.blocks import freeze_norms
from edgecnn.training.frozen_features import Features
from edgecnn.training.head import fit_head
from edgecnn.training.loop import DivergedError
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.recipe import Recipe

__all__ = ["fit_last_blocks"]


def fit_last_blocks(
    blocks: nn.Module,
    last: nn.Linear,
    features: Features,
    labels: Labels,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
) -> None:
    """Train the last blocks in place; their last layer starts from its logistic regression, not from noise.

    Args:
        blocks: From features to logits.
        last: The last linear layer in them.
        features: `(N, …)` float32, what the frozen part gives.
        labels: `(N,)` class indices.
        recipe: Epochs, batch, optimizer and rates.
        seed: Order of the batches.
        device: Where they are.

    Raises:
        DivergedError: The loss became NaN or infinite; the blocks are as they began.
    """
    inputs, targets = torch.from_numpy(features), torch.from_numpy(labels)
    _start_last(blocks, last, inputs=inputs, labels=labels, seed=seed, device=device)
    beginning = copy.deepcopy(blocks.state_dict())
    batches = max(1, len(inputs) // recipe.batch)
    steps = recipe.epochs * batches
    optimizers = Optimizers(blocks, recipe, steps=steps)
    blocks.train()
    freeze_norms(blocks)
    for step in range(steps):
        if step % batches == 0:
            generator = torch.Generator().manual_seed(seed * 100_003 + step)
            order = torch.randperm(len(inputs), generator=generator)
        chosen = order[step % batches * recipe.batch :][: recipe.batch]
        logits = blocks(inputs[chosen].to(device))
        loss = nn.functional.cross_entropy(logits, targets[chosen].to(device), label_smoothing=recipe.smoothing)
        if not math.isfinite(loss.item()):
            blocks.load_state_dict(beginning)
            raise DivergedError(f"The loss became {loss.item()} on frozen features; try --rate {recipe.rate / 3:.2g}.")
        loss.backward()
        optimizers.step(step)
    blocks.eval()


def _start_last(
    blocks: nn.Module, last: nn.Linear, inputs: torch.Tensor, labels: Labels, *, seed: int, device: torch.device
) -> None:
    seen: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _layer, values: seen.append(values[0].detach().cpu()))
    try:
        with torch.no_grad():
            for part in inputs.split(100):
                blocks(part.to(device))
    finally:
        hook.remove()
    fitted = fit_head(torch.cat(seen).numpy(), labels, last.out_features, seed=seed)
    with torch.no_grad():
        last.weight.copy_(fitted.weight)
        last.bias.copy_(fitted.bias)
