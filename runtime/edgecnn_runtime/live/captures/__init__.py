"""What opens a source and reads it: one file a kind, all with the methods of `Capture`."""

from typing import Protocol

from edgecnn_runtime.live.frame import Picture

__all__ = ["Capture"]


class Capture(Protocol):
    """An open source of pictures.

    A capture may also have `live`, where only opening tells whether its frames come at their own time, and `notice`,
    what its user should know about it.

    Attributes:
        details: What was opened, as read back from it: size, format, rate.
        note: Why the pictures ended, where that is worth a word.
    """

    details: str
    note: str

    @property
    def position_s(self) -> float | None:
        """Time of the last picture in a file, in seconds; None for live sources."""

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None at the end, or when the source went away."""

    def close(self) -> None:
        """Let the device, file or connection go; may be called twice."""
