"""What every data set is checked for before a minute is spent on training with it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Array, Labels

__all__ = ["check_labels", "count_warnings", "duplicate_warning"]

FEW = 20  # training pictures of a class below which a result is a coincidence


def check_labels(values: Array, count: int, *, classes: int | None, where: str) -> Labels:
    """Class indices as int64, after checking their shape, kind and range.

    Args:
        values: What stood in the file.
        count: How many pictures there are.
        classes: How many classes there are, or None to allow any index.
        where: Name of the array, for messages.

    Raises:
        DataError: Wrong shape, not whole numbers, or out of range; the first offender is named.
    """
    labels = np.asarray(values)
    if labels.ndim == 2 and labels.shape[1] == 1:
        labels = labels[:, 0]  # Keras keeps CIFAR-10's labels as a column
    if labels.shape != (count,):
        raise DataError(f"{where} has the shape {labels.shape}; expected ({count},), one label for each picture.")
    if labels.dtype.kind not in "iu":
        raise DataError(f"{where} holds {labels.dtype}; expected whole numbers, the index of each picture's class.")
    highest = classes if classes is not None else np.iinfo(np.int32).max
    wrong = np.flatnonzero((labels.astype(np.int64) < 0) | (labels.astype(np.int64) >= highest))
    if len(wrong):
        expected = f"0 to {classes - 1}" if classes is not None else "0 or more"
        raise DataError(
            f"{where} holds the label {int(labels[wrong[0]])} at place {int(wrong[0])} ({len(wrong)} such); "
            f"expected {expected}: correct the labels, or give all class names."
        )
    return labels.astype(np.int64)


def count_warnings(labels: Labels, names: Sequence[str]) -> list[str]:
    """Sentences about classes with too few pictures; one class only, or a class without any, is an error.

    Raises:
        DataError: There is one class only, or a class has no training picture.
    """
    if len(names) < 2:
        raise DataError(f"There is one class only ('{names[0]}'); a classifier needs pictures of at least two.")
    counts = np.bincount(labels, minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if empty:
        raise DataError(f"Class '{empty[0]}' has no training picture; add some or remove the class.")
    few = [f"'{name}' ({count})" for name, count in zip(names, counts, strict=True) if count < FEW]
    if not few:
        return []
    shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
    return [f"Fewer than {FEW} training pictures in {shown}: do not trust the accuracy of such classes."]


def duplicate_warning(train: Sequence[bytes], test: Sequence[bytes]) -> list[str]:
    """A sentence when pictures with the same pixels stand in both splits, which flatters the accuracy."""
    seen = set(train)
    both = sum(value in seen for value in test)
    if not both:
        return []
    return [
        f"{both} of {len(test)} test pictures also stand in the training split, pixel for pixel: accuracy is flattered."
    ]
