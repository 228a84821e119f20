"""Labeled pictures that are arrays already: an `.npz`, or what IDX files and CIFAR-10's batches hold."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from functools import partial
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Array, Labels, Pixels
from edgecnn.data.labeled import LabeledData, LabeledPictures, Split, split_of
from edgecnn.data.npz import list_npz, read_npz

__all__ = ["from_arrays", "from_npz"]

_CLASS_NAMES = "class_names"


def from_npz(path: Path) -> LabeledData:
    """The data set in an archive: `x_train`, `y_train`, `x_test`, `y_test` (or `x`, `y`) and optional `class_names`.

    Arrays are read when their split is.

    Raises:
        DataError: Damaged, or an array is missing.
    """
    return _data_set(list_npz(path), partial(read_npz, path), name=path.stem, source=str(path))


def from_arrays(
    arrays: Mapping[str, Array], *, name: str, source: str, class_names: tuple[str, ...] | None = None
) -> LabeledData:
    """A data set of arrays with the names that an `.npz` gives them.

    Args:
        arrays: `x_…` `(N, H, W)` or `(N, H, W, 1 or 3)` uint8 and `y_…` `(N,)` whole numbers, of each split.
        name: Name of the data set.
        source: Where it came from.
        class_names: What the numbers stand for.

    Raises:
        DataError: An array is missing.
    """
    if class_names is not None:
        arrays = {**arrays, _CLASS_NAMES: np.array(class_names)}
    return _data_set(tuple(arrays), lambda names: {key: arrays[key] for key in names}, name=name, source=source)


def _data_set(
    present: tuple[str, ...], read: Callable[[Collection[str]], dict[str, Array]], *, name: str, source: str
) -> LabeledData:
    suffixes: dict[Split, str] = {}
    for key in present:
        split = "all" if key == "x" else split_of(key[2:]) if key.startswith("x_") else None
        if split is not None:
            suffixes[split] = key[1:]
    missing = [f"y{suffix}" for suffix in suffixes.values() if f"y{suffix}" not in present]
    if missing or not suffixes:
        raise DataError(
            f"{source} has no '{missing[0] if missing else 'x_train'}'; expected x_test and y_test, "
            f"x_train and y_train, or x and y, and it holds {', '.join(present) or 'nothing'}."
        )
    named = (_CLASS_NAMES,) if _CLASS_NAMES in present else ()

    def read_split(suffix: str) -> LabeledPictures:
        x, y = f"x{suffix}", f"y{suffix}"
        arrays = read((x, y, *named))
        pixels = _check_pixels(arrays[x], where=f"{x} of {name}")
        class_names = tuple(str(value) for value in arrays[_CLASS_NAMES].ravel()) if named else None
        return LabeledPictures(
            name=name,
            sources=pixels,
            names=tuple(f"{x}[{number}]" for number in range(len(pixels))),
            labels=_check_labels(arrays[y], len(pixels), class_names=class_names, where=f"{y} of {name}"),
            class_names=class_names,
        )

    # A training split alone is a set that has still to be split.
    splits: dict[Split, str] = {"all": suffixes["train"]} if list(suffixes) == ["train"] else suffixes
    return LabeledData(name, source, {split: partial(read_split, suffix) for split, suffix in splits.items()})


def _check_pixels(values: Array, *, where: str) -> Pixels:
    pixels = values[..., None] if values.ndim == 3 else values
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or 0 in pixels.shape:
        raise DataError(
            f"{where} has the shape {values.shape}; expected (N, height, width, 3) RGB or (N, height, width) gray."
        )
    if pixels.dtype != np.uint8:
        raise DataError(f"{where} holds {pixels.dtype}; expected uint8 pixels from 0 to 255.")
    return np.asarray(pixels, np.uint8)


def _check_labels(values: Array, count: int, *, class_names: tuple[str, ...] | None, where: str) -> Labels:
    labels = values[:, 0] if values.ndim == 2 and values.shape[1] == 1 else values  # Keras keeps labels as a column
    if labels.shape != (count,):
        raise DataError(f"{where} has the shape {values.shape}; expected ({count},), one label for each picture.")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where} holds {labels.dtype}; expected whole numbers, the index of each picture's class.")
    indices: Labels = labels.astype(np.int64)
    highest = len(class_names) if class_names is not None else np.iinfo(np.int32).max
    wrong = np.flatnonzero((indices < 0) | (indices >= highest))
    if len(wrong):
        expected = f"0 to {highest - 1}" if class_names is not None else "0 or more"
        raise DataError(
            f"{where} holds the label {int(indices[wrong[0]])} at place {int(wrong[0])} ({len(wrong)} such); "
            f"expected {expected}: correct the labels, or give all class names."
        )
    return indices
