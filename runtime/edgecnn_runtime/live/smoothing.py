"""From flickering probabilities to a label that a person can read."""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import OptionError

__all__ = ["Smoothed", "Smoother", "SmoothingOptions"]

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class SmoothingOptions:
    """How calm the shown label is.

    Attributes:
        time_constant_s: The average forgets two thirds of the past in this time; 0 shows every raw result.
        margin: Another label must lead the shown one by this much probability before it takes over.
        hold_s: A label stays at least this long, unless its own probability falls below half of the new one's.
    """

    time_constant_s: float = 0.25
    margin: float = 0.08
    hold_s: float = 0.5

    def __post_init__(self) -> None:
        for name, highest in (("time_constant_s", 60.0), ("margin", 1.0), ("hold_s", 60.0)):
            if not 0 <= getattr(self, name) <= highest:
                raise OptionError(f"{name} is {getattr(self, name)!r}; expected 0 to {highest:g}.")


@dataclass(frozen=True, eq=False)
class Smoothed:
    """A smoothed result.

    Attributes:
        probabilities: `(classes,)` float32, averaged over time.
        index: The class to show.
        score: Its averaged probability, 0 to 1.
    """

    probabilities: Probabilities
    index: int
    score: float


class Smoother:
    """An exponential moving average over time, not over frames, with a margin and a hold before the label changes."""

    def __init__(self, options: SmoothingOptions | None = None) -> None:
        self.options = options or SmoothingOptions()
        self._average: Probabilities | None = None
        self._at_s = self._since_s = 0.0
        self._index = -1

    def reset(self) -> None:
        """Forget the past: the picture is another one now."""
        self._average = None

    def update(self, probabilities: Probabilities, at_s: float) -> Smoothed:
        """Take one raw result.

        Args:
            probabilities: `(classes,)` float32, summing to 1.
            at_s: Monotonic time of the frame, in seconds.
        """
        options = self.options
        best = int(probabilities.argmax())
        if self._average is None or options.time_constant_s == 0 or self._average.shape != probabilities.shape:
            self._average, self._index, self._since_s = probabilities, best, at_s
        else:
            weight = 1 - math.exp(-max(0.0, at_s - self._at_s) / options.time_constant_s)
            self._average = self._average + np.float32(weight) * (probabilities - self._average)
            self._choose(self._average, at_s)
        self._at_s = at_s
        return Smoothed(self._average, self._index, float(self._average[self._index]))

    def _choose(self, average: Probabilities, at_s: float) -> None:
        best = int(average.argmax())
        shown, leader = float(average[self._index]), float(average[best])
        if best == self._index or leader - shown < self.options.margin:
            return
        if at_s - self._since_s >= self.options.hold_s or shown < leader / 2:
            self._index, self._since_s = best, at_s
