"""Time a few real steps before a run: how long it will take, and whether there is memory for it."""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import replace

import torch
from edgecnn_runtime.errors import EdgecnnError, OptionError
from torch import Tensor, nn

from edgecnn.training.batches import epoch_batches
from edgecnn.training.frozen_features import BATCH as FEATURES_BATCH
from edgecnn.training.listener import StepTime
from edgecnn.training.normalize import normalize
from edgecnn.training.number_format import NumberFormat
from edgecnn.training.resources import freed_memory_kept, intra_op_threads, is_out_of_memory
from edgecnn.training.run import Run

__all__ = ["probe", "time_step"]


@freed_memory_kept()
def probe(run: Run, number_format: NumberFormat | None, *, halved: bool = False) -> StepTime:
    """Time what a run will do again and again; the batch is halved once when memory runs out.

    Args:
        run: The run, whose network stays as it is.
        number_format: Format of the steps; None where there are none.
        halved: Whether that has happened already.

    Raises:
        OptionError: The processes cannot share a batch.
        EdgecnnError: Memory runs out with half the batch too.
    """
    batch = run.recipe.batch
    if batch % run.world.count:
        raise OptionError(f"A batch of {batch} cannot be shared by {run.world.count} processes; give another --batch.")
    try:
        return _time(run, number_format)
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        if halved or batch < 4:
            raise EdgecnnError(f"Memory ran out with a batch of {batch}; give a smaller --batch or --size.") from error
    run.listener.on_note(f"Memory ran out with a batch of {batch}; going on with {batch // 2}.")
    return probe(replace(run, recipe=replace(run.recipe, batch=batch // 2)), number_format, halved=True)


def _time(run: Run, number_format: NumberFormat | None) -> StepTime:
    recipe, world = run.recipe, run.world
    batches = epoch_batches(
        run.data.train, recipe.augment, batch=recipe.batch, seed=0, epoch=0, rank=world.rank, processes=world.count
    )
    batch = next(batches)
    pixels = batch.pixels.to(world.device)
    inputs = normalize(pixels, run.normalization)
    found = StepTime(recipe.batch)
    if run.transfer is not None:
        found = replace(found, features_seconds=_time_features(run.module, inputs[:FEATURES_BATCH]))
    if number_format is not None:
        seconds = time_step(run.module, inputs, labels=batch.labels.to(world.device), number_format=number_format)
        found = replace(found, step_seconds=seconds)
        if run.teacher is not None:
            teacher = run.teacher
            with number_format.autocast(world.device):
                seconds = median_seconds(lambda: teacher.answer(pixels).sum().item())
            found = replace(found, teacher_seconds=seconds)
    return found


def _time_features(module: nn.Module, inputs: Tensor) -> float:
    with intra_op_threads(1), torch.inference_mode():
        return median_seconds(lambda: module.eval()(inputs).sum().item(), count=1)


def time_step(module: nn.Module, inputs: Tensor, labels: Tensor, number_format: NumberFormat) -> float:
    """Median seconds of a training step on a copy of the network.

    Args:
        module: The network, on its device; it stays as it is.
        inputs: One normalized batch `(N, C, H, W)` float32.
        labels: `(N,)` int64.
        number_format: Format of the arithmetic.
    """
    trial = copy.deepcopy(module).train()
    weights = [weight for weight in trial.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, lr=1e-6, momentum=0.9)
    state = torch.get_rng_state()

    def step() -> None:
        with number_format.autocast(inputs.device):
            loss = nn.functional.cross_entropy(trial(inputs).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for a GPU to finish

    try:
        return median_seconds(step)
    finally:
        torch.set_rng_state(state)


def median_seconds(step: Callable[[], object], *, count: int = 3) -> float:
    """Median time of some steps, after one that sets things up; a step must wait for its device."""
    times = []
    for _ in range(count + 1):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])
