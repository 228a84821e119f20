"""The time of a file's frames, which goes on whatever the file says about it."""

__all__ = ["Timeline"]

_FPS = 25.0  # FFmpeg's own assumption where a stream names no rate
_LONGEST_S = 60.0  # a longer step between two frames is a jump of the clock


class Timeline:
    """Adds up the steps between the times that a file gives; a step that cannot be one becomes that of the rate.

    Raw H.264 and H.265 streams carry no times at all, and joined files begin anew in their middle.

    Args:
        fps: The file's rate in frames a second, where it names one.

    Attributes:
        position_s: Time of the last frame, in seconds; None before the first one.
        longest_s: Longest step so far, in seconds.
    """

    def __init__(self, fps: float) -> None:
        self.step_s = 1 / (fps if 0.01 <= fps <= 1000 else _FPS)
        self.position_s: float | None = None
        self.longest_s = 0.0
        self._told_s = 0.0

    def tick(self, told_s: float) -> None:
        """Take the next frame, whose time is said to be `told_s` seconds."""
        step_s, self._told_s = told_s - self._told_s, told_s
        if self.position_s is None:
            self.position_s = told_s if 0 <= told_s <= _LONGEST_S else 0.0
            return
        step_s = step_s if 0 < step_s <= _LONGEST_S else self.step_s
        self.longest_s = max(self.longest_s, step_s)
        self.position_s += step_s

    def again(self) -> None:
        """The file begins anew, one frame after its last one."""
        self._told_s = -self.step_s
