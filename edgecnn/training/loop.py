"""The training loop: epochs of steps, a checkpoint after each, and a stop that keeps what is good."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch
from edgecnn_runtime.errors import EdgecnnError
from torch import nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.average import AveragedWeights
from edgecnn.training.batches import Normalise, count_batches, epoch_batches
from edgecnn.training.checkpoint import Checkpoint, Epoch, load_checkpoint, save_checkpoint
from edgecnn.training.evaluate import predict
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.probe import Speed
from edgecnn.training.recipe import Recipe
from edgecnn.training.world import World

__all__ = ["DivergedError", "Progress", "fit"]

GLANCE = 2_000  # test pictures looked at after each epoch; all of them at the end


class DivergedError(EdgecnnError, ArithmeticError):
    """The loss stopped being a number; the weights of the last good epoch are kept."""


@dataclass(frozen=True)
class Progress:
    """Where a run stands, told after every step."""

    epoch: int
    step: int
    steps: int
    loss: float
    accuracy: float
    pictures_a_second: float


def fit(
    module: nn.Module,
    data: DataSet,
    recipe: Recipe,
    *,
    normalise: Normalise,
    seed: int,
    world: World,
    speed: Speed,
    checkpoint: Path | None = None,
    resume: bool = False,
    prepare: Callable[[nn.Module], None] | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Epoch, ...]:
    """Train in place and leave the averaged weights in the network.

    Args:
        module: The network, on `world.device`.
        data: Training and test pictures.
        recipe: How to train.
        normalise: From pixels to the network's input.
        seed: With the same seed, machine and number of threads a CPU run gives the same bits.
        world: The processes that train together.
        speed: Number format and memory layout.
        checkpoint: File for the state after each epoch; none when None.
        resume: Go on from `checkpoint`.
        prepare: Called after the network is put into training mode; transfer freezes batch norms with it.
        on_step: Told after every step.
        on_epoch: Told after every epoch.

    Returns:
        What happened in each epoch.

    Raises:
        DivergedError: The loss became NaN or infinite; the network holds the last good epoch's weights.
        DataError: The checkpoint cannot be read or written.
    """
    count = len(data.train.labels)
    batches = count_batches(count, recipe.batch)
    steps = recipe.epochs * batches
    optimizers = Optimizers(module, recipe, steps=steps)
    average = AveragedWeights(module, steps=steps, share=recipe.average)
    history: tuple[Epoch, ...] = ()
    if resume and checkpoint is not None:
        saved = load_checkpoint(checkpoint)
        module.load_state_dict(saved.network)
        average.values = {name: value.to(world.device) for name, value in saved.average.items()}
        optimizers.load_tensors(saved.optimizers)
        history = saved.history
    trained = world.wrap(module)
    for epoch in range(len(history), recipe.epochs):
        torch.manual_seed(seed * 100_003 + epoch)  # dropout, where a network has some
        trained.train()
        if prepare is not None:
            prepare(module)
        began, cpu_began, loss_sum, right, seen = time.perf_counter(), time.process_time(), 0.0, 0, 0
        stream = epoch_batches(
            data.train, recipe.augment, batch=recipe.batch, seed=seed, epoch=epoch, share=world.share
        )
        for step, (pixels, labels) in enumerate(stream):
            target = labels.to(world.device)
            with speed.context(world.device):
                logits = trained(normalise(pixels.to(world.device)))
                loss = nn.functional.cross_entropy(logits.float(), target, label_smoothing=recipe.smoothing)
            value = world.together(loss.item())
            if not math.isfinite(value):
                _restore(module, average, history, checkpoint)
                raise DivergedError(
                    f"The loss became {value} in epoch {epoch + 1}; the weights after epoch {len(history)} are kept: "
                    f"try --rate {recipe.rate / 3:.2g} or a larger --batch."
                )
            loss.backward()
            number = epoch * batches + step
            optimizers.step(number)
            average.update(module, number)
            loss_sum += value
            right += int((logits.argmax(1) == target).sum())
            seen += len(labels)
            if on_step is not None:
                rate = seen * world.count / (time.perf_counter() - began)
                on_step(Progress(epoch, number + 1, steps, loss_sum / (step + 1), right / seen, rate))
        seconds, cpu_seconds = time.perf_counter() - began, time.process_time() - cpu_began
        current = {name: value.clone() for name, value in module.state_dict().items()}
        glance = _glance(module, average, current, data, normalise)
        rate = seen * world.count / seconds
        line = Epoch(epoch + 1, loss_sum / batches, right / seen, glance, seconds, cpu_seconds, rate)
        history = (*history, line)
        if checkpoint is not None and world.leads:
            save_checkpoint(checkpoint, Checkpoint(current, average.values, optimizers.tensors(), history))
        if on_epoch is not None:
            on_epoch(line)
    module.load_state_dict(average.values)
    module.eval()
    return history


def _glance(
    module: nn.Module,
    average: AveragedWeights,
    current: dict[str, torch.Tensor],
    data: DataSet,
    normalise: Normalise,
) -> float:
    """Accuracy of the averaged weights on a part of the test pictures; the network goes on with its own."""
    module.load_state_dict(average.values)
    accuracy = predict(module, data.test, normalise, count=GLANCE).accuracy
    module.load_state_dict(current)
    return accuracy


def _restore(module: nn.Module, average: AveragedWeights, history: tuple[Epoch, ...], checkpoint: Path | None) -> None:
    if history and checkpoint is not None:
        module.load_state_dict(load_checkpoint(checkpoint).average)
    module.eval()
