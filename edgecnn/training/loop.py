"""The training loop: epochs of steps, a checkpoint after each, and a stop that keeps what is good."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass, field, replace

import torch
from edgecnn_runtime.errors import DataError, EdgecnnError
from torch import Tensor, nn

from edgecnn.training.batches import Batch, epoch_batches
from edgecnn.training.blocks import freeze_norms
from edgecnn.training.checkpoint import Checkpoint, Epoch, checkpoint_path, load_checkpoint, save_checkpoint
from edgecnn.training.distillation import TeacherLogits, divergences
from edgecnn.training.listener import StepReport
from edgecnn.training.normalize import normalize
from edgecnn.training.number_format import NumberFormat
from edgecnn.training.optimizers import AveragedWeights, Optimizers
from edgecnn.training.predict import predict
from edgecnn.training.resources import freed_memory_kept
from edgecnn.training.run import Run
from edgecnn.training.selection import Selection, count_steps

__all__ = ["DivergedError", "fit"]

MONITORED = 2_000  # test pictures looked at after each epoch; all of them at the end


class DivergedError(EdgecnnError, ArithmeticError):
    """The loss stopped being a number; the weights of the last good epoch are kept."""


@freed_memory_kept()
def fit(run: Run, number_format: NumberFormat, *, resume: bool) -> tuple[Epoch, ...]:
    """Train in place and leave the averaged weights in the network; a checkpoint follows every epoch.

    Args:
        run: With the same seed, machine, number format and number of threads a CPU gives the same bits.
        number_format: Format of the arithmetic.
        resume: Go on from the folder's checkpoint.

    Returns:
        What happened in each epoch.

    Raises:
        DivergedError: The loss became NaN or infinite; the network holds the last good epoch's weights.
        DataError: The checkpoint cannot be read or written.
    """
    state = _TrainingState(run, resume=resume)
    trained = run.world.wrap(run.module)
    losses_of = _Losses(run, trained, number_format)
    for epoch in range(len(state.history), run.recipe.epochs):
        torch.manual_seed(run.options.seed * 100_003 + epoch)  # dropout, where a network has some
        trained.train()
        if run.transfer is not None:
            freeze_norms(run.module)
        line = _epoch(run, state, losses_of=losses_of, epoch=epoch)
        state.selection.finish_epoch(run.world)
        current = {name: value.clone() for name, value in run.module.state_dict().items()}
        run.module.load_state_dict(state.average.values)
        accuracy = predict(run.module, run.data.test, run.normalization, count=MONITORED).accuracy
        run.module.load_state_dict(current)
        state.history = (*state.history, replace(line, accuracy=accuracy))
        if run.world.leads:
            save_checkpoint(checkpoint_path(run.folder), state.checkpoint(current))
        run.listener.on_epoch(state.history[-1])
    run.module.load_state_dict(state.average.values)
    run.module.eval()
    return state.history


class _TrainingState:
    """What changes from step to step."""

    def __init__(self, run: Run, *, resume: bool) -> None:
        count = len(run.data.train.labels)
        steps = count_steps(count, run.recipe)
        self.optimizers = Optimizers(run.module, run.recipe, steps=steps)
        self.average = AveragedWeights(run.module, steps=steps, share=run.recipe.average)
        self.selection = Selection(count)
        self.history: tuple[Epoch, ...] = ()
        if resume:
            saved = load_checkpoint(checkpoint_path(run.folder))
            try:
                run.module.load_state_dict(saved.network)
                self.optimizers.load_tensors(saved.optimizers)
            except (RuntimeError, ValueError) as error:
                raise DataError(
                    f"The checkpoint in {run.folder} belongs to another network; start again without --resume."
                ) from error
            self.average.values = {name: value.to(run.world.device) for name, value in saved.average.items()}
            self.selection.losses = saved.losses
            self.history = saved.history

    def checkpoint(self, network: dict[str, Tensor]) -> Checkpoint:
        """The state after an epoch, with the weights that training goes on with."""
        return Checkpoint(
            network=network,
            average=self.average.values,
            optimizers=self.optimizers.tensors(),
            losses=self.selection.losses,
            history=self.history,
        )


def _epoch(run: Run, state: _TrainingState, losses_of: _Losses, epoch: int) -> Epoch:
    recipe, seed, world = run.recipe, run.options.seed, run.world
    sums = _EpochSums(processes=world.count)
    shown, weights = state.selection.choose(recipe, seed=seed, epoch=epoch)
    batches = epoch_batches(
        run.data.train,
        recipe.augment,
        batch=recipe.batch,
        seed=seed,
        epoch=recipe.varied_as(epoch),
        rank=world.rank,
        processes=world.count,
        shown=shown,
    )
    first = count_steps(len(run.data.train.labels), recipe, epochs=epoch)
    for number, batch in enumerate(batches, start=first):
        losses, right = losses_of(batch)
        shares = weights[batch.numbers].to(losses.device)
        loss = (losses * shares).mean()
        value = world.mean(loss.item())
        if not math.isfinite(value):
            if state.history:
                run.module.load_state_dict(load_checkpoint(checkpoint_path(run.folder)).average)
            run.module.eval()
            raise DivergedError(
                f"The loss became {value} in epoch {epoch + 1}; the weights after epoch {len(state.history)} are kept: "
                f"try --rate {recipe.rate / 3:.2g} or a larger --batch."
            )
        loss.backward()
        state.optimizers.step(number)
        state.average.update(run.module, number)
        state.selection.record(batch.numbers, losses)
        sums.add(value, right, shares)
        line = sums.line(epoch)
        report = StepReport(
            epoch=epoch,
            step=number + 1,
            loss=line.loss,
            accuracy=line.train_accuracy,
            pictures_a_second=line.pictures_a_second,
        )
        run.listener.on_step(report)
    return sums.line(epoch)


class _Losses:
    """A network in training against the labels of a batch, or against its teacher's answers."""

    def __init__(self, run: Run, trained: nn.Module, number_format: NumberFormat) -> None:
        self._run = run
        self._trained = trained
        self._format = number_format
        teacher = run.teacher
        self._answers = None if teacher is None else TeacherLogits(teacher, keep=run.recipe.repeat > 0)

    def __call__(self, batch: Batch) -> tuple[Tensor, Tensor]:
        """The loss of every picture, `(n,)` float32, and whether it is named right, `(n,)` bool."""
        device = self._run.world.device
        pixels, labels = batch.pixels.to(device), batch.labels.to(device)
        with self._format.autocast(device):
            logits = self._trained(normalize(pixels, self._run.normalization)).float()
            if self._answers is not None:
                losses = divergences(logits, self._answers(batch, pixels))
            else:
                smoothing = self._run.recipe.smoothing
                losses = nn.functional.cross_entropy(logits, labels, label_smoothing=smoothing, reduction="none")
        return losses, logits.argmax(1) == labels


@dataclass
class _EpochSums:
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
        """The epoch so far, counted from 0, still without the test pictures."""
        seconds, cpu_seconds = time.perf_counter() - self.began, time.process_time() - self.cpu_began
        rate = self.seen * self.processes / seconds
        return Epoch(
            epoch=epoch + 1,
            loss=self.loss / self.weight,
            train_accuracy=self.right / self.weight,
            accuracy=float("nan"),
            seconds=seconds,
            cpu_seconds=cpu_seconds,
            pictures_a_second=rate,
        )
