"""Train a small network from scratch, from the data set to the finished run folder."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import torch
from edgecnn_runtime.errors import EdgecnnError, OptionError
from torch import Tensor, nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.batches import Normalize, epoch_batches, pixel_statistics
from edgecnn.training.distil import Answers, Teacher
from edgecnn.training.evaluate import evaluate, predict
from edgecnn.training.loop import DivergedError, fit
from edgecnn.training.memory import freed_memory_kept
from edgecnn.training.outcome import (
    Listener,
    Outcome,
    check_resume,
    describe_run,
    describe_teacher,
    finish_run,
    make_plan,
    prepare_folder,
    recorded_precision,
)
from edgecnn.training.probe import Precision, Speed, choose_speed, is_out_of_memory, median_seconds
from edgecnn.training.recipe import Recipe
from edgecnn.training.whiten import set_whitening
from edgecnn.training.world import World
from edgecnn.zoo import runs as run_folder
from edgecnn.zoo.small import EdgeCNN, create, measure_size

__all__ = ["probe", "train_from_scratch"]

WHITENING_PICTURES = 5_000


@freed_memory_kept()
def train_from_scratch(
    data: DataSet,
    network: str,
    recipe: Recipe,
    *,
    folder: Path,
    world: World,
    seed: int = 0,
    precision: Precision = "auto",
    resume: bool = False,
    views: bool = False,
    teacher: Teacher | None = None,
    listener: Listener | None = None,
) -> Outcome:
    """Train one of `SMALL_NETWORKS` and write its run folder.

    Args:
        data: Training and test pictures.
        network: Name of the network.
        recipe: How to train; the batch is halved once when memory runs out in the first steps.
        folder: The run folder; made if missing.
        world: The processes that train together.
        seed: Decides everything random.
        precision: Number format; `auto` measures.
        resume: Go on from the folder's checkpoint.
        views: Also measure the accuracy averaged over six views; reported apart.
        teacher: A trained network whose answers are learned instead of the labels.
        listener: Told what happens.

    Raises:
        DataError: The data, the folder or its checkpoint cannot be used.
        DivergedError: The loss became NaN; the weights of the last good epoch are in the folder.
        OptionError: Settings that do not fit together.
        EdgecnnError: Out of memory even with half the batch.
    """
    told = listener or Listener()
    height, width, channels = data.train.shape
    if height != width:
        raise OptionError(f"The networks take square pictures, got {height}×{width}; give --size.")
    torch.manual_seed(seed)
    module = create(network, len(data.labels), height, channels)
    normalize = pixel_statistics(data.train)
    if isinstance(module, EdgeCNN):
        _start_edge_cnn(module, data, normalize)
    module = module.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.batch % world.count:
        raise OptionError(
            f"A batch of {recipe.batch} cannot be shared by {world.count} processes; give another --batch."
        )
    if resume:
        precision = recorded_precision(folder)
    recipe, speed = probe(module, data, recipe, normalize, world, precision, told, teacher)
    done = check_resume(folder, data, network, recipe, seed, teacher) if resume else 0
    size = measure_size(module, height, channels)
    plan = make_plan(network, size, data, recipe, speed=speed, world=world, done=done)
    record = {"kind": "small", "name": network, "channels": channels, "parameters": size.parameters}
    document = describe_run(data, record, normalize, recipe=recipe, seed=seed, world=world, bf16=speed.bf16)
    document["teacher"] = describe_teacher(teacher)
    if world.leads:
        told.on_plan(plan)
        prepare_folder(folder, document, data, resume=resume)
    try:
        history = fit(
            module,
            data,
            recipe,
            normalize=normalize,
            seed=seed,
            world=world,
            speed=speed,
            checkpoint=folder / run_folder.CHECKPOINT,
            resume=resume and (folder / run_folder.CHECKPOINT).is_file(),
            answers=None if teacher is None else Answers(teacher, keep=recipe.repeat > 0),
            on_step=told.on_step,
            on_epoch=told.on_epoch,
        )
    except DivergedError as error:
        if world.leads:
            run_folder.write_weights(folder, module)
            run_folder.write_run(folder, {**document, "status": "diverged", "message": str(error)})
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise EdgecnnError(
                f"Memory ran out; try --batch {max(2, recipe.batch // 4)} or a smaller --size."
            ) from error
        raise
    evaluation = evaluate(module, data.test, normalize)
    seen = predict(module, data.test, normalize, views=True, mirror=recipe.augment.mirror).accuracy if views else None
    if world.leads:
        finish_run(folder, module, data, evaluation, history, document, views_accuracy=seen)
    return Outcome(folder, evaluation, history, seen)


def _start_edge_cnn(module: EdgeCNN, data: DataSet, normalize: Normalize) -> None:
    numbers = torch.linspace(0, len(data.train.labels) - 1, min(WHITENING_PICTURES, len(data.train.labels))).long()
    set_whitening(module.whiten, normalize(torch.from_numpy(data.train.batch(numbers.numpy()))))
    for layer in module.blocks.modules():
        if isinstance(layer, nn.Conv2d):
            # The first filters pass their input on: a deep network begins as a shallow one (airbench).
            nn.init.dirac_(layer.weight.data[: layer.in_channels])


def probe(
    module: nn.Module,
    data: DataSet,
    recipe: Recipe,
    normalize: Normalize,
    world: World,
    precision: Precision,
    told: Listener,
    teacher: Teacher | None = None,
) -> tuple[Recipe, Speed]:
    """Time a few steps; the batch is halved once when memory runs out in them.

    Raises:
        EdgecnnError: Memory runs out with half the batch too.
    """
    for attempt in range(2):
        try:
            batch = next(
                epoch_batches(data.train, recipe.augment, batch=recipe.batch, seed=0, epoch=0, share=world.share)
            )
            inputs = normalize(batch.pixels.to(world.device))
            speed = choose_speed(module, inputs, batch.labels.to(world.device), precision=precision)
            if teacher is not None:
                speed = _time_teacher(speed, teacher, batch.pixels.to(world.device))
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if attempt == 1 or recipe.batch < 4:
                raise EdgecnnError(
                    f"Memory ran out with a batch of {recipe.batch}; give a smaller --batch or --size."
                ) from error
            told.on_note(f"Memory ran out with a batch of {recipe.batch}; going on with {recipe.batch // 2}.")
            recipe = replace(recipe, batch=recipe.batch // 2)
        else:
            return recipe, speed
    raise AssertionError  # both attempts return or raise


def _time_teacher(speed: Speed, teacher: Teacher, pixels: Tensor) -> Speed:
    """Also what a teacher takes to answer a batch."""
    with speed.context(pixels.device):
        seconds = median_seconds(lambda: teacher.answer(pixels).sum().item())
    return replace(speed, teacher_seconds=seconds, tried={**speed.tried, "its teacher": seconds})
