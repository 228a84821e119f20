"""Small networks in PyTorch, quick to export."""

import torch
from torch import nn


class Small(nn.Module):
    """Convolution, batch norm, ReLU, pooling, linear: the usual ending."""

    def __init__(self, classes: int = 4, channels: int = 3) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.stem = nn.Conv2d(channels, 6, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.norm.running_mean.uniform_(-0.5, 0.5)
        self.norm.running_var.uniform_(0.5, 2)
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(6, classes)
        with torch.no_grad():
            self.head.weight.mul_(4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(torch.relu(self.norm(self.stem(x)))).flatten(1))


def make() -> nn.Module:
    """A factory as a user has one."""
    return Small()
