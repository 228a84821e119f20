"""The optimizers of a recipe, their learning rates, and their state as plain tensors."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from edgecnn.training.muon import Muon
from edgecnn.training.recipe import Recipe, learning_rate_factor

__all__ = ["Optimizers"]


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
