"""What every data set is checked for before a minute is spent on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Labels
from edgecnn.left_out import LeftOut, in_brackets

__all__ = ["UNREADABLE_LIMIT", "count_warnings", "duplicate_warnings", "unreadable_warnings"]

FEW = 20  # training pictures of a class below which a result is a coincidence
UNREADABLE_LIMIT = 0.05  # share of pictures that cannot be read above which the set itself is doubted
_SHOWN = 3


def unreadable_warnings(failures: Sequence[object], total: int, name: str) -> list[str]:
    """A sentence that counts and names the pictures that cannot be read, where there are any.

    Args:
        failures: The error of each, or a sentence.
        total: How many pictures there are, those included.
        name: Name of the data set.

    Raises:
        DataError: They are more than 5 % of the pictures.
    """
    if not failures:
        return []
    if len(failures) > UNREADABLE_LIMIT * total:
        raise DataError(
            f"{len(failures)} of the {total} pictures in {name} cannot be read, more than {UNREADABLE_LIMIT * 100:.0f} "
            f"%; the first: {failures[0]}"
        )
    reasons = " ".join(map(str, failures[:_SHOWN])) + (" …" if len(failures) > _SHOWN else "")
    return [f"{len(failures)} of {total} pictures cannot be read and are left out: {reasons}"]


def count_warnings(labels: Labels, names: Sequence[str], left_out: Sequence[LeftOut] = ()) -> list[str]:
    """Sentences about classes with too few pictures.

    Args:
        labels: `(N,)` class indices of the training pictures.
        names: Class names.
        left_out: Files that are not among the pictures, which may be why a class is empty.

    Raises:
        DataError: There is one class only, or a class has no training picture.
    """
    if len(names) < 2:
        raise DataError(f"There is one class only ('{names[0]}'); a classifier needs pictures of at least two.")
    counts = np.bincount(labels, minlength=len(names))
    empty = [name for name, count in zip(names, counts, strict=True) if count == 0]
    if empty:
        raise DataError(
            f"Class '{empty[0]}' has no training picture{in_brackets(left_out)}; add some or remove the class."
        )
    few = [f"'{name}' ({count})" for name, count in zip(names, counts, strict=True) if count < FEW]
    if not few:
        return []
    shown = ", ".join(few[:5]) + (f" and {len(few) - 5} more" if len(few) > 5 else "")
    return [f"Fewer than {FEW} training pictures in {shown}: do not trust the accuracy of such classes."]


def duplicate_warnings(train: Sequence[bytes], test: Sequence[bytes]) -> list[str]:
    """A sentence when pictures with the same pixels stand in both splits, which flatters the accuracy."""
    seen = set(train)
    both = sum(value in seen for value in test)
    if not both:
        return []
    return [
        f"{both} of {len(test)} test pictures also stand in the training split, pixel for pixel: accuracy is flattered."
    ]
