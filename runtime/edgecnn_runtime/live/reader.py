"""Reads a source in a thread of its own and keeps the newest frame; notices when it goes away and opens it again."""

import threading
import time
from collections.abc import Callable
from typing import TypeVar

from edgecnn_runtime.errors import EdgecnnError, SourceError
from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.frame import Frame, Picture
from edgecnn_runtime.live.health import PictureHealth
from edgecnn_runtime.live.opencv import cv2
from edgecnn_runtime.live.options import SourceOptions
from edgecnn_runtime.live.rates import RateMeter
from edgecnn_runtime.live.state import State

__all__ = ["Reader"]

T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
# Beyond read_timeout_s, which streams keep by themselves, a call that does not return is given up with its thread.
_GRACE_S = 0.75
_MOST_STUCK_THREADS = 3
_BAD_IN_A_ROW = 50  # pictures that cannot be used, one after the other, before the source counts as gone


class Reader:
    """One source, one thread, one slot.

    Live sources overwrite the slot (`dropped` counts); others wait until it is taken.

    Args:
        opener: opens the source; called once by `start` in the caller's thread, later in the reader's.
        options: timeouts and pauses.
        live: whether old frames are dropped and a loss leads to opening again.
    """

    def __init__(self, opener: Callable[[], Capture], options: SourceOptions, *, live: bool) -> None:
        self._opener, self._options, self._live = opener, options, live
        self._changed = threading.Condition()
        self._frame: Frame | None = None
        self._error: SourceError | None = None
        self._threads: list[threading.Thread] = []
        self._generation = 0  # a thread with an older number has been given up
        self._busy_since: float | None = None
        self._open = self._ended = self._closed = False
        self._health = PictureHealth(options.repeat_after_s)
        self._picture_note = ""
        self._loss_note = ""
        self._last_at = 0.0
        self._taken_dropped = 0
        self.details = self.end_note = ""
        self.captured = self.dropped = self.bad = self.connections = 0
        self.rate = RateMeter()

    def start(self) -> None:
        """Open the source and begin to read.

        Raises:
            SourceError: it cannot be opened.
        """
        capture = self._opener()
        self.details = capture.details
        with self._changed:
            self._open, self._last_at = True, time.monotonic()
            self._start_thread(capture)

    def close(self) -> None:
        """Stop reading and let the source go; waits a moment for the thread, never for a source that hangs."""
        with self._changed:
            self._closed = True
            self._frame = None
            self._changed.notify_all()
        # The last thread is the one at work; those before it were given up because they hang.
        for thread in self._threads[-1:]:
            thread.join(timeout=1.0)

    def take(self, timeout_s: float | None) -> Frame | None:
        """The newest frame not taken yet; None after `timeout_s`, or at the end.

        Raises:
            SourceError: the source is gone for good, or gave something that is no picture.
        """
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while self._frame is None:
                if self._error is not None:
                    raise self._error
                if self._ended or self._closed:
                    return None
                self._give_up_stuck()
                now = time.monotonic()
                if deadline is not None and now >= deadline:
                    return None
                # Woken by every frame; the limit is there to notice a call that does not come back.
                self._changed.wait(0.25 if deadline is None else min(0.25, deadline - now))
            frame, self._frame = self._frame, None
            self._taken_dropped = self.dropped
            self._changed.notify_all()
            return frame

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        with self._changed:
            return self._closed or (self._ended and self._frame is None)

    @property
    def state(self) -> State:
        """LIVE, STALE, RECONNECTING or ENDED, as of now."""
        with self._changed:
            if self._closed or (self._ended and self._frame is None):
                return State.ENDED
            if not self._live:
                return State.LIVE
            if not self._open:
                return State.RECONNECTING
            late = time.monotonic() - self._last_at > max(self._options.stale_after_s, 3 * self.rate.interval_s)
            return State.STALE if late or self._picture_note else State.LIVE

    @property
    def note(self) -> str:
        """Why the state is not LIVE, in words; empty when it is."""
        state = self.state
        with self._changed:
            if state is State.STALE:
                return self._picture_note or f"no new frame for {time.monotonic() - self._last_at:.1f} s"
            if state is State.RECONNECTING:
                return self._loss_note
            return self.end_note if state is State.ENDED else ""

    def _start_thread(self, capture: Capture | None) -> None:
        self._generation += 1
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        thread = threading.Thread(
            target=self._run, args=(self._generation, capture), name=f"edgecnn-reader-{self._generation}", daemon=True
        )
        self._threads.append(thread)
        thread.start()

    def _give_up_stuck(self) -> None:
        """Leave a thread whose read or open does not return to itself, and go on with a new one."""
        patience = self._options.read_timeout_s if self._open else self._options.open_timeout_s
        stuck_since = self._busy_since
        if not self._live or stuck_since is None or time.monotonic() - stuck_since < patience + _GRACE_S:
            return
        self._loss_note = f"the source hangs for {time.monotonic() - stuck_since:.0f} s"
        self._open = False
        if not self._options.reconnect:
            self._error = SourceError(f"{self._loss_note}; it was given up.")
            return
        if sum(thread.is_alive() for thread in self._threads) <= _MOST_STUCK_THREADS:
            self._busy_since = None
            self._start_thread(None)

    def _current(self, generation: int) -> bool:
        return not self._closed and generation == self._generation

    def _run(self, generation: int, capture: Capture | None) -> None:
        bad_in_a_row = 0
        started_at = time.monotonic()
        try:
            while self._current(generation):
                if capture is None:
                    capture = self._open_again(generation)
                    continue
                try:
                    picture = self._timed(generation, capture.read)
                    bad_in_a_row = 0
                except (SourceError, cv2.error) as error:
                    bad_in_a_row += 1
                    if not self._live:
                        raise
                    self.bad += 1
                    # A hiccup of the decoder is no loss; a source that gives nothing else is.
                    if bad_in_a_row < _BAD_IN_A_ROW:
                        time.sleep(0.01)
                        continue
                    capture.note, picture = str(error), None
                if picture is not None:
                    self._deliver(generation, picture, capture, started_at)
                    continue
                # Said before closing, which may take seconds where FFmpeg says goodbye to a sender that hangs.
                again = self._lost(generation, capture.note)
                capture.close()
                capture = None
                if not again:
                    return
        # Whatever a source throws belongs to the one who takes its frames, not to this thread.
        except Exception as error:
            with self._changed:
                if self._current(generation):
                    self._error = error if isinstance(error, SourceError) else SourceError(f"reading failed: {error}.")
                    if self._error is not error:
                        self._error.__cause__ = error
                    self._changed.notify_all()
        finally:
            if capture is not None:
                capture.close()

    def _lost(self, generation: int, note: str) -> bool:
        """Whether to open again after the source gave nothing."""
        with self._changed:
            if not self._current(generation):
                return False
            if not self._live:
                self._ended, self.end_note = True, note
            elif not self._options.reconnect:
                self._error = SourceError(f"the source went away{f': {note}' if note else ''}.")
            self._open = False
            self._loss_note = note or "the source went away"
            self._changed.notify_all()
            return self._live and self._options.reconnect

    def _open_again(self, generation: int) -> Capture | None:
        """One capture after as many attempts as it takes; None when the reader was closed meanwhile."""
        pause = _FIRST_PAUSE_S
        while True:
            with self._changed:
                self._changed.wait_for(lambda: not self._current(generation), timeout=pause)
                if not self._current(generation):
                    return None
            try:
                capture = self._timed(generation, self._opener)
            except (EdgecnnError, cv2.error) as error:
                with self._changed:
                    self._loss_note = str(error)
                pause = min(2 * pause, self._options.longest_pause_s)
                continue
            with self._changed:
                if not self._current(generation):
                    capture.close()
                    return None
                self.connections += 1
                self.details = capture.details
                self._open, self._last_at = True, time.monotonic()
                self._picture_note = ""
                self._health.reset()
            return capture

    def _timed(self, generation: int, call: Callable[[], T]) -> T:
        """Run a call that may hang, so that `_give_up_stuck` can see since when."""
        with self._changed:
            if self._current(generation):
                self._busy_since = time.monotonic()
        try:
            return call()
        finally:
            with self._changed:
                if self._current(generation):
                    self._busy_since = None

    def _deliver(self, generation: int, picture: Picture, capture: Capture, started_at: float) -> None:
        grabbed_at = time.monotonic()
        position = capture.position_s
        if self._options.realtime and position is not None:
            with self._changed:
                wait = started_at + position - grabbed_at
                if wait > 0 and self._changed.wait_for(lambda: not self._current(generation), timeout=wait):
                    return
            grabbed_at = time.monotonic()
        note = self._health.look(picture, grabbed_at) if self._live else ""
        with self._changed:
            if not self._live:
                self._changed.wait_for(lambda: self._frame is None or not self._current(generation))
            if not self._current(generation):
                return
            if self._frame is not None:
                self.dropped += 1
            lost = self.dropped - self._taken_dropped
            image = picture[:, :, ::-1]
            self._frame = Frame(image, grabbed_at, self.captured, lost, self.connections, position)
            self._picture_note = note
            self._last_at = grabbed_at
            self.captured += 1
            self.rate.tick(grabbed_at)
            self._changed.notify_all()
