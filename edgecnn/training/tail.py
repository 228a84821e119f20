"""Train the last blocks of a network on features of its frozen rest, as they lie in memory."""

from __future__ import annotations

import math

import torch
from torch import nn

from edgecnn.data.dataset import Labels
from edgecnn.training.blocks import freeze_norms
from edgecnn.training.features import Features
from edgecnn.training.head import fit_head
from edgecnn.training.loop import DivergedError
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.recipe import Recipe

__all__ = ["fit_tail"]


def fit_tail(
    tail: nn.Module,
    last: nn.Linear,
    features: Features,
    labels: Labels,
    recipe: Recipe,
    *,
    seed: int,
    device: torch.device,
) -> None:
    """Train a tail in place; its last layer starts from its logistic regression, not from noise.

    Args:
        tail: From features to logits.
        last: The last linear layer in it.
        features: `(N, …)` float32, what the frozen part gives.
        labels: `(N,)` class indices.
        recipe: Epochs, batch, optimizer and rates.
        seed: Order of the batches.
        device: Where the tail is.

    Raises:
        DivergedError: The loss became NaN or infinite.
    """
    inputs, targets = torch.from_numpy(features), torch.from_numpy(labels)
    _start_last(tail, last, inputs, labels, seed=seed, device=device)
    batches = max(1, len(inputs) // recipe.batch)
    steps = recipe.epochs * batches
    optimizers = Optimizers(tail, recipe, steps=steps)
    tail.train()
    freeze_norms(tail)
    for step in range(steps):
        if step % batches == 0:
            generator = torch.Generator().manual_seed(seed * 100_003 + step)
            order = torch.randperm(len(inputs), generator=generator)
        chosen = order[step % batches * recipe.batch :][: recipe.batch]
        logits = tail(inputs[chosen].to(device))
        loss = nn.functional.cross_entropy(logits, targets[chosen].to(device), label_smoothing=recipe.smoothing)
        if not math.isfinite(loss.item()):
            raise DivergedError(f"The loss became {loss.item()} on frozen features; try --rate {recipe.rate / 3:.2g}.")
        loss.backward()
        optimizers.step(step)
    tail.eval()


def _start_last(
    tail: nn.Module, last: nn.Linear, inputs: torch.Tensor, labels: Labels, *, seed: int, device: torch.device
) -> None:
    seen: list[torch.Tensor] = []
    hook = last.register_forward_pre_hook(lambda _layer, values: seen.append(values[0].detach().cpu()))
    try:
        with torch.no_grad():
            for part in inputs.split(100):
                tail(part.to(device))
    finally:
        hook.remove()
    fitted = fit_head(torch.cat(seen).numpy(), labels, last.out_features, seed=seed)
    with torch.no_grad():
        last.weight.copy_(fitted.weight)
        last.bias.copy_(fitted.bias)
