"""The training loop: epochs of steps, a checkpoint after each, and a stop that keeps what is good."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch
from edgecnn_runtime.errors import EdgecnnError
from torch import Tensor, nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.average import AveragedWeights
from edgecnn.training.batches import Batch, Normalize, epoch_batches
from edgecnn.training.checkpoint import Checkpoint, Epoch, load_checkpoint, save_checkpoint
from edgecnn.training.distil import Answers, divergences
from edgecnn.training.evaluate import predict
from edgecnn.training.optimizers import Optimizers
from edgecnn.training.probe import Speed
from edgecnn.training.recipe import Recipe
from edgecnn.training.selection import Selection, count_steps
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
    normalize: Normalize,
    seed: int,
    world: World,
    speed: Speed,
    checkpoint: Path | None = None,
    resume: bool = False,
    prepare: Callable[[nn.Module], None] | None = None,
    answers: Answers | None = None,
    on_step: Callable[[Progress], None] | None = None,
    on_epoch: Callable[[Epoch], None] | None = None,
) -> tuple[Epoch, ...]:
    """Train in place and leave the averaged weights in the network.

    Args:
        module: The network, on `world.device`.
        data: Training and test pictures.
        recipe: How to train.
        normalize: From pixels to the network's input.
        seed: With the same seed, machine and number of threads a CPU run gives the same bits.
        world: The processes that train together.
        speed: Number format and memory layout.
        checkpoint: File for the state after each epoch; none when None.
        resume: Go on from `checkpoint`.
        prepare: Called after the network is put into training mode; transfer freezes batch norms with it.
        answers: A teacher's, learned instead of the labels.
        on_step: Told after every step.
        on_epoch: Told after every epoch.

    Returns:
        What happened in each epoch.

    Raises:
        DivergedError: The loss became NaN or infinite; the network holds the last good epoch's weights.
        DataError: The checkpoint cannot be read or written.
    """
    count = len(data.train.labels)
    steps = count_steps(count, recipe)
    optimizers = Optimizers(module, recipe, steps=steps)
    average = AveragedWeights(module, steps=steps, share=recipe.average)
    selection = Selection(count)
    history: tuple[Epoch, ...] = ()
    if resume and checkpoint is not None:
        saved = load_checkpoint(checkpoint)
        module.load_state_dict(saved.network)
        average.values = {name: value.to(world.device) for name, value in saved.average.items()}
        optimizers.load_tensors(saved.optimizers)
        selection.losses = saved.losses
        history = saved.history
    trained = world.wrap(module)
    comparison = _Comparison(trained, normalize, recipe, world.device, speed, answers)
    for epoch in range(len(history), recipe.epochs):
        torch.manual_seed(seed * 100_003 + epoch)  # dropout, where a network has some
        trained.train()
        if prepare is not None:
            prepare(module)
        tally = _Tally(processes=world.count)
        shown, weights = selection.choose(recipe, seed=seed, epoch=epoch)
        stream = epoch_batches(
            data.train,
            recipe.augment,
            batch=recipe.batch,
            seed=seed,
            epoch=recipe.varied_as(epoch),
            share=world.share,
            shown=shown,
        )
        for number, batch in enumerate(stream, start=count_steps(count, recipe, epochs=epoch)):
            losses, right = comparison(batch)
            shares = weights[batch.numbers].to(losses.device)
            loss = (losses * shares).mean()
            value = world.together(loss.item())
            if not math.isfinite(value):
                _restore(module, average, history, checkpoint)
                raise DivergedError(
                    f"The loss became {value} in epoch {epoch + 1}; the weights after epoch {len(history)} are kept: "
                    f"try --rate {recipe.rate / 3:.2g} or a larger --batch."
                )
            loss.backward()
            optimizers.step(number)
            average.update(module, number)
            selection.record(batch.numbers, losses)
            tally.add(value, right, shares)
            if on_step is not None:
                line = tally.line(epoch)
                on_step(Progress(epoch, number + 1, steps, line.loss, line.train_accuracy, line.pictures_a_second))
        selection.finish_epoch(world)
        line = tally.line(epoch)
        current = {name: value.clone() for name, value in module.state_dict().items()}
        line = replace(line, accuracy=_glance(module, average, current, data, normalize))
        history = (*history, line)
        if checkpoint is not None and world.leads:
            state = Checkpoint(current, average.values, optimizers.tensors(), selection.losses, history)
            save_checkpoint(checkpoint, state)
        if on_epoch is not None:
            on_epoch(line)
    module.load_state_dict(average.values)
    module.eval()
    return history


@dataclass(frozen=True)
class _Comparison:
    """A network in training against the labels of a batch, or against its teacher's answers."""

    trained: nn.Module
    normalize: Normalize
    recipe: Recipe
    device: torch.device
    speed: Speed
    answers: Answers | None

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of every picture, `(n,)` float32, and whether it is named right, `(n,)` bool."""
        pixels, labels = batch.pixels.to(self.device), batch.labels.to(self.device)
        with self.speed.context(self.device):
            logits = self.trained(self.normalize(pixels)).float()
            if self.answers is not None:
                losses = divergences(logits, self.answers(batch, pixels))
            else:
                smoothing = self.recipe.smoothing
                losses = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        return losses, logits.argmax(1) == labels


@dataclass
class _Tally:
    """What the steps of an epoch add up to, over `processes` that each see their share.

    Pictures that stand for others that are left out count for them too, so loss and accuracy are those of all.
    """

    processes: int
    loss: float = 0.0
    right: float = 0.0
    weight: float = 0.0
    seen: int = 0
    began: float = field(default_factory=time.perf_counter)
    cpu_began: float = field(default_factory=time.process_time)

    def add(self, loss: float, right: Tensor, weights: Tensor) -> None:
        """Take in a step: its mean weighted loss, which pictures were named right, and each one's weight."""
        self.loss += loss * len(weights)
        self.right += float((right * weights).sum())
        self.weight += float(weights.sum())
        self.seen += len(weights)

    def line(self, epoch: int) -> Epoch:
        """The epoch so far, counted from 0, still without a glance at the test pictures."""
        seconds, cpu_seconds = time.perf_counter() - self.began, time.process_time() - self.cpu_began
        rate = self.seen * self.processes / seconds
        return Epoch(
            epoch + 1, self.loss / self.weight, self.right / self.weight, float("nan"), seconds, cpu_seconds, rate
        )


def _glance(
    module: nn.Module,
    average: AveragedWeights,
    current: dict[str, torch.Tensor],
    data: DataSet,
    normalize: Normalize,
) -> float:
    """Accuracy of the averaged weights on a part of the test pictures; the network goes on with its own."""
    module.load_state_dict(average.values)
    accuracy = predict(module, data.test, normalize, count=GLANCE).accuracy
    module.load_state_dict(current)
    return accuracy


def _restore(module: nn.Module, average: AveragedWeights, history: tuple[Epoch, ...], checkpoint: Path | None) -> None:
    if history and checkpoint is not None:
        module.load_state_dict(load_checkpoint(checkpoint).average)
    module.eval()
