"""How a source is opened and how long it is waited for."""

from dataclasses import dataclass

from edgecnn_runtime.errors import OptionError

__all__ = ["SourceOptions"]


@dataclass(frozen=True)
class SourceOptions:
    """Settings of a live source.

    Attributes:
        size: `(width, height)` in pixels to ask a camera for; it may give another one.
        fps: frames a second to ask a camera for, and to grab the screen or play a folder at.
        realtime: play files and folders at their own speed instead of as fast as they are taken.
        loop: start a file or folder again at its end.
        reconnect: open a live source again when it went away; without, that is a `SourceError`.
        open_timeout_s: how long opening a stream may take.
        read_timeout_s: how long one frame may take before the source counts as gone.
        stale_after_s: without a new frame for so long, the state is STALE.
        repeat_after_s: exactly one and the same picture for so long makes the state STALE.
        longest_pause_s: pauses between attempts to open again grow from 0.1 s up to this.
    """

    size: tuple[int, int] | None = None
    fps: float | None = None
    realtime: bool = False
    loop: bool = False
    reconnect: bool = True
    open_timeout_s: float = 5.0
    read_timeout_s: float = 2.0
    stale_after_s: float = 1.0
    repeat_after_s: float = 3.0
    longest_pause_s: float = 1.0

    def __post_init__(self) -> None:
        if self.size is not None and (len(self.size) != 2 or not all(0 < side <= 16384 for side in self.size)):
            raise OptionError(f"size is {self.size!r}; expected (width, height) in pixels, 1 to 16384 each.")
        if self.fps is not None and not 0 < self.fps <= 1000:
            raise OptionError(f"fps is {self.fps!r}; expected a rate above 0 and up to 1000.")
        for name in ("open_timeout_s", "read_timeout_s", "stale_after_s", "repeat_after_s", "longest_pause_s"):
            if not 0.01 <= getattr(self, name) <= 3600:
                raise OptionError(f"{name} is {getattr(self, name)!r}; expected seconds from 0.01 to 3600.")
