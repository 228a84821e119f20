"""Rates and ages, in constant memory however long the program runs."""

import itertools
import math
import time
from collections import deque

__all__ = ["AgeMeter", "RateMeter"]

_WINDOW_S = 2.0
_STEPS_PER_DECADE = 100  # bins 2.3 % wide
_SMALLEST_MS, _DECADES = 0.01, 8


class RateMeter:
    """Events a second over the last two seconds."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=512)
        self.count = 0

    def tick(self, at_s: float | None = None) -> None:
        """Count one event, now or at a monotonic time."""
        now = time.monotonic() if at_s is None else at_s
        self._times.append(now)
        self.count += 1
        while len(self._times) > 2 and now - self._times[0] > _WINDOW_S:
            self._times.popleft()

    @property
    def per_second(self) -> float:
        """The rate now; it falls to 0 when nothing comes any more."""
        times = tuple(self._times)
        if len(times) < 2:
            return 0.0
        silence = time.monotonic() - times[-1]
        if silence > _WINDOW_S:
            return 0.0
        # Silence counts only beyond the usual interval, so that a steady rate does not flutter between events.
        span = times[-1] - times[0] + max(0.0, silence - 2 * (times[-1] - times[0]) / (len(times) - 1))
        return (len(times) - 1) / span if span > 0 else 0.0

    @property
    def interval_s(self) -> float:
        """Mean time between the last events, in seconds; 0 before the second one."""
        times = tuple(self._times)
        return (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else 0.0


class AgeMeter:
    """Percentiles of milliseconds, from a histogram with bins 2.3 % wide between 0.01 ms and 1000 s."""

    def __init__(self) -> None:
        self._bins = [0] * (_STEPS_PER_DECADE * _DECADES + 1)
        self.count = 0
        self.total_ms = 0.0

    def add(self, age_ms: float) -> None:
        """Count one age."""
        step = round(math.log10(max(age_ms, _SMALLEST_MS) / _SMALLEST_MS) * _STEPS_PER_DECADE)
        self._bins[min(step, len(self._bins) - 1)] += 1
        self.count += 1
        self.total_ms += age_ms

    def percentile(self, percent: float) -> float:
        """The age in milliseconds that so many percent do not exceed; NaN before the first."""
        if self.count == 0:
            return math.nan
        wanted = max(1.0, percent / 100 * self.count)
        step = next(step for step, seen in enumerate(itertools.accumulate(self._bins)) if seen >= wanted)
        return float(_SMALLEST_MS * 10 ** (step / _STEPS_PER_DECADE))
