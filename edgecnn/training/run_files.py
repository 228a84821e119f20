"""The files of a run: what it begins with, what it goes on from, and what it leaves."""

from __future__ import annotations

import csv
import io
import json
import platform
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path

import torch
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.files import replace_atomically
from safetensors.torch import save
from torch import nn

import edgecnn
from edgecnn.data.split import write_split
from edgecnn.training.checkpoint import Epoch, checkpoint_path, load_checkpoint
from edgecnn.training.figures import draw_confusion, draw_curves, draw_mistakes, save_figure
from edgecnn.training.listener import Outcome
from edgecnn.training.number_format import NumberFormat
from edgecnn.training.recipe import Recipe
from edgecnn.training.run import Run
from edgecnn.zoo.run_record import DataRecord, RunRecord, RunResult
from edgecnn.zoo.runs import RUN, WEIGHTS, hash_weights, read_run

__all__ = [
    "begin_record",
    "check_same",
    "count_epochs_done",
    "finish_folder",
    "prepare_folder",
    "run_versions",
    "write_record",
    "write_weights",
]


def begin_record(run: Run, number_format: NumberFormat | None) -> RunRecord:
    """What `run.json` says when a run begins."""
    data = run.data
    return RunRecord(
        status="running",
        network=run.network,
        labels=data.labels,
        preprocess=data.preprocess,
        normalization=run.normalization,
        license=run.license,
        recipe=run.recipe.to_dict(),
        seed=run.options.seed,
        precision=None if number_format is None else number_format.name,
        precision_reason="" if number_format is None else number_format.reason,
        threads=torch.get_num_threads(),
        processes=run.world.count,
        device=str(run.world.device),
        versions=run_versions(),
        data=DataRecord(
            name=data.name,
            source=data.source,
            fingerprint=data.fingerprint,
            train=len(data.train.labels),
            test=len(data.test.labels),
            warnings=data.warnings,
            test_share=data.test_share,
        ),
        teacher=None if run.teacher is None else run.teacher.record,
        transfer=run.transfer_record,
    )


def run_versions() -> dict[str, str]:
    """Versions that the bits of a run depend on, and the machine."""
    return {
        "edgecnn": edgecnn.__version__,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "machine": f"{platform.machine()} {platform.system()}, {torch.backends.cpu.get_cpu_capability()}",
    }


def check_same(run: Run, before: RunRecord, folder: Path | None) -> None:
    """Check that a run is the one that another began, for going on with it and for doing it again.

    Args:
        run: As it would be trained now.
        before: What `run.json` says of the other.
        folder: Where that stands.

    Raises:
        DataError: Another network, data, size, recipe, seed, teacher or transfer.
    """
    same = {
        "another network": (before.network.name, run.network.name),
        "another preprocessing": _apart(before.preprocess.to_dict(), run.data.preprocess.to_dict()),
        "another data fingerprint": (before.data.fingerprint, run.data.fingerprint),
        "other classes": (before.labels, run.data.labels),
        "another recipe": (before.recipe and Recipe.from_dict(before.recipe), run.recipe),
        "another seed": (before.seed, run.options.seed),
        "another teacher": (before.teacher, run.teacher.record if run.teacher is not None else None),
        "another transfer": (before.transfer, run.transfer_record),
    }
    for what, (then, now) in same.items():
        if then != now:
            again = "start again without --resume" if folder == run.folder else "it cannot be done again with this"
            raise DataError(f"{folder} was begun with {what} ({then}, now {now}); {again}.")
    versions = run_versions()
    changed = [f"{what} {then}, now {versions[what]}" for what, then in before.versions.items()
               if what != "python" and versions.get(what, then) != then]  # fmt: skip
    if changed and run.world.leads:
        run.listener.on_warning(f"{folder} was trained with {'; '.join(changed)}: the bits may differ.")


def _apart(then: Mapping[str, object], now: Mapping[str, object]) -> tuple[str, str]:
    """In words, what of the settings differs on either side; both empty where all are equal."""
    names = [name for name in {**then, **now} if then.get(name) != now.get(name)]
    before, after = (", ".join(f"{name} {settings.get(name)}" for name in names) for settings in (then, now))
    return before, after


def count_epochs_done(folder: Path) -> int:
    """How many epochs an unfinished run has behind it.

    Raises:
        DataError: It has finished, or its checkpoint is damaged.
    """
    if read_run(folder).status == "finished":
        raise DataError(f"{folder} has finished; there is nothing to resume.")
    path = checkpoint_path(folder)
    return len(load_checkpoint(path).history) if path.is_file() else 0


def prepare_folder(run: Run, record: RunRecord, *, resume: bool) -> None:
    """Make the run folder and write how the run begins.

    Raises:
        DataError: The folder cannot be written.
    """
    folder = run.folder
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume:
            for path in (checkpoint_path(folder), folder / WEIGHTS):
                path.unlink(missing_ok=True)
        if run.data.split:
            write_split(folder, run.data.split)
        write_record(folder, record)
    except OSError as error:
        raise DataError(f"The run folder {folder} cannot be written ({error}); give another with --output.") from error


def write_record(folder: Path, record: RunRecord) -> None:
    """Write `run.json` atomically."""
    text = json.dumps(record.to_dict(), indent=2, ensure_ascii=False, allow_nan=False)
    replace_atomically(folder / RUN, (text + "\n").encode("utf-8", "surrogateescape"))


def write_weights(folder: Path, module: nn.Module) -> None:
    """Write the network's weights atomically."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in module.state_dict().items()}
    replace_atomically(folder / WEIGHTS, save(tensors, {"writer": "edgecnn train"}))


def finish_folder(run: Run, record: RunRecord, outcome: Outcome) -> None:
    """Write weights, history, figures and the finished `run.json`, which comes last.

    Raises:
        DataError: The disk is full or the folder cannot be written.
    """
    folder, data, evaluation = run.folder, run.data, outcome.evaluation
    result = RunResult(
        accuracy=round(evaluation.accuracy, 6),
        correct=evaluation.correct,
        count=evaluation.count,
        loss=round(evaluation.loss, 6),
        seconds=round(sum(line.seconds for line in outcome.history), 3),
        cpu_seconds=round(sum(line.cpu_seconds for line in outcome.history), 3),
        accuracy_views=None if outcome.views_accuracy is None else round(outcome.views_accuracy, 6),
    )
    try:
        write_weights(folder, run.module)
        _write_history(folder, outcome.history)
        if outcome.history:
            save_figure(draw_curves(outcome.history), folder / "curves.png")
        save_figure(draw_confusion(evaluation, data.labels), folder / "confusion.png")
        save_figure(draw_mistakes(evaluation, data.test, data.labels), folder / "mistakes.png")
        weights = hash_weights(folder)
        write_record(folder, replace(record, status="finished", weights_sha256=weights, result=result))
        checkpoint_path(folder).unlink(missing_ok=True)
    except OSError as error:
        raise DataError(
            f"The run folder {folder} could not be completed ({error}); make room and finish it with --resume."
        ) from error


def _write_history(folder: Path, history: Sequence[Epoch]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Epoch.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 6) for k, v in asdict(line).items()} for line in history)
    replace_atomically(folder / "history.csv", text.getvalue().encode())
