"""`edgecnn camera`: label what a live source sees, now."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime.errors import OptionError

from edgecnn.cli.output import print_json, say

if TYPE_CHECKING:
    from edgecnn_runtime.live.view import View

    from edgecnn.camera.controls import Controls
    from edgecnn.camera.summary import Summary
    from edgecnn.camera.web import WebView
    from edgecnn.camera.window import Window

__all__ = ["camera"]

# Decoding and showing want a core too; a network that takes them all would wait for its own slowest thread.
_SPARE_ONE = max(1, (os.cpu_count() or 1) - 1)
_VIEWS = ("plain", "edges", "features", "cam")
# Read by OpenCV when it is loaded or opens a source; what the user has set stays.
_ENVIRONMENT = {
    "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS": "0",  # Windows: cameras open in a second instead of twenty
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # Linux: seconds until an unplugged camera's read returns
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_LOG_LEVEL": "OFF",
    "QT_LOGGING_RULES": "*=false",
}


def camera(
    source: Annotated[
        str,
        typer.Argument(
            help="Camera number or name, video file, folder of pictures, rtsp:// or http:// URL, or `screen`, "
            "`screen:2`, `screen:X,Y,WIDTH,HEIGHT`."
        ),
    ] = "0",
    *,
    model: Annotated[Path | None, typer.Option(help="Model file; the built-in ImageNet model if not given.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda[:n], dml[:n], openvino, coreml, …")] = "auto",
    require: Annotated[bool, typer.Option("--require", help="Fail when the device does not start.")] = False,
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads of the network; all cores but one if not given.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the cameras and exit.")] = False,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Size to ask the camera for.")] = None,
    fps: Annotated[float | None, typer.Option(help="Rate to ask the camera for, or to grab the screen at.")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play files at their own speed.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Start files again at their end.")] = False,
    max_fps: Annotated[float | None, typer.Option(help="Label at most so many frames a second.")] = None,
    skip_still: Annotated[bool, typer.Option("--skip-still", help="Reuse the answer while nothing moves.")] = False,
    smooth: Annotated[float, typer.Option(help="Seconds to average labels over; 0 shows raw ones.")] = 0.25,
    min_score: Annotated[float, typer.Option(help='Below this probability say "not sure", 0 to 1.')] = 0.0,
    view: Annotated[str, typer.Option(help="plain, edges, features or cam.")] = "plain",
    split: Annotated[bool, typer.Option("--split", help="Show the view beside the plain picture.")] = False,
    web: Annotated[
        str | None,
        typer.Option(metavar="[HOST:PORT]", help="Show in a browser, at 127.0.0.1:8008 if not given; port 0: any."),
    ] = None,
    token: Annotated[str | None, typer.Option(help="What a browser must give; made if the host needs one.")] = None,
    no_display: Annotated[bool, typer.Option("--no-display", help="Show nothing; for --json.")] = False,
    record: Annotated[Path | None, typer.Option(help="Record to this .mkv or .avi.")] = None,
    record_overlay: Annotated[bool, typer.Option("--record-overlay", help="Record with labels and view.")] = False,
    folder: Annotated[Path, typer.Option(help="Where snapshots and recordings by key go.")] = Path(),
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many labeled frames.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a line for each result.")] = False,
) -> None:
    """Label what a camera sees, now, and never fall behind.

    Keys: q quit, space hold, s snapshot, r record, e edges, f features, c CAM, h help, 1 to 9 views.

    Example: edgecnn camera 0
    """
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)
    if list_:
        _list_cameras(as_json=json)
        return
    if view not in _VIEWS:
        raise typer.BadParameter(f"--view is {view!r}; expected one of {', '.join(_VIEWS)}.")
    with _ctrl_c_ends_at_once():
        from edgecnn_runtime import Classifier
        from edgecnn_runtime.live import LiveClassifier, SmoothingOptions, Source, SourceOptions

        from edgecnn.camera.controls import Controls, Mode
        from edgecnn.camera.session import Session, SessionOptions

        options = SourceOptions(size=_parse_size(size), fps=fps, realtime=realtime, loop=loop)
        live = LiveClassifier(
            Classifier(model, device=device, require=require, threads=threads or _SPARE_ONE),
            Source(source, options),
            smoothing=SmoothingOptions(time_constant_s=smooth),
            min_score=min_score,
            skip_still=skip_still,
            max_fps=max_fps,
        )
        controls = Controls(Mode.PLAIN, split=split, can_show_activation=live.can_show_activation)
        if not controls.show(Mode(view)):
            raise OptionError(f"--view {view} cannot be shown: {controls.message}.")
        session = SessionOptions(record=record, record_overlay=record_overlay, folder=folder, frames=frames)
        display = _display(controls, web=web, token=token, no_display=no_display)
        with live, display as (window, page):
            tell = _print_view if json else _Teller(labels=window is None)
            summary = Session(live, controls, session, window=window, web=page, on_view=tell).run()
    if json:
        print_json(summary.to_dict())
    else:
        _say_summary(summary)


@contextlib.contextmanager
def _ctrl_c_ends_at_once() -> Iterator[None]:
    """Until the session takes Ctrl-C itself there is nothing to close.

    An exception would not do: raised while a library written in C is loading, it becomes an error of that library.
    """
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _end(*_: object) -> None:
    os.write(2, b"ended before the first frame.\n")
    os._exit(0)


def _print_view(view: "View") -> None:
    """One JSON line for one view."""
    print_json(view.to_dict())


class _Teller:
    """Prints the label when it changes, and the state when it does."""

    def __init__(self, *, labels: bool) -> None:
        self._labels = labels
        self._last = self._state = ""

    def __call__(self, view: "View") -> None:
        state = str(view.state)
        if state != self._state and (self._state or state != "LIVE") and (state != "ENDED" or view.note):
            say(f"{state}: {view.note}" if view.note else state)
        self._state = state
        if self._labels and view.frame is not None and view.label != self._last:
            now = time.strftime("%H:%M:%S")
            typer.echo(f"{now}  {view.score:6.1%}  {view.label}  ({view.frame.age_ms:.0f} ms old)")
            self._last = view.label


@contextlib.contextmanager
def _display(
    controls: "Controls", *, web: str | None, token: str | None, no_display: bool
) -> "Iterator[tuple[Window | None, WebView | None]]":
    """A window or a browser view, whatever works here and was asked for."""
    if no_display:
        yield None, None
        return
    from edgecnn.camera.web import WebView, parse_address
    from edgecnn.camera.window import Window, why_no_window

    reason = ""
    if web is None:
        reason = why_no_window()
        if not reason:
            window = Window("edgecnn camera")
            try:
                yield window, None
            finally:
                window.close()
            return
    host, port = parse_address(web or "")
    page = WebView(host, port, controls, token=token)
    try:
        say(f"{f'{reason}; ' if reason else ''}the picture is at {page.url}")
        yield None, page
    finally:
        page.close()


def _parse_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    width, _, height = text.lower().replace("×", "x").partition("x")
    if not (width.isdecimal() and height.isdecimal()):
        raise OptionError(f"--size is {text!r}; expected WIDTHxHEIGHT, such as 1280x720.")
    return int(width), int(height)


def _say_summary(summary: "Summary") -> None:
    rate = summary.labeled / summary.seconds if summary.seconds else 0.0
    say(
        f"{summary.labeled} frames labeled in {summary.seconds:.1f} s ({rate:.1f} a second), "
        f"{summary.dropped} of {summary.captured} dropped, {summary.reconnections} reconnections"
    )
    for what, p50, p95 in (
        ("label", summary.label_age_p50_ms, summary.label_age_p95_ms),
        ("shown picture", summary.shown_age_p50_ms, summary.shown_age_p95_ms),
    ):
        if p50 is not None and p95 is not None:
            say(f"from grab to {what}: {p50:.0f} ms in half of the cases, {p95:.0f} ms in 95 %")
    for path in (*summary.recordings, *summary.snapshots):
        say(f"saved {path}")
    for note in summary.notes:
        say(note)


def _list_cameras(*, as_json: bool) -> None:
    from edgecnn_runtime.live.cameras import list_cameras

    cameras = list_cameras()
    for found in cameras:
        if as_json:
            print_json({"index": found.index, "name": found.name, "path": found.path})
        else:
            typer.echo(f"{found.index}  {found.name}  {found.path}".rstrip())
    if not cameras:
        say("no camera was found; a video file, a folder, an rtsp:// or http:// address or `screen` works too.")
