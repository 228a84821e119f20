"""In which state a live source is."""

import enum

__all__ = ["State"]


class State(enum.StrEnum):
    """What a viewer may believe about the picture.

    LIVE: frames come. STALE: the source is open, but no new frame came for a while, or it repeats one picture or
    is black. RECONNECTING: the source went away and is being opened again. ENDED: a file is at its end.
    """

    LIVE = "LIVE"
    STALE = "STALE"
    RECONNECTING = "RECONNECTING"
    ENDED = "ENDED"
