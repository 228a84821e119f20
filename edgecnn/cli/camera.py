"""`edgecnn camera`: label what a live source sees, now."""

import os
import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime.errors import OptionError

from edgecnn.camera.process import set_environment, stopped_at_once
from edgecnn.cli.models import open_classifier
from edgecnn.cli.options import DEFAULT_MODEL, AllowUnbounded, Device, Json, ModelOption, Require, Threads
from edgecnn.cli.output import print_json, say, show, shown, warn

if TYPE_CHECKING:
    from edgecnn_runtime.live.source import Source
    from edgecnn_runtime.live.view import View

    from edgecnn.camera.display import Display
    from edgecnn.camera.summary import Summary

__all__ = ["camera"]

# Decoding and showing want a core too; a network that takes them all would wait for its own slowest thread.
_SPARE_ONE = max(1, (os.cpu_count() or 1) - 1)
# What was meant for --web, which once took one: HOST:PORT, an IPv6 address, a port too large to be a camera's number.
_ADDRESS = re.compile(r"(?!screen:)[^/:]*:\d+|\[[\da-fA-F:]+\](:\d+)?|[\da-fA-F]*:[\da-fA-F:]*|\d{4,5}")
_VIEWS = ("plain", "edges", "features", "cam")


def camera(
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]",
            show_default="0",
            help="Camera number or name, video file, folder of pictures, rtsp:// or http:// URL, or `screen`, "
            "`screen:2`, `screen:X,Y,WIDTH,HEIGHT`.",
        ),
    ] = None,
    *,
    model: ModelOption = DEFAULT_MODEL,
    device: Device = "auto",
    require: Require = False,
    threads: Threads = None,
    list_: Annotated[bool, typer.Option("--list", help="Name the cameras and exit.")] = False,
    size: Annotated[str | None, typer.Option(metavar="WxH", help="Size to ask the camera for.")] = None,
    fps: Annotated[float | None, typer.Option(help="Rate to ask the camera for, or to grab the screen at.")] = None,
    realtime: Annotated[bool, typer.Option("--realtime", help="Play files at their own speed.")] = False,
    loop: Annotated[bool, typer.Option("--loop", help="Start files again at their end.")] = False,
    patience: Annotated[
        float | None,
        typer.Option(
            min=0.1, help="Seconds a stream may be silent, 2 if not given, more where it turns out to be slow."
        ),
    ] = None,
    max_fps: Annotated[float | None, typer.Option(help="Label at most so many frames a second.")] = None,
    skip_still: Annotated[bool, typer.Option("--skip-still", help="Reuse the answer while nothing moves.")] = False,
    smooth: Annotated[float, typer.Option(help="Seconds to average labels over; 0 shows raw ones.")] = 0.25,
    min_score: Annotated[float, typer.Option(help='Below this probability say "not sure", 0 to 1.')] = 0.0,
    view: Annotated[str, typer.Option(help="plain, edges, features or cam.")] = "plain",
    split: Annotated[bool, typer.Option("--split", help="Show the view beside the plain picture.")] = False,
    web: Annotated[bool, typer.Option("--web", help="Show in a browser instead of a window.")] = False,
    address: Annotated[
        str | None,
        typer.Option(metavar="HOST:PORT", help="Where --web listens, 127.0.0.1:8008 if not given; port 0: any."),
    ] = None,
    token: Annotated[str | None, typer.Option(help="What a browser must give; made if the host needs one.")] = None,
    no_display: Annotated[bool, typer.Option("--no-display", help="Show nothing; for --json.")] = False,
    record: Annotated[Path | None, typer.Option("--output", "-o", "--record", help="Record to this .mkv.")] = None,
    record_overlay: Annotated[bool, typer.Option("--record-overlay", help="Record with labels and view.")] = False,
    folder: Annotated[Path, typer.Option(help="Where snapshots and recordings by key go.")] = Path(),
    frames: Annotated[int | None, typer.Option(min=1, help="End after so many labeled frames.")] = None,
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
) -> None:
    """Label what a camera sees, now, and never fall behind.

    Keys: q quit, space hold, s snapshot, r record, e edges, f features, c CAM, h help, 1 to 9 views.

    Example: edgecnn camera 0
    """
    set_environment()
    if list_:
        _list_cameras(as_json=json)
        return
    if view not in _VIEWS:
        raise typer.BadParameter(f"--view is {view!r}; expected one of {', '.join(_VIEWS)}.")
    source = _only(sources or ["0"], web=web)
    with stopped_at_once():
        from edgecnn_runtime.live import LiveClassifier, SmoothingOptions, Source, SourceOptions

        from edgecnn.camera.app import AppOptions, run_camera
        from edgecnn.camera.controls import Mode
        from edgecnn.camera.display import DisplayOptions

        display = DisplayOptions(nowhere=no_display, web=web or address is not None, address=address or "", token=token)
        wanted = SourceOptions(
            size=_parse_size(size),
            fps=fps,
            realtime=realtime,
            loop=loop,
            read_timeout_s=patience or SourceOptions.read_timeout_s,
            open_timeout_s=max(patience or 0.0, SourceOptions.open_timeout_s),
        )
        live = LiveClassifier(
            open_classifier(
                model,
                device=device,
                require=require,
                threads=threads or _SPARE_ONE,
                allow_unbounded=allow_unbounded,
            ),
            Source(source, wanted),
            smoothing=SmoothingOptions(time_constant_s=smooth),
            min_score=min_score,
            skip_still=skip_still,
            max_fps=max_fps,
        )
        options = AppOptions(
            mode=Mode(view), split=split, record=record, record_overlay=record_overlay, folder=folder, frames=frames
        )
        printer = _Printer(live.source, as_json=json)
        summary = run_camera(live, options, display, on_display=printer.display, on_view=printer.view)
    if json:
        print_json(summary.to_dict())
    else:
        _say_summary(summary)
    for failure in summary.failures:
        say(f"error: {shown(failure)}")
    if summary.failures:
        raise typer.Exit(1)


