"""What a step does to the weights: the optimizers of a recipe under one schedule, and a running average behind them."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgecnn.training.muon import Muon
from edgecnn.training.recipe import Recipe, learning_rate_factor

__all__ = ["AveragedWeights", "Optimizers"]


class Optimizers:
    """All optimizers of a run, stepped together under one schedule."""

    def __init__(self, module: nn.Module, recipe: Recipe, *, steps: int) -> None:
        self.recipe = recipe
        self.steps = steps
        self.parts = _make(module, recipe)
        self._highest = [[group["lr"] for group in part.param_groups] for part in self.parts]

    def step(self, number: int) -> None:
        """Take step `number`, counted from 0 over the whole run, and forget the gradients."""
        factor = learning_rate_factor(number, self.steps, self.recipe.warmup)
        for part, highest in zip(self.parts, self._highest, strict=True):
            for group, rate in zip(part.param_groups, highest, strict=True):
                group["lr"] = rate * factor
            part.step()
            part.zero_grad(set_to_none=True)

    def tensors(self) -> dict[str, Tensor]:
        """The whole state: momentum buffers and step counts, by optimizer, parameter and name."""
        found = {}
        for number, part in enumerate(self.parts):
            for index, values in part.state_dict()["state"].items():
                for name, value in values.items():
                    if isinstance(value, Tensor):
                        found[f"{number}.{index}.{name}"] = value
        return found

    def load_tensors(self, tensors: dict[str, Tensor]) -> None:
        """Put a state from `tensors()` back."""
        for number, part in enumerate(self.parts):
            state: dict[int, dict[str, Tensor]] = {}
            for key, value in tensors.items():
                owner, index, name = key.split(".", 2)
                if int(owner) == number:
                    state.setdefault(int(index), {})[name] = value
            part.load_state_dict({"state": state, "param_groups": part.state_dict()["param_groups"]})


def _make(module: nn.Module, recipe: Recipe) -> list[torch.optim.Optimizer]:
    named = [(name, weight) for name, weight in module.named_parameters() if weight.requires_grad]
    if recipe.optimizer == "muon":
        filters = [weight for _, weight in named if weight.ndim == 4]
        head = [weight for name, weight in named if weight.ndim != 4 and name.split(".")[-2] == "head"]
        biases = [weight for name, weight in named if weight.ndim != 4 and name.split(".")[-2] != "head"]
        groups = [
            {"params": biases, "lr": recipe.bias_rate, "weight_decay": 0.0},
            {"params": head, "lr": recipe.head_rate, "weight_decay": recipe.weight_decay},
        ]
        return [
            torch.optim.SGD(groups, momentum=0.85, nesterov=True),
            Muon(filters, lr=recipe.rate, momentum=recipe.momentum),
        ]
    groups = [
        {"params": [weight for _, weight in named if weight.ndim > 1], "weight_decay": recipe.weight_decay},
        {"params": [weight for _, weight in named if weight.ndim <= 1], "weight_decay": 0.0},
    ]
    if recipe.optimizer == "sgd":
        return [torch.optim.SGD(groups, lr=recipe.rate, momentum=recipe.momentum, nesterov=True)]
    return [torch.optim.AdamW(groups, lr=recipe.rate, betas=(recipe.momentum, 0.999))]


class AveragedWeights:
    """Exponential average of every floating-point tensor of a network, batch norm statistics included.

    Steadier than the last step's weights, and what is deployed.

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
