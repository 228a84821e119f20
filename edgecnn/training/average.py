"""A running average of the weights: steadier than the last step's, and what is deployed."""

from __future__ import annotations

import torch
from torch import nn

__all__ = ["AveragedWeights"]


class AveragedWeights:
    """Exponential average of every floating-point tensor of a network, batch norm statistics included.

    Args:
        module: The network that is being trained.
        steps: Steps of the whole run.
        share: Share of the run the average looks back over; 0 follows the network exactly.
    """

    def __init__(self, module: nn.Module, *, steps: int, share: float) -> None:
        self.memory = max(1.0, share * steps)
        self.values = {name: value.detach().clone() for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module, step: int) -> None:
        """Take in the weights after step `step`, counted from 0; early on the average forgets faster."""
        share = 1 / min(self.memory, 1 + step / 4)
        for name, value in module.state_dict().items():
            mean = self.values[name]
            if mean.is_floating_point():
                mean.lerp_(value, share)
            else:
                mean.copy_(value)