class _Printer:
    """Prints a JSON line a view, or the label and the state when they change."""

    def __init__(self, source: "Source", *, as_json: bool) -> None:
        self._source, self._as_json, self._labels = source, as_json, True
        self._label = self._state = self._notice = ""

    def display(self, display: "Display") -> None:
        """Say where the picture is; a window shows the labels itself."""
        self._labels = display.window is None
        if display.note:
            say(shown(display.note), always=True)  # with `--quiet` too: a token may be in it

    def view(self, view: "View") -> None:
        """Print what is new."""
        if self._source.notice not in ("", self._notice):
            self._notice = self._source.notice
            warn(self._notice)
        if self._as_json:
            print_json(view.to_dict())
            return
        unanswered = view.frame is not None and view.result is None
        state = "NO ANSWER" if unanswered else str(view.state)
        if state != self._state and (self._state or state != "LIVE") and (state != "ENDED" or view.note):
            say(f"{state}: {shown(view.note)}" if view.note else state)
        self._state = state
        if self._labels and view.frame is not None and not unanswered and view.label != self._label:
            now = time.strftime("%H:%M:%S")
            show(f"{now}  {view.score:6.1%}  {shown(view.label)}  ({view.frame.age_ms:.0f} ms old)")
            self._label = view.label


def _only(sources: Sequence[str], *, web: bool) -> str:
    """The one source; `--web HOST:PORT`, as it once was, leads to `--address`."""
    for word in sources if web else ():
        if _ADDRESS.fullmatch(word):
            raise OptionError(f"--web takes no value, so {word!r} would be a source; type: --address {word}")
    if len(sources) > 1:
        from edgecnn_runtime.live.address import masked

        named = ", ".join(repr(masked(source)) for source in sources)
        raise OptionError(f"there are {len(sources)} sources, {named}; expected one.")
    return sources[0]


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
        say(f"saved {shown(path)}")
    for note in summary.notes:
        say(shown(note))


def _list_cameras(*, as_json: bool) -> None:
    from edgecnn_runtime.live.cameras import list_cameras

    cameras = list_cameras()
    for found in cameras:
        if as_json:
            print_json({"index": found.index, "name": found.name, "path": found.path})
        else:
            show(f"{found.index}  {shown(found.name)}  {shown(found.path)}".rstrip())
    if not cameras:
        say("no camera was found; a video file, a folder, an rtsp:// or http:// address or `screen` works too.")
