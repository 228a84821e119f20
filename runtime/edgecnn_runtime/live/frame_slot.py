"""The newest frame of a source and what is known about the source, shared by the thread that reads and those that take.

Methods with an underscore are for `reader.py` and `source.py` next door; the condition `_changed` guards everything.
"""

import enum
import threading
import time

import numpy as np

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.frame import Frame, Picture
from edgecnn_runtime.live.patience import Patience
from edgecnn_runtime.live.rates import RateMeter
from edgecnn_runtime.live.spec import SourceOptions

__all__ = ["FrameSlot", "State"]

_POINTS = 24  # points looked at along each side of a picture; camera noise alone changes some of them
_BLACK = 20  # brightest gray level that still counts as black; limited-range video has its black at 16


class State(enum.StrEnum):
    """What a viewer may believe about the picture.

    LIVE: frames come. STALE: the source is open, but no new frame came for a while, or it repeats one picture or
    is black. RECONNECTING: the source went away and is being opened again. ENDED: a file is at its end.
    """

    LIVE = "LIVE"
    STALE = "STALE"
    RECONNECTING = "RECONNECTING"
    ENDED = "ENDED"


class FrameSlot:
    """A place for one frame: in a live source a newer one overwrites it, in others it waits until it is taken.

    Attributes:
        options: How the source is opened and waited for.
        live: Whether old frames are dropped; behind `http://` only opening tells.
        details: Size, format and rate, as the source says them.
        captured: Frames grabbed so far.
        dropped: Frames grabbed and never handed out, because a newer one came.
        bad: Frames that could not be used: empty, or of an unknown kind.
        connections: How many times the source was opened again.
        notice: What the user should know about the source as it was opened; empty when there is nothing.
    """

    def __init__(self, options: SourceOptions, *, live: bool) -> None:
        self.options, self.live = options, live
        self.details = self.notice = ""
        self.captured = self.dropped = self.bad = self.connections = 0
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._error: SourceError | None = None
        self._open = self._ended = self._closed = False
        self._loss_note = self._picture_note = ""
        self._last_at = 0.0
        self._rate = RateMeter()
        self._patience = Patience(options.read_timeout_s)
        self._dropped_before = 0
        self._repeats = _RepeatMeter(options.repeat_after_s)

    @property
    def fps(self) -> float:
        """Frames a second that the source gives now."""
        return self._rate.per_second

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        with self._changed:
            return self._closed or (self._ended and self._frame is None)

    @property
    def state(self) -> State:
        """LIVE, STALE, RECONNECTING or ENDED, as of now."""
        with self._changed:
            if self.ended:
                return State.ENDED
            if not self.live:
                return State.LIVE
            if not self._open:
                return State.RECONNECTING
            late = time.monotonic() - self._last_at > max(self.options.stale_after_s, 3 * self._rate.interval_s)
            return State.STALE if late or self._picture_note else State.LIVE

    @property
    def note(self) -> str:
        """Why the state is what it is, in words; empty when all is well."""
        with self._changed:
            state = self.state
            if state is State.STALE:
                return self._picture_note or f"no new frame for {time.monotonic() - self._last_at:.1f} s"
            ended_by_close = state is State.ENDED and self.live
            return "" if state is State.LIVE or ended_by_close else self._loss_note

    def _opened(self, capture: Capture) -> None:
        self.details = capture.details
        self.live = getattr(capture, "live", self.live)
        self.notice = getattr(capture, "notice", "")
        self._patience.connected()
        self._open, self._last_at = True, time.monotonic()
        self._loss_note = self._picture_note = ""
        self._repeats.reset()

    def _lost(self, note: str) -> None:
        """The source gave nothing more: the end of a file, an outage of a live source."""
        self._open = False
        self._patience.lost()
        if not self.live:
            self._ended, self._loss_note = True, note
        else:
            self._loss_note = note or "the source went away"
            if not self.options.reconnect:
                self._error = SourceError(f"the source went away{f': {note}' if note else ''}.")
        self._changed.notify_all()

    def _failed(self, error: Exception) -> None:
        """What the source threw belongs to the one who takes its frames."""
        if isinstance(error, SourceError):
            self._error = error
        else:
            self._error = SourceError(f"reading failed: {error}.")
            self._error.__cause__ = error
        self._changed.notify_all()

    def _put(self, bgr: Picture, grabbed_at: float, position_s: float | None) -> None:
        if self._frame is not None:
            self.dropped += 1
        self._frame = Frame(
            bgr=bgr,
            grabbed_at=grabbed_at,
            index=self.captured,
            dropped=self.dropped - self._dropped_before,
            connection=self.connections,
            position_s=position_s,
        )
        self._picture_note = self._repeats.look(bgr, grabbed_at) if self.live else ""
        self._last_at = grabbed_at
        self.captured += 1
        self._rate.tick(grabbed_at)
        self._patience.frame(grabbed_at)
        self._changed.notify_all()

    def _pop(self) -> Frame | None:
        frame, self._frame = self._frame, None
        self._dropped_before = self.dropped
        self._changed.notify_all()
        return frame


class _RepeatMeter:
    """Notices a source that sends pictures, but always the same one, or black ones."""

    def __init__(self, repeat_after_s: float) -> None:
        self._repeat_after_s = repeat_after_s
        self._last: Picture | None = None
        self._same_since_s = self._black_since_s = 0.0

    def reset(self) -> None:
        """Forget what was seen, after the source was opened again."""
        self._last = None

    def look(self, picture: Picture, at_s: float) -> str:
        """What is wrong with the stream at this picture, `(H, W, 3)` uint8; empty when nothing is."""
        height, width = picture.shape[:2]
        points = picture[:: max(1, height // _POINTS), :: max(1, width // _POINTS)].copy()
        last, self._last = self._last, points
        if last is None or last.shape != points.shape:
            self._same_since_s = self._black_since_s = at_s
            return ""
        if int(points.max()) > _BLACK:
            self._black_since_s = at_s
        elif at_s - self._black_since_s >= self._repeat_after_s:
            return f"the picture is black for {at_s - self._black_since_s:.0f} s"
        if not np.array_equal(last, points):
            self._same_since_s = at_s
        elif at_s - self._same_since_s >= self._repeat_after_s:
            return f"the picture repeats for {at_s - self._same_since_s:.0f} s"
        return ""
