"""Prepared pictures for calibration and for the verdict, from whatever form of data a person names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from edgecnn_runtime import DataError, Preprocess, load_image

from edgecnn.data.labeled import read_labeled
from edgecnn.data.pictures import find_pictures

if TYPE_CHECKING:
    from edgecnn_export.prepared import PreparedPictures

__all__ = ["calibration_pictures", "evaluation_pictures"]


def calibration_pictures(path: Path, preprocess: Preprocess, labels: tuple[str, ...], count: int) -> PreparedPictures:
    """At most `count` pictures spread evenly over a folder or data set.

    Args:
        path: a folder of pictures, or a data set as `read_labeled` takes it (the training part where it has one).
        preprocess: the network's.
        labels: the network's class names.
        count: how many pictures.

    Raises:
        DataError: there is nothing to calibrate with.
    """
    if _is_data_set(path):
        data = read_labeled(path, labels, part="train")
        chosen = _spread(len(data), count)
        return _collect([data.sources[i] for i in chosen], data.labels[chosen].tolist(), preprocess, data.name)
    if not path.exists():
        raise DataError(f"{path} does not exist; expected a folder or data set of real pictures to calibrate with.")
    paths = [Path(name) for name in find_pictures([str(path)])]
    return _collect([paths[i] for i in _spread(len(paths), count)], None, preprocess, path.name)


def evaluation_pictures(
    path: Path, preprocess: Preprocess, labels: tuple[str, ...], *, without: PreparedPictures | None
) -> PreparedPictures:
    """All labeled pictures of a data set, less those that calibration has seen.

    Raises:
        DataError: nothing is left, or labels do not fit.
    """
    data = read_labeled(path, labels)
    seen = set(without.names) if without is not None else set()
    kept = [i for i, source in enumerate(data.sources) if str(source) not in seen or isinstance(source, np.ndarray)]
    if not kept:
        raise DataError(f"every picture of {path} was used for calibration; none is left to evaluate on.")
    name = data.name if len(kept) == len(data) else f"{data.name} without the {len(data) - len(kept)} for calibration"
    return _collect([data.sources[i] for i in kept], data.labels[kept].tolist(), preprocess, name)


def _is_data_set(path: Path) -> bool:
    return path.suffix == ".npz" or (path / "labels.csv").is_file()


def _spread(available: int, count: int) -> list[int]:
    wanted = min(available, count)
    return [round(i * (available - 1) / max(wanted - 1, 1)) for i in range(wanted)]


def _collect(sources: list[Any], labels: list[int] | None, preprocess: Preprocess, name: str) -> PreparedPictures:
    from edgecnn_export.prepared import PreparedPictures

    if sources and isinstance(sources[0], np.ndarray):
        pixels = np.stack([preprocess.apply(array) for array in sources])
        return PreparedPictures(pixels, name, None if labels is None else np.asarray(labels, np.int64))
    return PreparedPictures.from_files(sources, lambda p: preprocess.apply(load_image(p)), source=name, labels=labels)
