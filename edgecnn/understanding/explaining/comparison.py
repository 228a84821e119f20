"""Two networks on one picture: where fp32 and int8, or two models, differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.explaining.explanation import Explanation

__all__ = ["Comparison", "StageDifference", "compare"]


@dataclass(frozen=True)
class StageDifference:
    """How far two networks are apart after a layer that both have.

    Attributes:
        name: of the layer.
        relative: root mean square of the difference, as a part of the first network's root mean square.
    """

    name: str
    relative: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two explanations of one picture.

    Attributes:
        first: one network's.
        second: the other's.
        same_label: both name the same class.
        classes: index and label, and the probabilities of both, for the classes either put on top.
        stages: layers that both have, by depth; empty for different networks.
        difference: `(h, w)` float32, second minus first class activation map of the first's class, each divided by its
            own largest magnitude; None when one of them has none or the classes are not the same.
    """

    first: Explanation
    second: Explanation
    same_label: bool
    classes: tuple[tuple[int, str, float, float], ...]
    stages: tuple[StageDifference, ...]
    difference: npt.NDArray[np.float32] | None


def compare(first: Explanation, second: Explanation, *, top: int = 5) -> Comparison:
    """Set two explanations of one picture side by side."""
    same_classes = first.result.labels == second.result.labels
    classes: list[tuple[int, str, float, float]] = []
    if same_classes:
        indices = dict.fromkeys(entry.index for result in (first.result, second.result) for entry in result.top(top))
        for index in indices:
            one, two = (float(entry.result.probabilities[index]) for entry in (first, second))
            classes.append((index, first.result.labels[index], one, two))
    stages = []
    for name, values in first.tensors.items():
        other = second.tensors.get(name)
        if other is not None and other.shape == values.shape:
            norm = float(np.sqrt(np.mean(values**2))) or 1.0
            stages.append(StageDifference(name, float(np.sqrt(np.mean((other - values) ** 2))) / norm))
    return Comparison(
        first,
        second,
        first.result.label == second.result.label,
        tuple(classes),
        tuple(stages),
        _difference(first, second) if same_classes else None,
    )


def _difference(first: Explanation, second: Explanation) -> npt.NDArray[np.float32] | None:
    index = first.maps[0].index
    one = first.maps[0].map
    two = next((entry.map for entry in second.maps if entry.index == index), None)
    if two is None or two.shape != one.shape or first.method != second.method:
        return None
    return np.asarray(two / (np.abs(two).max() or 1) - one / (np.abs(one).max() or 1), np.float32)
