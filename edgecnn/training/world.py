"""The processes that train together: one, or as many as torchrun started."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import torch
from edgecnn_runtime.errors import UnknownDeviceError
from torch import distributed, nn

__all__ = ["World", "join_world"]

_DEVICES = ("auto", "cpu", "cuda")


@dataclass(frozen=True)
class World:
    """This process's place among those that train together, and the device it trains on."""

    rank: int
    count: int
    device: torch.device

    @property
    def leads(self) -> bool:
        """Whether this process writes files and talks to the person."""
        return self.rank == 0

    def wrap(self, module: nn.Module) -> nn.Module:
        """The module as it is trained: gradients are averaged over all processes."""
        if self.count == 1:
            return module
        # The state dict is shared with `module`, so weights and checkpoints need no unwrapping.
        return nn.parallel.DistributedDataParallel(module)

    def mean(self, value: float) -> float:
        """Mean of a number over all processes."""
        return float(self.sum(torch.tensor(value, dtype=torch.float64))) / self.count

    def sum(self, values: torch.Tensor) -> torch.Tensor:
        """Sum of a tensor over all processes, on the CPU."""
        if self.count == 1:
            return values
        total = values.to(self.device)
        distributed.all_reduce(total)
        return total.cpu()


@contextmanager
def join_world(device: str = "auto") -> Iterator[World]:
    """Take the place torchrun's environment gives (RANK, WORLD_SIZE, LOCAL_RANK), or stand alone.

    Args:
        device: `cpu`, `cuda`, or `auto` for CUDA where there is one.

    Raises:
        UnknownDeviceError: Another name.
    """
    if device not in _DEVICES:
        raise UnknownDeviceError(f"the device {device!r} is unknown; expected {', '.join(_DEVICES)}.")
    cuda = torch.cuda.is_available() if device == "auto" else device == "cuda"
    count = int(os.environ.get("WORLD_SIZE", "1"))
    rank = int(os.environ.get("RANK", "0"))
    local = int(os.environ.get("LOCAL_RANK", "0"))
    place = torch.device("cuda", local) if cuda and count > 1 else torch.device("cuda" if cuda else "cpu")
    if count == 1:
        yield World(0, 1, place)
        return
    if cuda:
        torch.cuda.set_device(place)
    distributed.init_process_group("nccl" if cuda else "gloo")
    try:
        yield World(rank, count, place)
    finally:
        distributed.destroy_process_group()
