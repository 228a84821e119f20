"""Data sets that are arrays already: an `.npz`, IDX files or CIFAR-10's batches, checked and made into a `DataSet`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data.check import check_labels, count_warnings, duplicate_warning
from edgecnn.data.dataset import (
    Array,
    DataSet,
    LazyPictures,
    Pictures,
    PicturesInMemory,
    Pixels,
    fingerprint,
    hash_pictures,
)
from edgecnn.data.npz import open_npz
from edgecnn.data.split import stratified_split

__all__ = ["from_arrays", "read_npz"]

_KEYS = ("x_train", "y_train", "x_test", "y_test")


def read_npz(path: Path) -> dict[str, Array]:
    """The arrays of an `.npz`: `x_train` and `y_train` (or `x` and `y`), optional `x_test`, `y_test`, `class_names`.

    Raises:
        DataError: Damaged, pickled content, or an array is missing.
    """
    with open_npz(path) as archive:
        arrays = {key: archive[key] for key in archive.files if key in (*_KEYS, "x", "y", "class_names")}
        present = list(archive.files)
    for short, full in (("x", "x_train"), ("y", "y_train")):
        if short in arrays and full not in arrays:
            arrays[full] = arrays.pop(short)
    missing = [key for key in ("x_train", "y_train") if key not in arrays]
    if missing or ("x_test" in arrays) != ("y_test" in arrays):
        raise DataError(
            f"{path} holds {', '.join(present) or 'nothing'}; expected x_train and y_train, "
            f"and x_test and y_test where there is a test split."
        )
    return arrays


def from_arrays(
    arrays: dict[str, Array],
    *,
    name: str,
    source: str,
    labels: tuple[str, ...] | None = None,
    preprocess: Preprocess | None = None,
    test_share: float = 0.2,
    seed: int = 0,
) -> DataSet:
    """Check arrays and make them a data set; a missing test split is made by `stratified_split`.

    Args:
        arrays: `x_train` and `x_test` `(N, H, W)` or `(N, H, W, 1 or 3)` uint8, `y_train` and `y_test` `(N,)` whole
            numbers, optional `class_names` `(classes,)` str.
        name: Name of the data set.
        source: Where it came from.
        labels: Class names, unless the arrays bring them.
        preprocess: Size and kernel the pictures are brought to; their own size when None.
        test_share: Share of a test split made here.
        seed: Seed of a test split made here.

    Raises:
        DataError: Shapes, kinds or labels that do not fit together.
    """
    if labels is None and "class_names" in arrays:
        labels = tuple(str(value) for value in np.asarray(arrays["class_names"]).ravel())
    known = len(labels) if labels is not None else None
    x_train = _check_pixels(arrays["x_train"], where=f"x_train of {name}")
    y_train = check_labels(arrays["y_train"], len(x_train), classes=known, where=f"y_train of {name}")
    if labels is None:
        labels = tuple(str(index) for index in range(int(y_train.max()) + 1))
    warnings = []
    if "x_test" in arrays:
        x_test = _check_pixels(arrays["x_test"], where=f"x_test of {name}")
        y_test = check_labels(arrays["y_test"], len(x_test), classes=len(labels), where=f"y_test of {name}")
        if x_test.shape[1:] != x_train.shape[1:]:
            raise DataError(
                f"x_test of {name} holds pictures of {x_test.shape[1:]}, x_train of {x_train.shape[1:]}; "
                f"expected one size."
            )
        split: tuple[tuple[str, str], ...] = ()
    else:
        count_warnings(y_train, labels)
        chosen, kept = stratified_split(y_train, test_share=test_share, seed=seed, names=labels)
        split = tuple((str(number), "test") for number in kept)
        x_test, y_test = x_train[kept], y_train[kept]
        x_train, y_train = x_train[chosen], y_train[chosen]
    warnings += count_warnings(y_train, labels)
    train, test = PicturesInMemory(x_train, y_train), PicturesInMemory(x_test, y_test)
    train_hashes, test_hashes = hash_pictures(train), hash_pictures(test)
    warnings += duplicate_warning(train_hashes, test_hashes)
    height, width = x_train.shape[1:3]
    wanted = preprocess or Preprocess(height=height, width=width)
    return DataSet(
        name=name,
        train=_resized(train, wanted),
        test=_resized(test, wanted),
        labels=labels,
        preprocess=wanted,
        fingerprint=fingerprint(train_hashes + test_hashes, y_train, y_test),
        source=source,
        warnings=tuple(warnings),
        split=split,
    )


def _check_pixels(values: Array, *, where: str) -> Pixels:
    pixels = values[..., None] if values.ndim == 3 else values
    if pixels.ndim != 4 or pixels.shape[3] not in (1, 3) or 0 in pixels.shape:
        raise DataError(
            f"{where} has the shape {values.shape}; expected (N, height, width, 3) RGB or (N, height, width) gray."
        )
    if pixels.dtype != np.uint8:
        raise DataError(f"{where} holds {pixels.dtype}; expected uint8 pixels from 0 to 255.")
    return np.asarray(pixels, np.uint8)


def _resized(pictures: PicturesInMemory, preprocess: Preprocess) -> Pictures:
    height, width, channels = pictures.shape
    if (height, width) == (preprocess.height, preprocess.width) and preprocess.short_side == min(height, width):
        return pictures  # Preprocess.apply would give the same pixels back

    def read(number: int) -> Pixels:
        return preprocess.apply(np.repeat(pictures.pixels[number], 3 // channels, axis=2))

    return LazyPictures(read, pictures.labels, (preprocess.height, preprocess.width, 3))
