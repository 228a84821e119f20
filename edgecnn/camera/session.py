"""The program behind `edgecnn camera`: labels in one thread, the picture in another, neither waiting for the other."""

import datetime
import signal
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.live_classifier import LiveClassifier
from edgecnn_runtime.live.rates import AgeMeter, RateMeter
from edgecnn_runtime.live.view import View

from edgecnn.camera.compose import Composer
from edgecnn.camera.controls import VIEW_KEYS, Controls, Mode
from edgecnn.camera.recorder import Recorder
from edgecnn.camera.slot import Slot
from edgecnn.camera.snapshot import save_snapshot
from edgecnn.camera.summary import Summary, rounded
from edgecnn.camera.web import WebView
from edgecnn.camera.window import Window

__all__ = ["Session", "SessionOptions"]

_KEY_EVERY_S = 0.02  # how often the window is asked for keys while no new picture comes
_LOOK_EVERY_S = 0.25  # the same without a window: only the end is waited for


@dataclass(frozen=True)
class SessionOptions:
    """What a session does beside labeling.

    Attributes:
        record: file to record to from the start; None records only when asked by key.
        record_overlay: record what is shown, with labels, instead of the plain frames.
        folder: where snapshots and recordings asked for by key go.
        frames: end after so many labeled frames; None means never.
        most: largest `(width, height)` that is composed for window, browser and overlay recording.
    """

    record: Path | None = None
    record_overlay: bool = False
    folder: Path = Path()
    frames: int | None = None
    most: tuple[int, int] | None = (1920, 1080)


