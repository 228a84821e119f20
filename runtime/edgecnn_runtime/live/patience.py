"""How long a source may be silent, learned from its own pace: a time lapse is slow without being gone."""

import time
from collections import deque

__all__ = ["Patience"]

_INTERVALS = 3.0  # so many of the longest recent intervals
_GROWN_S, _PACED_S = 30.0, 300.0  # no more than this while the pace is unknown, and where it is known
_FIRST_SILENCES = 2  # connections in a row that may bring nothing before a known pace is doubted


class Patience:
    """Seconds to wait for a frame: never below what was asked for, more where the source is slow.

    Args:
        least_s: What is waited at least.
    """

    def __init__(self, least_s: float) -> None:
        self._least_s = self._grown_s = least_s
        self._intervals: deque[float] = deque(maxlen=8)
        self._last_s: float | None = None
        self._since_s = time.monotonic()
        self._silences = 0

    @property
    def seconds(self) -> float:
        """How long to wait for the next frame."""
        paced = min(_INTERVALS * max(self._intervals, default=0.0), _PACED_S)
        return max(self._least_s, self._grown_s, paced)

    def connected(self) -> None:
        """The source was opened: what lies between its last frame and the next one says nothing about its pace."""
        self._last_s, self._since_s = None, time.monotonic()

    def frame(self, at_s: float) -> None:
        """A frame came at a monotonic time."""
        if self._last_s is not None:
            self._intervals.append(at_s - self._last_s)
            self._grown_s = self._least_s
        self._silences = 0
        self._last_s = self._since_s = at_s

    def lost(self) -> None:
        """The source went away; where that was because it kept silent, the next time it may for longer."""
        if time.monotonic() - self._since_s < 0.9 * self.seconds:
            return
        self._silences += 1
        if not self._intervals or self._silences > _FIRST_SILENCES:
            self._grown_s = min(2 * self._grown_s, max(_GROWN_S, self._least_s))
