"""One training run, from what a person asks for to the finished run folder: `train`."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import torch
from edgecnn_runtime.errors import EdgecnnError

from edgecnn.data.dataset import DataSet
from edgecnn.training.blocks import train_only_last
from edgecnn.training.checkpoint import Epoch
from edgecnn.training.listener import Listener, Outcome
from edgecnn.training.loop import DivergedError, fit
from edgecnn.training.number_format import NumberFormat, choose_format
from edgecnn.training.predict import Predictions, predict
from edgecnn.training.probe import probe
from edgecnn.training.resources import intra_op_threads, is_out_of_memory
from edgecnn.training.run import Run
from edgecnn.training.run_files import (
    begin_record,
    check_same,
    count_epochs_done,
    finish_folder,
    prepare_folder,
    write_record,
    write_weights,
)
from edgecnn.training.scratch import begin_scratch
from edgecnn.training.train_options import DataRequest, TrainOptions, Transfer
from edgecnn.training.transfer import begin_transfer, train_on_features
from edgecnn.training.world import join_world
from edgecnn.zoo.run_record import RunRecord
from edgecnn.zoo.runs import RUN, read_run

__all__ = ["DEFAULT_NETWORK", "train"]

DEFAULT_NETWORK = "edge_cnn_small"


def train(
    data: DataSet | DataRequest | str,
    network: str | Transfer = DEFAULT_NETWORK,
    options: TrainOptions | None = None,
    *,
    folder: str | Path,
    listener: Listener | None = None,
) -> Outcome:
    """Train a network and write its run folder, which `edgecnn export` and `edgecnn.zoo.load` take.

    Under torchrun every process calls it with the same arguments; only the first one writes files and tells anything.

    Args:
        data: Pictures to learn from and to measure with, or what `edgecnn.data.load_data` takes. Pictures for a
            `Transfer` must be brought to its network's preprocessing.
        network: One of `edgecnn.zoo.small.SMALL_NETWORKS` from scratch, or a trained network to reuse.
        options: Everything else; defaults when None.
        folder: The run folder; made if missing.
        listener: Told what happens.

    Raises:
        DataError: The data, the folder, its checkpoint or the teacher cannot be used.
        DivergedError: The loss became NaN; the weights of the last good epoch are in the folder.
        OptionError: Settings that do not fit together, or with the network.
        EdgecnnError: Memory ran out.
    """
    options = options or TrainOptions()
    request = DataRequest(data) if isinstance(data, str) else data
    with join_world(options.device) as world:
        heard = listener if listener is not None and world.leads else Listener()
        if isinstance(network, Transfer):
            run = begin_transfer(request, network, options, folder=Path(folder), world=world, listener=heard)
        else:
            run = begin_scratch(request, network, options, folder=Path(folder), world=world, listener=heard)
        for warning in run.data.warnings:
            heard.on_warning(warning)
        return _carry_out(run)


def _carry_out(run: Run) -> Outcome:
    # A supervisor that always says --resume also starts the run.
    resumed = run.options.resume and (run.folder / RUN).is_file()
    before = read_run(run.folder) if resumed else None if run.options.like is None else read_run(run.options.like)
    # Another number of threads adds up in another order, which gives other bits.
    with intra_op_threads(torch.get_num_threads() if before is None else before.threads):
        number_format = _number_format(run, before)
        step_time = probe(run, number_format)
        run = replace(run, recipe=replace(run.recipe, batch=step_time.batch))
        if before is not None:
            check_same(run, before, run.folder if resumed else run.options.like)
        epochs_done = count_epochs_done(run.folder) if resumed else 0
        record = begin_record(run, number_format)
        if run.world.leads:
            run.listener.on_plan(run.plan(step_time, number_format, epochs_done=epochs_done))
            prepare_folder(run, record, resume=resumed)
        with _faults_in_words(run, record):
            if run.transfer is not None and epochs_done == 0:
                evaluation = _train_frozen(run, run.transfer)
                record = replace(record, head_accuracy=round(evaluation.accuracy, 6))
                if run.world.leads:
                    write_record(run.folder, record)
            elif before is not None and resumed:
                record = replace(record, head_accuracy=before.head_accuracy)
            history: tuple[Epoch, ...] = ()
            if number_format is not None:
                if run.transfer is not None:
                    train_only_last(run.module, run.transfer.unfreeze)
                history = fit(run, number_format, resume=epochs_done > 0)
                evaluation = predict(run.module, run.data.test, run.normalization)
            outcome = Outcome(
                folder=run.folder, evaluation=evaluation, history=history, views_accuracy=_views_accuracy(run)
            )
        if run.world.leads:
            finish_folder(run, record, outcome)
        return outcome


def _number_format(run: Run, before: RunRecord | None) -> NumberFormat | None:
    """The format of a run's steps, the same as before where it goes on; None where it takes no steps."""
    if not run.takes_steps:
        return None
    if before is not None and before.precision is not None:
        return NumberFormat(before.precision, before.precision_reason or "as the run was begun")
    return choose_format(run.module, run.world.device, run.options.precision)


def _train_frozen(run: Run, transfer: Transfer) -> Predictions:
    evaluation = train_on_features(run, transfer)
    run.listener.on_note(
        f"with frozen features: {evaluation.accuracy:.2%} ({evaluation.correct} of {evaluation.count} test pictures)"
    )
    return evaluation


def _views_accuracy(run: Run) -> float | None:
    if not run.options.views:
        return None
    mirror = run.recipe.augment.mirror
    return predict(run.module, run.data.test, run.normalization, views=True, mirror=mirror).accuracy


@contextmanager
def _faults_in_words(run: Run, record: RunRecord) -> Iterator[None]:
    """Keep the last good weights of a run that diverges, and say what to do when memory runs out."""
    try:
        yield
    except DivergedError as error:
        if run.world.leads:
            write_weights(run.folder, run.module)
            write_record(run.folder, replace(record, status="diverged", message=str(error)))
        raise
    except Exception as error:
        if is_out_of_memory(error):
            raise EdgecnnError(
                f"Memory ran out; try --batch {max(2, run.recipe.batch // 4)} or a smaller --size."
            ) from error
        raise
