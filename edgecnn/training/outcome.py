"""What every training has in common: the plan it tells, the folder it leaves, and who is told what happens."""

from __future__ import annotations

import platform
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from edgecnn_runtime.errors import DataError
from torch import nn

from edgecnn.data.dataset import DataSet
from edgecnn.data.split import write_split
from edgecnn.training.batches import Normalize
from edgecnn.training.checkpoint import Epoch, load_checkpoint
from edgecnn.training.distil import Teacher
from edgecnn.training.evaluate import Evaluation
from edgecnn.training.figures import draw_confusion, draw_curves, draw_mistakes, save_figure
from edgecnn.training.loop import Progress
from edgecnn.training.probe import Precision, Speed, peak_memory_bytes
from edgecnn.training.recipe import Recipe
from edgecnn.training.selection import count_steps
from edgecnn.training.world import World
from edgecnn.zoo import runs as run_folder
from edgecnn.zoo.small import NetworkSize

__all__ = [
    "Listener",
    "Outcome",
    "Plan",
    "check_resume",
    "describe_run",
    "describe_teacher",
    "finish_run",
    "make_plan",
    "prepare_folder",
    "recorded_precision",
    "run_versions",
]


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
    resumed_at: int
    steps_done: int


def make_plan(
    network: str, size: NetworkSize, data: DataSet, recipe: Recipe, *, speed: Speed, world: World, done: int
) -> Plan:
    """The plan of a run that has `done` epochs behind it, reckoned from its timed steps."""
    pictures = len(data.train.labels)
    steps, steps_done = count_steps(pictures, recipe), count_steps(pictures, recipe, epochs=done)
    # A teacher answers no batch twice, unless the run was stopped and its answers are lost.
    asked_until = min(done + recipe.repeat, recipe.epochs) if recipe.repeat else recipe.epochs
    asked = count_steps(pictures, recipe, epochs=asked_until) - steps_done
    return Plan(
        network=network,
        size=size,
        data=data.name,
        pictures=pictures,
        recipe=recipe,
        steps=steps,
        seconds=speed.step_seconds * (steps - steps_done) + speed.teacher_seconds * asked,
        memory_bytes=peak_memory_bytes(world.device),
        speed=speed,
        device=str(world.device),
        threads=torch.get_num_threads(),
        resumed_at=done,
        steps_done=steps_done,
    )


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
    on_features: Callable[[str, int], None] = field(default=lambda split, count: None)
    on_pictures: Callable[[int], None] = field(default=lambda count: None)


def check_resume(
    folder: Path, data: DataSet, network: str, recipe: Recipe, seed: int, teacher: Teacher | None = None
) -> int:
    """How many epochs a run has behind it, after checking that it is the same run; sets its number of threads.

    Raises:
        DataError: Another network, data, recipe, seed or teacher, or a run that has finished.
    """
    document = run_folder.read_run(folder)
    same = {
        "network": (document["network"]["name"], network),
        "data fingerprint": (document["data"]["fingerprint"], data.fingerprint),
        "recipe": (Recipe.from_dict(document["recipe"]), recipe),
        "seed": (document["seed"], seed),
        "teacher": (document.get("teacher"), describe_teacher(teacher)),
    }
    for what, (before, now) in same.items():
        if before != now:
            raise DataError(
                f"{folder} was begun with another {what} ({before}, now {now}); start again without --resume."
            )
    if document["threads"] != torch.get_num_threads():
        torch.set_num_threads(int(document["threads"]))  # another number of threads adds up in another order
    if document["status"] == "finished":
        raise DataError(f"{folder} has finished; there is nothing to resume.")
    path = folder / run_folder.CHECKPOINT
    return len(load_checkpoint(path).history) if path.is_file() else 0


def recorded_precision(folder: Path) -> Precision:
    """The number format a run was begun with, so that it goes on in the same; `auto` if it had not come to that.

    Raises:
        DataError: The folder is no run.
    """
    recorded = run_folder.read_run(folder).get("precision")
    return "bf16" if recorded == "bf16" else "fp32" if recorded == "fp32" else "auto"


def prepare_folder(folder: Path, document: dict[str, Any], data: DataSet, *, resume: bool) -> None:
    """Make the run folder and write how the run begins.

    Raises:
        DataError: The folder cannot be written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            for name in (run_folder.CHECKPOINT, run_folder.WEIGHTS):
                (folder / name).unlink(missing_ok=True)
        if data.split:
            write_split(folder, data.split)
        run_folder.write_run(folder, document)
    except OSError as error:
        raise DataError(f"The run folder {folder} cannot be written ({error}); give another with --output.") from error


def describe_teacher(teacher: Teacher | None) -> dict[str, str] | None:
    """What `run.json` says of the network that another one learned from; None where there was none."""
    return None if teacher is None else {"run": teacher.name, "weights_sha256": teacher.weights_sha256}


def run_versions() -> dict[str, str]:
    """Versions that the bits of a run depend on, and the machine."""
    import edgecnn

    return {
        "edgecnn": edgecnn.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def describe_run(
    data: DataSet,
    network: dict[str, Any],
    normalize: Normalize,
    *,
    recipe: Recipe | None,
    seed: int,
    world: World,
    bf16: bool | None = None,
    license: str = "see the terms of the training data",
) -> dict[str, Any]:
    """The content of `run.json` when a run begins."""
    return {
        "status": "running",
        "network": network,
        "labels": list(data.labels),
        "preprocess": data.preprocess.to_dict(),
        "mean": list(normalize.mean),
        "std": list(normalize.std),
        "licence": license,
        "recipe": None if recipe is None else recipe.to_dict(),
        "seed": seed,
        "precision": None if bf16 is None else "bf16" if bf16 else "fp32",
        "threads": torch.get_num_threads(),
        "processes": world.count,
        "device": str(world.device),
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
        result["accuracy_views"] = round(views_accuracy, 6)
    try:
        run_folder.write_weights(folder, module)
        run_folder.write_history(folder, history)
        if history:
            save_figure(draw_curves(history), folder / "curves.png")
        save_figure(draw_confusion(evaluation, data.labels), folder / "confusion.png")
        save_figure(draw_mistakes(evaluation, data.test, data.labels), folder / "mistakes.png")
        weights = run_folder.hash_weights(folder)
        run_folder.write_run(folder, {**document, "status": "finished", "weights_sha256": weights, "result": result})
        (folder / run_folder.CHECKPOINT).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"The run folder {folder} could not be completed ({error}); make room and finish it with --resume."
        ) from error
