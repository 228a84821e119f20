"""Two networks on one picture: where fp32 and int8, or two models, differ."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.explaining.explanation import Explanation

__all__ = ["ComparedClass", "Comparison", "StageDifference", "compare"]


@dataclass(frozen=True)
class ComparedClass:
    """A class and what two networks give it.

    Attributes:
        label: Its name.
        first: Probability by the first network, 0 to 1.
        second: By the second.
    """

    label: str
    first: float
    second: float


@dataclass(frozen=True)
class StageDifference:
    """How far two networks are apart after a layer that both have.

    Attributes:
        name: Of the layer.
        relative: Root mean square of the difference, as a part of the first network's root mean square.
    """

    name: str
    relative: float


@dataclass(frozen=True, eq=False)
class Comparison:
    """Two explanations of one picture.

    Attributes:
        first: One network's.
        second: The other's.
        same_label: Both name the same class.
        classes: Those that either put on top; empty when the classes are not the same.
        stages: Layers that both have, by depth; empty for different networks.
        difference: `(h, w)` float32, second minus first class activation map of the first's class, each divided by its
            own largest magnitude; None when one of them has none or the classes are not the same.
    """

    first: Explanation
    second: Explanation
    same_label: bool
    classes: tuple[ComparedClass, ...]
    stages: tuple[StageDifference, ...]
    difference: npt.NDArray[np.float32] | None


def compare(first: Explanation, second: Explanation, *, top: int = 5) -> Comparison:
    """Set two explanations of one picture side by side."""
    labels = first.result.labels
    same_classes = labels == second.result.labels
    shown = [entry.index for result in (first.result, second.result) for entry in result.top(top)]
    one, two = first.result.probabilities, second.result.probabilities
    return Comparison(
        first=first,
        second=second,
        same_label=first.result.label == second.result.label,
        classes=tuple(
            ComparedClass(labels[index], float(one[index]), float(two[index]))
            for index in dict.fromkeys(shown if same_classes else [])
        ),
        stages=tuple(
            StageDifference(name, _relative(values, second.tensors[name]))
            for name, values in first.tensors.items()
            if name in second.tensors and second.tensors[name].shape == values.shape
        ),
        difference=_difference(first, second) if same_classes else None,
    )


def _relative(first: npt.NDArray[np.float32], second: npt.NDArray[np.float32]) -> float:
    norm = float(np.sqrt(np.mean(first**2))) or 1.0
    return float(np.sqrt(np.mean((second - first) ** 2))) / norm


def _difference(first: Explanation, second: Explanation) -> npt.NDArray[np.float32] | None:
    one = first.maps[0].map
    two = next((entry.map for entry in second.maps if entry.index == first.maps[0].index), None)
    if two is None or two.shape != one.shape or first.method != second.method:
        return None
    return np.asarray(two / (np.abs(two).max() or 1) - one / (np.abs(one).max() or 1), np.float32)
