"""Reads a source in a thread of its own into its slot; notices when it goes away or hangs, and opens it again."""

import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

from edgecnn_runtime.errors import EdgecnnError, SourceError
from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.frame import Picture, cv2
from edgecnn_runtime.live.frame_slot import FrameSlot
from edgecnn_runtime.live.spec import SourceOptions

__all__ = ["Reader"]

T = TypeVar("T")

_FIRST_PAUSE_S = 0.1
# Beyond read_timeout_s, which streams keep by themselves, a call that does not return is given up with its thread.
_GRACE_S = 0.75
_MOST_STUCK_THREADS = 3
_MOST_LAG_S = 0.25  # what a paced file may catch up with; more moves everything that follows
_BAD_IN_A_ROW = 50  # pictures that cannot be used, one after the other, before the source counts as gone


class Reader:
    """The thread at work on one source, and those before it that were given up because they hang.

    Args:
        opener: Opens the source with options; called once by `start` in the caller's thread, later in the reader's.
        slot: Where frames and losses go.
    """

    def __init__(self, opener: Callable[[SourceOptions], Capture], slot: FrameSlot) -> None:
        self._opener, self._slot = opener, slot
        self._changed = slot._changed
        self._threads: list[threading.Thread] = []
        self._generation = 0  # a thread with an older number has been given up
        self._busy_since: float | None = None
        self._started_at = 0.0

    def start(self) -> None:
        """Open the source and begin to read.

        Raises:
            SourceError: It cannot be opened.
        """
        capture = self._open()
        self._started_at = time.monotonic()
        with self._changed:
            self._slot._opened(capture)
            self._start_thread(capture)

    def join(self) -> None:
        """Wait a moment for the thread at work to end, never for one that hangs."""
        for thread in self._threads[-1:]:
            thread.join(timeout=1.0)

    def replace_if_stuck(self) -> None:
        """Leave a thread whose read or open does not return to itself, and go on with a new one."""
        slot, stuck_since = self._slot, self._busy_since
        patience = slot._patience.seconds if slot._open else slot.options.open_timeout_s
        if not slot.live or stuck_since is None or time.monotonic() - stuck_since < patience + _GRACE_S:
            return
        slot._loss_note = f"the source hangs for {time.monotonic() - stuck_since:.0f} s"
        slot._open = False
        slot._patience.lost()
        if not slot.options.reconnect:
            slot._error = SourceError(f"{slot._loss_note}; it was given up.")
        elif sum(thread.is_alive() for thread in self._threads) <= _MOST_STUCK_THREADS:
            self._busy_since = None
            self._start_thread(None)

    def _open(self) -> Capture:
        options = self._slot.options
        return self._opener(replace(options, read_timeout_s=self._slot._patience.seconds))

    def _start_thread(self, capture: Capture | None) -> None:
        self._generation += 1
        self._threads = [thread for thread in self._threads if thread.is_alive()]
        name = f"edgecnn-reader-{self._generation}"
        self._threads.append(
            threading.Thread(target=self._run, args=(self._generation, capture), name=name, daemon=True)
        )
        self._threads[-1].start()

    def _current(self, generation: int) -> bool:
        return not self._slot._closed and generation == self._generation

    def _run(self, generation: int, capture: Capture | None) -> None:
        try:
            while self._current(generation):
                if capture is None:
                    capture = self._open_again(generation)
                    continue
                picture = self._next(generation, capture)
                if picture is not None:
                    self._deliver(generation, picture, capture.position_s)
                    continue
                # Said before closing, which may take seconds where FFmpeg says goodbye to a sender that hangs.
                with self._changed:
                    if self._current(generation):
                        self._slot._lost(capture.note)
                capture.close()
                capture = None
                if not (self._slot.live and self._slot.options.reconnect):
                    return
        except Exception as error:
            with self._changed:
                if self._current(generation):
                    self._slot._failed(error)
        finally:
            if capture is not None:
                capture.close()

    def _next(self, generation: int, capture: Capture) -> Picture | None:
        """The next picture; a hiccup of the decoder is no loss, a source that gives nothing else is."""
        for _ in range(_BAD_IN_A_ROW):
            try:
                return self._timed(generation, capture.read)
            except (SourceError, cv2.error) as error:
                if not self._slot.live:
                    raise
                self._slot.bad += 1
                note = str(error)
            if not self._current(generation):
                return None
            time.sleep(0.01)
        capture.note = note
        return None

    def _open_again(self, generation: int) -> Capture | None:
        """One capture after as many attempts as it takes; None when the reader was closed meanwhile."""
        slot, pause = self._slot, _FIRST_PAUSE_S
        while True:
            with self._changed:
                if self._changed.wait_for(lambda: not self._current(generation), timeout=pause):
                    return None
            try:
                capture = self._timed(generation, self._open)
            except (EdgecnnError, cv2.error) as error:
                with self._changed:
                    slot._loss_note = str(error)
                pause = min(2 * pause, slot.options.longest_pause_s)
                continue
            with self._changed:
                if self._current(generation):
                    slot.connections += 1
                    slot._opened(capture)
                    return capture
            capture.close()
            return None

    def _timed(self, generation: int, call: Callable[[], T]) -> T:
        """Run a call that may hang, so that `replace_if_stuck` can see since when."""
        with self._changed:
            if self._current(generation):
                self._busy_since = time.monotonic()
        try:
            return call()
        finally:
            with self._changed:
                if self._current(generation):
                    self._busy_since = None

    def _deliver(self, generation: int, bgr: Picture, position_s: float | None) -> None:
        grabbed_at = time.monotonic()
        slot = self._slot
        with self._changed:
            if slot.options.realtime and position_s is not None:
                wait = self._started_at + position_s - grabbed_at
                self._changed.wait_for(lambda: not self._current(generation), timeout=max(0.0, wait))
                grabbed_at = time.monotonic()
            if not slot.live:
                self._changed.wait_for(lambda: slot._frame is None or not self._current(generation))
            if slot.options.realtime and position_s is not None:
                lag_s = time.monotonic() - self._started_at - position_s
                self._started_at += lag_s if lag_s > _MOST_LAG_S else 0.0
            if self._current(generation):
                slot._put(bgr, grabbed_at, position_s)
