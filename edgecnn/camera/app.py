"""The program behind `edgecnn camera`: labels in one thread, the picture in another, neither waiting for the other."""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.live_classifier import LiveClassifier
from edgecnn_runtime.live.rates import AgeMeter, RateMeter
from edgecnn_runtime.live.view import View

from edgecnn.camera.compose import Composer
from edgecnn.camera.controls import Controls, Mode
from edgecnn.camera.display import Display, DisplayOptions, open_display
from edgecnn.camera.maps import shown_tensors
from edgecnn.camera.process import stopped_by_signals
from edgecnn.camera.saver import Saver
from edgecnn.camera.slot import Slot
from edgecnn.camera.summary import Summary, rounded
from edgecnn.camera.web import page_state

__all__ = ["AppOptions", "CameraApp", "run_camera"]

_KEY_EVERY_S = 0.02  # how often the window is asked for keys while no new picture comes
_LOOK_EVERY_S = 0.25  # the same without a window: only the end is waited for


@dataclass(frozen=True)
class AppOptions:
    """What the app does beside labeling.

    Attributes:
        mode: What is shown first.
        split: Show it beside the plain picture.
        record: File to record to from the start; None records only when asked by key.
        record_overlay: Record what is shown, with labels, instead of the plain frames.
        folder: Where snapshots and recordings asked for by key go.
        frames: End after so many labeled frames; None means never.
        most: Largest `(width, height)` that is composed for window, browser and overlay recording.
    """

    mode: Mode = Mode.PLAIN
    split: bool = False
    record: Path | None = None
    record_overlay: bool = False
    folder: Path = Path()
    frames: int | None = None
    most: tuple[int, int] | None = (1920, 1080)


def run_camera(
    live: LiveClassifier,
    options: AppOptions,
    display: DisplayOptions,
    *,
    on_display: Callable[[Display], None],
    on_view: Callable[[View], None],
) -> Summary:
    """Label and show until the source ends, the viewer quits or Ctrl-C comes.

    Args:
        live: The classifier on its source, which is opened and closed.
        options: What to show and to record.
        display: Where to show it.
        on_display: Called once, when it is known where the picture is shown.
        on_view: Called for every view in the labeling thread, before the next frame is taken.

    Raises:
        OptionError: The network cannot give the chosen view, or the address or recording cannot be opened.
        SourceError: The source cannot be opened, or is gone for good.
    """
    controls = Controls(split=options.split, available=shown_tensors(live.classifier.model))
    if not controls.show(options.mode):
        raise OptionError(f"the view {options.mode} cannot be shown: {controls.message}.")
    with open_display(display, controls) as place:
        on_display(place)
        return CameraApp(live, controls, options, display=place, on_view=on_view).run()


class CameraApp:
    """One run; see `run_camera`."""

    def __init__(
        self,
        live: LiveClassifier,
        controls: Controls,
        options: AppOptions,
        *,
        display: Display,
        on_view: Callable[[View], None],
    ) -> None:
        self._live, self._controls, self._options, self._on_view = live, controls, options, on_view
        self._window, self._page = display.window, display.page
        self._tensors = shown_tensors(live.classifier.model)
        self._views: Slot[View] = Slot()
        self._composer = Composer(live.classifier, most=options.most)
        self._saver = Saver(options.folder)
        self._shown, self._shown_ages = RateMeter(), AgeMeter()
        self._error: BaseException | None = None
        self._stop = threading.Event()
        self._held: Picture | None = None
        self._unanswered = ""

    def run(self) -> Summary:
        """Open the source, label, show; always closes what it opened."""
        started = time.monotonic()
        with stopped_by_signals(self._stop):
            try:
                self._live.source.open()
                if self._options.record is not None:
                    self._saver.begin(self._options.record)
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
                self._saver.end()
        if self._error is not None:
            raise self._error
        if self._live.unanswered and not self._live.rates.labeled:
            raise ModelFileError(self._unanswered)
        return self._summary(time.monotonic() - started)

    def _label(self) -> None:
        try:
            count = 0
            for view in self._live:
                count += view.frame is not None  # other views tell a state and are no frame
                if view.frame is not None and not self._options.record_overlay:
                    self._saver.add(view.frame.bgr, view.frame.grabbed_at)
                if view.frame is not None and view.result is None:
                    self._unanswered = view.note
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
            self._save(view)

    def _show(self, view: View) -> None:
        tensor = self._tensors.get(self._controls.mode)
        self._live.further_outputs = () if tensor is None else (tensor,)
        recording = self._saver.recording
        record = bool(recording) and self._options.record_overlay
        watched = self._page is not None and self._page.watching > 0
        picture = self._picture(view) if self._window is not None or watched or record else None
        if self._page is not None:
            state = page_state(
                view,
                self._controls,
                shown_fps=self._shown.per_second,
                recording=recording,
                notice=self._live.source.notice,
            )
            self._page.publish(picture if watched else None, state)
        if picture is None:
            return
        if self._window is not None or record:
            # What the page takes, or the next view shows again, stays without text.
            annotated = picture.copy() if watched or self._controls.paused else picture
            fps = self._shown.per_second
            self._composer.annotate(annotated, view, self._controls, shown_fps=fps, recording=bool(recording))
            if record and view.frame is not None:
                self._saver.add(annotated, view.frame.grabbed_at)
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

    def _save(self, view: View | None) -> None:
        """Snapshots and recordings asked for by key."""
        saver, controls = self._saver, self._controls
        for _ in range(controls.take_snapshots()):
            if view is not None and view.frame is not None:
                saver.snapshot(self._composer.compose(view, controls), view)
        if controls.take_record_toggles() % 2:
            saver.toggle_recording()
        saver.end_failed()
        if saver.message:
            controls.message, saver.message = saver.message, ""

    def _summary(self, seconds: float) -> Summary:
        source, rates, saver, shown = self._live.source, self._live.rates, self._saver, self._shown_ages
        return Summary(
            seconds=round(seconds, 3),
            captured=rates.captured,
            dropped=rates.dropped,
            bad=source.bad,
            unanswered=self._live.unanswered,
            labeled=rates.labeled,
            still=rates.still,
            shown=self._shown.count,
            label_age_p50_ms=rounded(rates.age_p50_ms),
            label_age_p95_ms=rounded(rates.age_p95_ms),
            shown_age_p50_ms=rounded(shown.percentile(50)),
            shown_age_p95_ms=rounded(shown.percentile(95)),
            reconnections=source.connections,
            recordings=tuple(saver.recordings),
            recorded_frames=saver.recorded_frames,
            snapshots=tuple(saver.snapshots),
            notes=tuple(filter(None, (*saver.notes, source.notice, source.note, self._unanswered))),
            failures=tuple(saver.failures),
        )
