"""Fit the last linear layer on frozen features: logistic regression, solved in a second."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from edgecnn.data.dataset import Labels
from edgecnn.training.frozen_features import Features
from edgecnn.training.resources import intra_op_threads

__all__ = ["HeadFit", "fit_head"]

STRENGTHS = (1e-3, 1e-2, 0.1, 0.3, 1.0, 3.0)  # of the pull towards zero, in units of the mean loss
FOLDS = 5
MANY = 5_000  # pictures above which the strength is chosen on part of them, each held back once in five


@dataclass(frozen=True)
class HeadFit:
    """A fitted last layer: `weight` `(classes, D)`, `bias` `(classes,)`, and how it was found."""

    weight: Tensor
    bias: Tensor
    strength: float
    held_back_accuracy: float


def fit_head(features: Features, labels: Labels, classes: int, *, seed: int) -> HeadFit:
    """Logistic regression; the strength of its regularization is chosen by holding back each fifth of the pictures.

    Args:
        features: `(N, D)` float32.
        labels: `(N,)` class indices.
        classes: How many classes.
        seed: Decides the fifths.
    """
    # Each operation takes a millisecond: threads that wait for each other would make it ten times as long.
    with intra_op_threads(1):
        return _fit(torch.from_numpy(features), torch.from_numpy(labels), classes=classes, seed=seed)


def _fit(inputs: Tensor, targets: Tensor, classes: int, seed: int) -> HeadFit:
    # One scale for all features, so that a strength means the same for every network; each keeps its own weight.
    mean, scale = inputs.mean(0), inputs.std(0).mean().clamp_min(1e-6)
    scaled = (inputs - mean) / scale
    strength, accuracy = _choose(scaled, targets, classes=classes, seed=seed)
    weight, bias = _solve(scaled, targets, classes=classes, strength=strength)
    weight = weight / scale
    return HeadFit(weight=weight, bias=bias - weight @ mean, strength=strength, held_back_accuracy=accuracy)


def _choose(scaled: Tensor, targets: Tensor, classes: int, seed: int) -> tuple[float, float]:
    """The strength with the best accuracy on held-back pictures, and that accuracy."""
    order = torch.randperm(len(targets), generator=torch.Generator().manual_seed(seed))[:MANY]
    if len(order) < 2 * FOLDS:
        return 1.0, float("nan")  # too few to hold any back
    best = (STRENGTHS[0], -1.0)
    for strength in STRENGTHS:
        right = 0
        for fold in range(FOLDS):
            held = order[fold::FOLDS]
            fit = torch.cat([order[other::FOLDS] for other in range(FOLDS) if other != fold])
            weight, bias = _solve(scaled[fit], targets[fit], classes=classes, strength=strength)
            right += int(((scaled[held] @ weight.T + bias).argmax(1) == targets[held]).sum())
        if right / len(order) >= best[1]:  # of equals the stronger pull: it trusts the training pictures less
            best = (strength, right / len(order))
    return best


def _solve(inputs: Tensor, targets: Tensor, classes: int, strength: float) -> tuple[Tensor, Tensor]:
    weight = torch.zeros(classes, inputs.shape[1], requires_grad=True)
    bias = torch.zeros(classes, requires_grad=True)
    solver = torch.optim.LBFGS([weight, bias], max_iter=100, tolerance_grad=1e-5, line_search_fn="strong_wolfe")

    def loss() -> Tensor:
        solver.zero_grad()
        value = nn.functional.cross_entropy(inputs @ weight.T + bias, targets) + strength * weight.square().sum() / 2
        value.backward()
        return value

    solver.step(loss)
    return weight.detach(), bias.detach()
