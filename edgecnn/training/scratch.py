"""Train a small network from scratch, from the data set to the finished run folder."""

from __future__ import annotations

import hashlib
import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from edgecnn_runtime.errors import DataError, EdgecnnError, OptionError
from torch import nn

from edgecnn.data.dataset import DataSet
from edgecnn.training import run_folder
from edgecnn.training.batches import Normalise, count_batches, epoch_batches, pixel_statistics
from edgecnn.training.checkpoint import Epoch
from edgecnn.training.evaluate import Evaluation, evaluate, predict
from edgecnn.training.figures import draw_confusion, draw_curves, draw_mistakes, save_figure
from edgecnn.training.loop import DivergedError, Progress, fit
from edgecnn.training.probe import Precision, Speed, choose_speed, is_out_of_memory, peak_memory_bytes
from edgecnn.training.recipe import Recipe
from edgecnn.training.whiten import set_whitening
from edgecnn.training.world import World
from edgecnn.zoo.small import EdgeCNN, NetworkSize, create, measure_size

__all__ = ["Listener", "Outcome", "Plan", "finish_run", "run_versions", "train_from_scratch"]

WHITENING_PICTURES = 5_000


@dataclass(frozen=True)
class Plan:
    """What a run is going to do, told before it starts."""

    network: str
    size: NetworkSize
    data: str
    pictures: int
    recipe: Recipe
    steps: int
    seconds: float
    memory_bytes: int
    speed: Speed
    device: str
    threads: int
    resumed_at: int = 0


@dataclass(frozen=True)
class Outcome:
    """A finished run."""

    folder: Path
    evaluation: Evaluation
    history: tuple[Epoch, ...]
    views_accuracy: float | None = None


