"""Split pictures into those to learn from and those to measure with, the same way for the same seed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import DataError, OptionError

from edgecnn.data.dataset import Labels

__all__ = ["stratified_split"]


def stratified_split(
    labels: Labels, *, test_share: float, seed: int, names: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the training and of the test pictures; every class gives the same share, at least one to each side.

    Args:
        labels: `(N,)` class indices.
        test_share: Share of each class that is kept for the test, between 0 and 1.
        seed: The same seed gives the same split.
        names: Class names, for messages.

    Raises:
        DataError: A class has fewer than two pictures.
        OptionError: The share is not between 0 and 1.
    """
    if not 0 < test_share < 1:
        raise OptionError(f"The share of test pictures lies between 0 and 1, got {test_share}.")
    random = np.random.default_rng(seed)
    train, test = [], []
    for index, name in enumerate(names):
        members = np.flatnonzero(labels == index)
        if len(members) < 2:
            raise DataError(
                f"Class '{name}' has {len(members)} readable picture(s); a split needs at least 2: "
                f"add pictures or remove the class."
            )
        members = random.permutation(members)
        count = min(max(1, round(len(members) * test_share)), len(members) - 1)
        test.append(members[:count])
        train.append(members[count:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))
