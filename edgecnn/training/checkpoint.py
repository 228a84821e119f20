"""Everything needed to go on after the last finished epoch, in one safetensors file that is whole or not there."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.files import replace_atomically
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

__all__ = ["Checkpoint", "Epoch", "checkpoint_path", "load_checkpoint", "save_checkpoint"]


@dataclass(frozen=True)
class Epoch:
    """One line of `history.csv`; `accuracy` is of a fixed part of the test pictures, and nothing is chosen by it.

    `loss` and `train_accuracy` are of all training pictures, estimated where an epoch shows only some of them.
    """

    epoch: int
    loss: float
    train_accuracy: float
    accuracy: float
    seconds: float
    cpu_seconds: float
    pictures_a_second: float


@dataclass(frozen=True)
class Checkpoint:
    """The state after a finished epoch: network, averaged weights, optimizers, pictures' losses, and what happened."""

    network: dict[str, Tensor]
    average: dict[str, Tensor]
    optimizers: dict[str, Tensor]
    losses: Tensor
    history: tuple[Epoch, ...]


def checkpoint_path(folder: Path) -> Path:
    """Where the state after the last finished epoch lies while a run is unfinished."""
    return folder / "checkpoint.safetensors"


def save_checkpoint(path: Path, checkpoint: Checkpoint) -> None:
    """Write a checkpoint atomically.

    Raises:
        DataError: The disk is full or the folder cannot be written; the older checkpoint stays.
    """
    parts = {
        "network": checkpoint.network,
        "average": checkpoint.average,
        "optimizers": checkpoint.optimizers,
        "pictures": {"losses": checkpoint.losses},
    }
    tensors = {
        f"{part}/{name}": value.detach().cpu().contiguous().clone()
        for part, values in parts.items()
        for name, value in values.items()
    }
    history = json.dumps([asdict(epoch) for epoch in checkpoint.history])
    try:
        replace_atomically(path, save(tensors, {"history": history}))
    except OSError as error:
        raise DataError(
            f"The checkpoint {path} could not be written ({error}); make room and continue with --resume."
        ) from error


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint back.

    Raises:
        DataError: The file is no checkpoint of `edgecnn train`.
    """
    parts: dict[str, dict[str, Tensor]] = {"network": {}, "average": {}, "optimizers": {}, "pictures": {}}
    try:
        with safe_open(str(path), framework="pt") as file:
            history = tuple(Epoch(**line) for line in json.loads(file.metadata()["history"]))
            for key in file.keys():  # noqa: SIM118 - safe_open has no other iterator
                part, name = key.split("/", 1)
                parts[part][name] = torch.clone(file.get_tensor(key))
        losses = parts["pictures"]["losses"]
    except (OSError, SafetensorError, KeyError, TypeError, ValueError, RecursionError) as error:
        raise DataError(f"{path} is no checkpoint of edgecnn train ({error}); start again without --resume.") from error
    return Checkpoint(
        network=parts["network"],
        average=parts["average"],
        optimizers=parts["optimizers"],
        losses=losses,
        history=history,
    )
