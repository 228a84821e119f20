"""The one reader of labeled pictures, for training, evaluation and calibration alike."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from edgecnn_runtime.errors import DataError

from edgecnn.data.arrays import from_npz
from edgecnn.data.folder import LIST, from_folder
from edgecnn.data.labeled import LabeledData, LabeledPictures
from edgecnn.data.split import holds_any_of, read_split, without_training
from edgecnn.left_out import left_out_warnings

__all__ = ["is_labeled", "read_held_out", "read_labeled"]

_SUFFIX = ".npz"


def read_labeled(path: Path, *, names: tuple[str, ...] = ()) -> LabeledData:
    """Read a data set in one of its forms, without decoding any picture.

    Args:
        path: A folder with `labels.csv` (columns `file` and `label`, the class index) and `images/`; a folder of class
            folders; a folder of `train`, `validation` (or `val`) and `test` that hold either; or an `.npz` with
            `x_train` and `y_train`, `x_test` and `y_test`, or `x` and `y`.
        names: What else the caller takes, for the message.

    Raises:
        DataError: Missing or in no such form.
    """
    if path.is_dir():
        return from_folder(path)
    if path.is_file() and path.suffix.lower() == _SUFFIX:
        return from_npz(path)
    what = "is neither a folder nor an .npz file" if path.exists() else "does not exist"
    expected = "".join(f"{name}, " for name in names)
    raise DataError(
        f"'{path}' {what}; expected {expected}a folder with labels.csv and images/, a folder of class folders, or an "
        f".npz with x_test and y_test."
    )


def read_held_out(
    path: Path,
    class_names: tuple[str, ...],
    *,
    run: Path | None,
    trained_on: str | None = None,
    learned_from: Sequence[str] = (),
    warn: Callable[[str], None],
) -> LabeledPictures:
    """The pictures of a data set that a network may be measured with.

    Args:
        path: As `read_labeled` takes it; the test split is taken where it has one, else the validation split, else all.
        class_names: The network's, by index.
        run: Folder of the run that trained the network, whose training pictures are left out; None if not known.
        trained_on: Name of the data set that the network was trained on, where that is known.
        learned_from: `edgecnn.data.split.sketch` of its training pictures, where that is known.
        warn: Takes a sentence on what is left out.

    Raises:
        DataError: No such data, classes that the network does not have, or nothing that it has not learned from.
    """
    data = read_labeled(path)
    every = data.held_out().with_classes(class_names)
    pictures = every if run is None else without_training(every, read_split(run))
    sentences = [*data.notes, *left_out_warnings(every.left_out, every.name)]
    if len(pictures) < len(every):
        learned = len(every) - len(pictures)
        sentences.append(f"{learned} of {len(every)} pictures of {every.name} are left out: {run} was trained on them.")
    if run is None and holds_any_of(every, learned_from):
        sentences.append(
            f"The network learned from pictures of {every.name}, which flatters the accuracy: give its run with --run "
            f"to leave them out."
        )
    elif run is None and not learned_from and trained_on == data.name and "all" in data.splits:
        sentences.append(
            f"The network was trained on a data set called {data.name}: give its run with --run to leave out what it "
            f"learned from, which flatters the accuracy."
        )
    for sentence in sentences:
        warn(sentence)
    return pictures


def is_labeled(path: Path) -> bool:
    """Whether a path certainly is a data set; a folder of folders may as well hold pictures without classes."""
    listed = path.suffix.lower() == _SUFFIX or (path / LIST).is_file()
    return listed or (path.is_dir() and "all" not in from_folder(path).splits)
