"""Muon: momentum whose step is made orthogonal, for the weights of convolutions.

After Keller Jordan's Muon and airbench (MIT, https://github.com/KellerJordan/Muon). A convolution's gradient is taken
as a matrix (filters × everything else); Newton-Schulz iterations bring all its singular values nearer to 1, so that
rare directions learn as fast as common ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

__all__ = ["Muon", "orthogonalize"]

ITERATIONS = 3  # airbench's choice; two more cost time and gain nothing in so few epochs


def orthogonalize(gradient: Tensor) -> Tensor:
    """Approximate `U Vᵀ` of the matrix's singular value decomposition `U S Vᵀ`."""
    a, b, c = 3.4445, -4.7750, 2.0315  # a quintic that lifts small singular values fastest (Keller Jordan)
    matrix = gradient / (gradient.norm() + 1e-7)
    tall = matrix.shape[0] > matrix.shape[1]
    if tall:
        matrix = matrix.T
    for _ in range(ITERATIONS):
        gram = matrix @ matrix.T
        matrix = a * matrix + (b * gram + c * gram @ gram) @ matrix
    result: Tensor = matrix.T if tall else matrix
    return result


class Muon(torch.optim.Optimizer):
    """Nesterov momentum with orthogonal steps; weights are kept at a fixed norm, as batch norm ignores their size.

    Args:
        weights: Parameters of two or more dimensions, each followed by a batch norm.
        lr: Length of a step relative to the weights' norm.
        momentum: Share of the last direction that is kept.
    """

    def __init__(self, weights: Iterable[nn.Parameter], *, lr: float, momentum: float) -> None:
        super().__init__(list(weights), {"lr": lr, "momentum": momentum})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take one step; parameters without a gradient stay."""
        if closure is not None:
            raise TypeError("Muon takes no closure.")
        for group in self.param_groups:
            for weight in group["params"]:
                if weight.grad is None:
                    continue
                state: dict[str, Any] = self.state[weight]
                if "momentum_buffer" not in state:
                    state["momentum_buffer"] = torch.zeros_like(weight.grad)
                buffer = state["momentum_buffer"]
                buffer.mul_(group["momentum"]).add_(weight.grad)
                direction = weight.grad + group["momentum"] * buffer
                weight.mul_(len(weight) ** 0.5 / (weight.norm() + 1e-12))
                update = orthogonalize(direction.reshape(len(weight), -1)).reshape(weight.shape)
                weight.add_(update, alpha=-group["lr"])
