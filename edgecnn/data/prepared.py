"""Prepared pictures for calibration and for the verdict, from whatever form of data a person names."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import DataError, Preprocess, prepare

from edgecnn.data.check import unreadable_warnings
from edgecnn.data.dataset import hash_pixels
from edgecnn.data.labeled import LabeledPictures
from edgecnn.data.left_out import left_out_warnings
from edgecnn.data.pictures import find_pictures
from edgecnn.data.read import is_labeled, read_held_out, read_labeled

if TYPE_CHECKING:
    from edgecnn_export.prepared_pictures import PreparedPictures, Purpose

__all__ = ["calibration_pictures", "evaluation_pictures"]


def calibration_pictures(
    path: Path, preprocess: Preprocess, labels: tuple[str, ...], count: int, *, warn: Callable[[str], None]
) -> PreparedPictures:
    """At most `count` pictures spread evenly over a folder or data set.

    Args:
        path: A folder of pictures, or a data set as `read_labeled` takes it (the training split where it has one).
        preprocess: The network's.
        labels: The network's class names.
        count: How many pictures.
        warn: Takes a sentence on what was left out.

    Raises:
        DataError: There is nothing to calibrate with.
    """
    if is_labeled(path):
        pictures = read_labeled(path).training()
        for sentence in left_out_warnings(pictures.left_out, pictures.name):
            warn(sentence)
        return _labeled_calibration(pictures, preprocess, labels=labels, count=count)
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a folder or data set of real pictures to calibrate with.")
    found = find_pictures([str(path)])
    for sentence in left_out_warnings(found.left_out, path.name):
        warn(sentence)
    paths = [Path(found.names[number]) for number in _spread(len(found.names), count)]
    return _from_files(paths, preprocess, name=path.name, labels=None)


def evaluation_pictures(
    path: Path,
    preprocess: Preprocess,
    labels: tuple[str, ...],
    *,
    without: PreparedPictures | None,
    run: Path | None = None,
    warn: Callable[[str], None],
) -> PreparedPictures:
    """All labeled pictures of a data set, less those that training or calibration has seen.

    Args:
        path: A data set as `read_labeled` takes it (the test split where it has one).
        preprocess: The network's.
        labels: The network's class names.
        without: What calibration has seen.
        run: Folder of the run that trained the network, where it has one.
        warn: Takes a sentence on what was left out.

    Raises:
        DataError: Nothing is left, labels do not fit, or more than 5 % of the pictures cannot be read.
    """
    pictures = read_held_out(path, labels, run=run, warn=warn)
    prepared = _prepare(pictures, preprocess, purpose="evaluation")
    for sentence in unreadable_warnings(prepared.unreadable, len(pictures), pictures.name):
        warn(sentence)
    seen = set(map(hash_pixels, without.pixels)) if without is not None else set()
    fresh = np.array([hash_pixels(pixels) not in seen for pixels in prepared.pixels])
    if not fresh.any():
        raise DataError(f"every picture of {path} was used for calibration; none is left to evaluate on.")
    used = int(np.sum(~fresh))
    source = f"{pictures.name} without the {used} for calibration" if used else pictures.name
    return replace(prepared.where(fresh), source=source)


def _labeled_calibration(
    pictures: LabeledPictures, preprocess: Preprocess, labels: tuple[str, ...], count: int
) -> PreparedPictures:
    chosen = pictures.take(_spread(len(pictures), count))
    try:
        return _prepare(chosen.with_classes(labels), preprocess)
    except DataError:
        if pictures.class_names is None:
            raise
        return replace(_prepare(chosen, preprocess), labels=None)  # another network's classes: pictures all the same


def _spread(available: int, count: int) -> npt.NDArray[np.int64]:
    wanted = min(available, count)
    return np.array([round(i * (available - 1) / max(wanted - 1, 1)) for i in range(wanted)], np.int64)


def _prepare(
    pictures: LabeledPictures, preprocess: Preprocess, *, purpose: Purpose = "calibration"
) -> PreparedPictures:
    from edgecnn_export.prepared_pictures import PreparedPictures

    if isinstance(pictures.sources, np.ndarray):
        pixels = np.stack([prepare(image, preprocess) for image in pictures.images()])
        return PreparedPictures(pixels, pictures.name, pictures.labels, purpose=purpose)
    paths = [path for path in pictures.sources if isinstance(path, Path)]
    return _from_files(paths, preprocess, name=pictures.name, labels=pictures.labels.tolist(), purpose=purpose)


def _from_files(
    paths: Sequence[Path],
    preprocess: Preprocess,
    *,
    name: str,
    labels: Sequence[int] | None,
    purpose: Purpose = "calibration",
) -> PreparedPictures:
    from edgecnn_export.prepared_pictures import PreparedPictures

    return PreparedPictures.from_files(
        paths, lambda path: prepare(path, preprocess), source=name, labels=labels, purpose=purpose
    )
