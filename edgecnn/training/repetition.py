"""The same run again, from what its `run.json` says: on the same kind of machine it gives the same bits."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.errors import DataError

from edgecnn.data.named import NAMED
from edgecnn.training.recipe import Recipe
from edgecnn.training.train_options import DataRequest, TrainOptions, Transfer
from edgecnn.zoo.run_record import RunRecord
from edgecnn.zoo.runs import RUN, read_run

__all__ = ["Repetition", "repetition_of"]


@dataclass(frozen=True)
class Repetition:
    """What `edgecnn.training.train` takes to do a run again."""

    data: DataRequest
    network: str | Transfer
    options: TrainOptions


def repetition_of(
    folder: Path, *, data: str | None = None, data_dir: Path | None = None, resume: bool = False
) -> Repetition:
    """Read everything that decided a run out of its folder; number format and threads follow when it trains.

    Args:
        folder: The run.
        data: Where its data is now; where the record says when None.
        data_dir: Where a data set by name is, when it is not where the record says.
        resume: Go on with a repetition that was stopped.

    Raises:
        DataError: No run, one of a version that recorded too little, or a teacher that is not beside it.
    """
    record = read_run(folder)
    if record.recipe is None:
        raise DataError(
            f"{folder / RUN} records no recipe, as runs of earlier versions; train with its settings by hand."
        )
    if data is None and record.data.name in NAMED:
        source = Path(record.data.source)
        data, data_dir = (
            record.data.name,
            (source if source.is_dir() else source.parent) if source.exists() else data_dir,
        )
    reused = record.transfer
    return Repetition(
        data=DataRequest(
            data or record.data.source,
            size=record.preprocess.height,
            test_share=0.2 if record.data.test_share is None else record.data.test_share,
            data_dir=data_dir,
        ),
        network=record.network.name if reused is None else Transfer(reused.source, reused.train_last, reused.unfreeze),
        options=TrainOptions(
            recipe=Recipe.from_dict(record.recipe),
            teacher=_find_teacher(folder, record),
            seed=record.seed,
            device=record.device.partition(":")[0],
            views=record.result is not None and record.result.accuracy_views is not None,
            resume=resume,
            like=folder,
        ),
    )


def _find_teacher(folder: Path, record: RunRecord) -> Path | None:
    if record.teacher is None:
        return None
    teacher = folder.resolve().parent / record.teacher.run
    if not (teacher / RUN).is_file():
        raise DataError(
            f"{folder} learned from a run called {record.teacher.run}, which is not beside it: put it there."
        )
    return teacher