@dataclass
class Listener:
    """Whom a run tells what it does; every call does nothing unless it is set."""

    on_plan: Callable[[Plan], None] = field(default=lambda plan: None)
    on_step: Callable[[Progress], None] = field(default=lambda progress: None)
    on_epoch: Callable[[Epoch], None] = field(default=lambda epoch: None)
    on_note: Callable[[str], None] = field(default=lambda note: None)


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
    normalise = pixel_statistics(data.train)
    if isinstance(module, EdgeCNN):
        _start_edge_cnn(module, data, normalise)
    module = module.to(device=world.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    if recipe.batch % world.count:
        raise OptionError(f"A batch of {recipe.batch} cannot be shared by {world.count} processes; give another --batch.")
    recipe, speed = _probe(module, data, recipe, normalise, world, precision, told)
    steps = recipe.epochs * count_batches(len(data.train.labels), recipe.batch)
    done = 0
    if resume:
        done = _check_resume(folder, data, network, recipe, seed)
    plan = Plan(
        network=network,
        size=measure_size(module, height, channels),
        data=data.name,
        pictures=len(data.train.labels),
        recipe=recipe,
        steps=steps,
        seconds=speed.step_seconds * steps * (recipe.epochs - done) / recipe.epochs,
        memory_bytes=peak_memory_bytes(world.device),
        speed=speed,
        device=str(world.device),
        threads=torch.get_num_threads(),
        resumed_at=done,
    )
    document = _document(data, network, recipe, normalise, seed=seed, plan=plan, world=world)
    if world.leads:
        told.on_plan(plan)
        _prepare_folder(folder, document, data, resume=resume)
    try:
        history = fit(
            module,
            data,
            recipe,
            normalise=normalise,
            seed=seed,
            world=world,
            speed=speed,
            checkpoint=folder / run_folder.CHECKPOINT,
            resume=resume and (folder / run_folder.CHECKPOINT).is_file(),
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
            raise EdgecnnError(f"Memory ran out; try --batch {max(2, recipe.batch // 4)} or a smaller --size.") from error
        raise
    evaluation = evaluate(module, data.test, normalise)
    seen = predict(module, data.test, normalise, views=True).accuracy if views else None
    if world.leads:
        finish_run(folder, module, data, evaluation, history, document, views_accuracy=seen)
    return Outcome(folder, evaluation, history, seen)


def _start_edge_cnn(module: EdgeCNN, data: DataSet, normalise: Normalise) -> None:
    numbers = torch.linspace(0, len(data.train.labels) - 1, min(WHITENING_PICTURES, len(data.train.labels))).long()
    set_whitening(module.whiten, normalise(torch.from_numpy(data.train.batch(numbers.numpy()))))
    for layer in module.blocks.modules():
        if isinstance(layer, nn.Conv2d):
            # The first filters pass their input on: a deep network begins as a shallow one (airbench).
            nn.init.dirac_(layer.weight.data[: layer.in_channels])


def _probe(
    module: nn.Module,
    data: DataSet,
    recipe: Recipe,
    normalise: Normalise,
    world: World,
    precision: Precision,
    told: Listener,
) -> tuple[Recipe, Speed]:
    from dataclasses import replace

    for attempt in range(2):
        try:
            pixels, labels = next(
                epoch_batches(data.train, recipe.augment, batch=recipe.batch, seed=0, epoch=0, share=world.share)
            )
            inputs = normalise(pixels.to(world.device))
            speed = choose_speed(module, inputs, labels.to(world.device), precision=precision)
        except Exception as error:
            if not is_out_of_memory(error):
                raise
            if attempt == 1 or recipe.batch < 4:
                raise EdgecnnError(f"Memory ran out with a batch of {recipe.batch}; give a smaller --batch or --size.") from error
            told.on_note(f"Memory ran out with a batch of {recipe.batch}; going on with {recipe.batch // 2}.")
            recipe = replace(recipe, batch=recipe.batch // 2)
        else:
            return recipe, speed
    raise AssertionError  # both attempts return or raise


def _check_resume(folder: Path, data: DataSet, network: str, recipe: Recipe, seed: int) -> int:
    document = run_folder.read_run(folder)
    same = {
        "network": (document["network"]["name"], network),
        "data fingerprint": (document["data"]["fingerprint"], data.fingerprint),
        "recipe": (Recipe.from_dict(document["recipe"]), recipe),
        "seed": (document["seed"], seed),
    }
    for what, (before, now) in same.items():
        if before != now:
            raise DataError(f"{folder} was begun with another {what} ({before}, now {now}); start again without --resume.")
    if document["threads"] != torch.get_num_threads():
        torch.set_num_threads(int(document["threads"]))  # another number of threads adds up in another order
    if document["status"] == "finished":
        raise DataError(f"{folder} has finished; there is nothing to resume.")
    from edgecnn.training.checkpoint import load_checkpoint

    path = folder / run_folder.CHECKPOINT
    return len(load_checkpoint(path).history) if path.is_file() else 0


def _prepare_folder(folder: Path, document: dict[str, Any], data: DataSet, *, resume: bool) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            for name in (run_folder.CHECKPOINT, run_folder.WEIGHTS):
                (folder / name).unlink(missing_ok=True)
        if data.split:
            lines = "".join(f"{side},{name}\n" for name, side in data.split)
            run_folder.replace_atomically(folder / "split.csv", ("split,file\n" + lines).encode())
        run_folder.write_run(folder, document)
    except OSError as error:
        raise DataError(f"The run folder {folder} cannot be written ({error}); give another with --output.") from error


def run_versions() -> dict[str, str]:
    """Versions that the bits of a run depend on, and the machine."""
    import edgecnn

    return {
        "edgecnn": edgecnn.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def _document(
    data: DataSet, network: str, recipe: Recipe, normalise: Normalise, *, seed: int, plan: Plan, world: World
) -> dict[str, Any]:
    return {
        "status": "running",
        "network": {"kind": "small", "name": network, "channels": data.channels, "parameters": plan.size.parameters},
        "labels": list(data.labels),
        "preprocess": data.preprocess.to_dict(),
        "mean": list(normalise.mean),
        "std": list(normalise.std),
        "licence": "see the terms of the training data",
        "recipe": recipe.to_dict(),
        "seed": seed,
        "precision": "bf16" if plan.speed.bf16 else "fp32",
        "threads": plan.threads,
        "processes": world.count,
        "device": plan.device,
        "versions": run_versions(),
        "data": {
            "name": data.name,
            "source": data.source,
            "fingerprint": data.fingerprint,
            "train": len(data.train.labels),
            "test": len(data.test.labels),
            "warnings": list(data.warnings),
        },
    }


def finish_run(
    folder: Path,
    module: nn.Module,
    data: DataSet,
    evaluation: Evaluation,
    history: tuple[Epoch, ...],
    document: dict[str, Any],
    *,
    views_accuracy: float | None = None,
) -> None:
    """Write weights, history, figures and the finished `run.json`, which comes last."""
    result: dict[str, Any] = {
        "accuracy": round(evaluation.accuracy, 6),
        "correct": evaluation.correct,
        "count": evaluation.count,
        "loss": round(evaluation.loss, 6),
        "seconds": round(sum(line.seconds for line in history), 3),
        "cpu_seconds": round(sum(line.cpu_seconds for line in history), 3),
    }
    if views_accuracy is not None:
        result["accuracy_six_views"] = round(views_accuracy, 6)
    try:
        run_folder.write_weights(folder, module)
        run_folder.write_history(folder, history)
        if history:
            save_figure(draw_curves(history), folder / "curves.png")
        save_figure(draw_confusion(evaluation, data.labels), folder / "confusion.png")
        save_figure(draw_mistakes(evaluation, data.test, data.labels), folder / "mistakes.png")
        weights = hashlib.sha256((folder / run_folder.WEIGHTS).read_bytes()).hexdigest()
        run_folder.write_run(folder, {**document, "status": "finished", "weights_sha256": weights, "result": result})
        (folder / run_folder.CHECKPOINT).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"The run folder {folder} could not be completed ({error}); make room and finish it with --resume."
        ) from error