class Session:
    """Runs until the source ends, the viewer quits or Ctrl-C comes.

    Args:
        live: the classifier on its source.
        controls: the viewer's choices.
        options: recording and limits.
        window: a window to show pictures in; called only in the thread that calls `run`.
        web: a browser view to publish to.
        on_view: called for every view in the labeling thread, before the next frame is taken.
    """

    def __init__(
        self,
        live: LiveClassifier,
        controls: Controls,
        options: SessionOptions,
        *,
        window: Window | None = None,
        web: WebView | None = None,
        on_view: Callable[[View], None] | None = None,
    ) -> None:
        self._live, self._controls, self._options = live, controls, options
        self._window, self._web, self._on_view = window, web, on_view
        self._views: Slot[View] = Slot()
        self._composer = Composer(live.classifier.model.preprocess, most=options.most)
        self._recorder: Recorder | None = None
        self._recordings: list[str] = []
        self._recorded = 0
        self._snapshots: list[str] = []
        self._notes: list[str] = []
        self._shown, self._shown_ages = RateMeter(), AgeMeter()
        self._error: BaseException | None = None
        self._recorder_lock = threading.Lock()
        self._stop = threading.Event()
        self._held: Picture | None = None

    def run(self) -> Summary:
        """Open the source, label, show; always closes what it opened.

        Raises:
            SourceError: the source cannot be opened, or is gone for good.
        """
        started = time.monotonic()
        with _interrupts_stop(self._stop):
            try:
                self._live.source.open()
                if self._options.record is not None:
                    self._recorder = Recorder(self._options.record)
                labeling = threading.Thread(target=self._label, name="edgecnn-labels", daemon=True)
                labeling.start()
                try:
                    self._show_until_the_end()
                finally:
                    self._stop.set()
                    self._live.close()
                    labeling.join(timeout=5)
            finally:
                self._live.close()
                self._end_recording()
        if self._error is not None:
            raise self._error
        return self._summary(time.monotonic() - started)

    def _label(self) -> None:
        try:
            for count, view in enumerate(self._live, start=1):
                if view.frame is not None and not self._options.record_overlay:
                    with self._recorder_lock:
                        if self._recorder is not None:
                            self._recorder.add(view.frame.bgr, view.frame.grabbed_at)
                if self._on_view is not None:
                    self._on_view(view)
                self._views.put(view)
                if self._stop.is_set() or count == self._options.frames:
                    break
        # Whatever went wrong here is raised in the thread that called run.
        except BaseException as error:
            self._error = error
        finally:
            self._views.close()

    def _show_until_the_end(self) -> None:
        number, view = 0, None
        wait_s = _LOOK_EVERY_S if self._window is None else _KEY_EVERY_S
        while not (self._stop.is_set() or self._controls.quit):
            newest = self._views.newer(number, wait_s)
            if newest is not None:
                number, view = newest
                self._show(view)
            elif self._views.closed:
                return
            if self._window is not None:
                self._controls.press(self._window.key())
                if not self._window.is_open:
                    return
            self._act(view)

    def _show(self, view: View) -> None:
        live, mode = self._live, self._controls.mode
        live.want_features, live.want_activation = mode is Mode.FEATURES, mode is Mode.ACTIVATION
        recording = self._recorder if self._options.record_overlay else None
        watched = self._web is not None and self._web.watching > 0
        if self._window is None and not watched and recording is None:
            if self._web is not None:
                self._web.publish(None, self._page_state(view))
            return
        picture = self._picture(view)
        if self._web is not None:
            self._web.publish(picture if watched else None, self._page_state(view))
        if self._window is not None or recording is not None:
            word = "REC" if self._recorder is not None else ""
            annotated = picture.copy() if watched or self._controls.paused else picture
            self._composer.annotate(annotated, view, self._controls, shown_fps=self._shown.per_second, recording=word)
            if recording is not None and view.frame is not None:
                recording.add(annotated, view.frame.grabbed_at)
            if self._window is not None:
                self._window.show(annotated)
        self._shown.tick()
        if view.frame is not None:
            self._shown_ages.add(view.frame.age_ms)

    def _picture(self, view: View) -> Picture:
        if self._controls.paused and self._held is not None:
            return self._held
        picture = self._composer.compose(view, self._controls)
        self._held = picture.copy() if self._controls.paused else None
        return picture

    def _act(self, view: View | None) -> None:
        """Snapshots and recordings asked for by key."""
        for _ in range(self._controls.take_snapshots()):
            if view is not None and view.frame is not None:
                try:
                    picture = self._composer.compose(view, self._controls)
                    path = save_snapshot(picture, view, self._options.folder)
                except OSError as error:
                    self._tell(f"the snapshot could not be saved: {error.strerror or error}")
                else:
                    self._snapshots.append(str(path))
                    self._controls.message = f"saved {path.name}"
        if self._controls.take_record_toggles() % 2:
            if self._recorder is not None:
                self._end_recording()
            else:
                self._begin_recording()
        if self._recorder is not None and self._recorder.error:
            self._end_recording()

    def _begin_recording(self) -> None:
        name = f"edgecnn-{datetime.datetime.now().astimezone():%Y%m%d-%H%M%S}.mkv"
        try:
            self._options.folder.mkdir(parents=True, exist_ok=True)
            recorder = Recorder(self._options.folder / name)
        except (OSError, ValueError) as error:
            self._tell(str(error))
            return
        with self._recorder_lock:
            self._recorder = recorder
        self._controls.message = f"recording to {name}"

    def _end_recording(self) -> None:
        with self._recorder_lock:
            recorder, self._recorder = self._recorder, None
        if recorder is None:
            return
        recorder.close()
        self._recorded += recorder.frames
        if recorder.frames:
            self._recordings.append(str(recorder.path))
        if recorder.left_out:
            self._notes.append(f"{recorder.left_out} frames were left out of {recorder.path}: encoding was too slow")
        if recorder.error:
            self._tell(recorder.error)
        else:
            self._controls.message = f"recorded {recorder.path.name}"

    def _tell(self, note: str) -> None:
        self._notes.append(note)
        self._controls.message = note

    def _page_state(self, view: View) -> dict[str, Any]:
        rates, controls = view.rates, self._controls
        choice = (controls.mode, controls.edge_kind, controls.split)
        numbers = {
            "capture": f"{rates.capture_fps:.1f} fps",
            "label": f"{rates.inference_fps:.1f} fps",
            "show": f"{self._shown.per_second:.1f} fps",
            "dropped": f"{rates.dropped} of {rates.captured}",
        }
        if rates.labeled:
            numbers["grab to label, p50"] = f"{rates.age_p50_ms:.0f} ms"
            numbers["grab to label, p95"] = f"{rates.age_p95_ms:.0f} ms"
        return {
            "state": str(view.state),
            "note": view.note,
            "message": controls.message,
            "label": view.label,
            "sure": view.sure,
            "top": [{"label": p.label, "score": p.score} for p in view.top(5)],
            "raw": [] if view.result is None else [{"label": p.label, "score": p.score} for p in view.result.top(3)],
            "rates": numbers,
            "paused": controls.paused,
            "recording": self._recorder.path.name if self._recorder is not None else "",
            "view": next((key for key, value in VIEW_KEYS.items() if value == choice), ""),
        }

    def _summary(self, seconds: float) -> Summary:
        source, rates = self._live.source, self._live.rates
        notes = [*self._notes, *([source.note] if source.note else [])]
        shown = self._shown_ages
        return Summary(
            round(seconds, 3),
            rates.captured,
            rates.dropped,
            source.bad,
            rates.labeled,
            rates.still,
            self._shown.count,
            rounded(rates.age_p50_ms),
            rounded(rates.age_p95_ms),
            rounded(shown.percentile(50)),
            rounded(shown.percentile(95)),
            source.connections,
            tuple(self._recordings),
            self._recorded,
            tuple(self._snapshots),
            tuple(notes),
        )


@contextmanager
def _interrupts_stop(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill end the session between two steps, never in the middle of closing a file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
