"""Which part of the picture the prediction depends on, without gradients: cover it piece by piece.

Source: Zeiler, Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014.
"""

from itertools import product

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.result import softmax

__all__ = ["occlusion_map"]

_BATCH = 16
_SHARE = 0.25  # side of the cover, as a part of the picture's


def occlusion_map(
    classifier: Classifier, pixels: npt.NDArray[np.uint8], index: int, *, positions: int = 10
) -> npt.NDArray[np.float32]:
    """How far the class's probability falls when a piece of the picture is covered.

    Args:
        classifier: Any network.
        pixels: `(height, width, 3)` uint8 RGB, prepared.
        index: The class.
        positions: Places of the cover, a side.

    Returns:
        `(positions, positions)` float32, probability lost; positive where the picture speaks for the class.
    """
    if positions < 2:
        raise OptionError(f"positions is {positions}; expected at least 2.")
    height, width = pixels.shape[:2]
    cover = pixels.reshape(-1, 3).mean(axis=0).round().astype(np.uint8)  # the mean color adds no edge to find
    tall, wide = max(1, round(height * _SHARE)), max(1, round(width * _SHARE))
    tops = np.linspace(0, height - tall, positions).round().astype(int)
    lefts = np.linspace(0, width - wide, positions).round().astype(int)
    covered = [pixels.copy() for _ in range(positions**2)]
    for picture, (top, left) in zip(covered, product(tops, lefts), strict=True):
        picture[top : top + tall, left : left + wide] = cover
    fixed = classifier.model.input.shape[0] if classifier.model.input.shape else 0
    batch = fixed or _BATCH  # some foreign files take one picture at a time
    covered += covered[:1] * (-len(covered) % batch)
    scores = [
        softmax(logits)[index]
        for start in range(0, len(covered), batch)
        for logits in classifier.logits(np.stack(covered[start : start + batch]))
    ]
    whole = softmax(classifier.logits(np.stack([pixels] * (fixed or 1)))[0])[index]
    return np.asarray(whole - np.array(scores[: positions**2]), np.float32).reshape(positions, positions)
