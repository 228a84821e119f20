"""What the user means by a source (camera, file, folder, stream, screen, iterable of pictures), and how to open it."""

import os
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from edgecnn_runtime.errors import OptionError, SourceError
from edgecnn_runtime.live.address import check_url, masked

__all__ = ["Kind", "SourceLike", "SourceOptions", "SourceSpec", "parse_source"]

Kind = Literal["camera", "file", "folder", "http", "stream", "screen", "iterable"]
SourceLike = int | str | os.PathLike[str] | Iterable[Any]

_SCREEN = re.compile(r"screen(?::(\d+)|:(\d+),(\d+),(\d+),(\d+))?")
_VIDEO_SUFFIXES = (".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".mpg", ".mpeg", ".ts", ".wmv", ".mjpg", ".gif")


@dataclass(frozen=True)
class SourceSpec:
    """A parsed source.

    Attributes:
        kind: Which capture opens it.
        value: Camera index or name, path, URL, screen number or `(x, y, width, height)`, or the iterable itself.
        name: Short name for people; passwords in URLs are left out.
    """

    kind: Kind
    value: Any = field(repr=False)  # It may hold a password.
    name: str

    @property
    def live(self) -> bool:
        """Whether frames come at their own time, so that old ones are dropped instead of waiting.

        What `http://` leads to may turn out to be a file when it is opened.
        """
        return self.kind in ("camera", "http", "stream", "screen")


@dataclass(frozen=True)
class SourceOptions:
    """How a source is opened and how long it is waited for.

    Attributes:
        size: `(width, height)` in pixels to ask a camera for; it may give another one.
        fps: Frames a second to ask a camera for, and to grab the screen, play a folder or fetch snapshots at.
        realtime: Play files and folders at their own speed instead of as fast as they are taken.
        loop: Start a file or folder again at its end.
        reconnect: Open a live source again when it went away; without, that is a `SourceError`.
        open_timeout_s: How long opening a stream may take.
        read_timeout_s: How long one frame may take before the source counts as gone; a source that turns out to be
            slower than that is given more by itself, see `Patience`.
        stale_after_s: Without a new frame for so long, the state is STALE.
        repeat_after_s: Exactly one and the same picture for so long makes the state STALE.
        longest_pause_s: Pauses between attempts to open again grow from 0.1 s up to this.

    Raises:
        OptionError: A value is out of range.
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


def parse_source(source: SourceLike) -> SourceSpec:
    """Tell what a source is.

    Args:
        source: `0` or `"0"` or `"/dev/video0"` or a camera's name; a video file; a folder of pictures; an `rtsp://` or
            `http://` URL; `screen`, `screen:2` (a monitor) or `screen:X,Y,WIDTH,HEIGHT`; any iterable of
            `(H, W, 3)` uint8 RGB arrays.

    Raises:
        OptionError: The text or type cannot be a source.
        SourceError: The file is not there.
    """
    if isinstance(source, bool) or (isinstance(source, int) and source < 0):
        raise OptionError(f"source is {source!r}; expected a camera number from 0, a name, a path or a URL.")
    if isinstance(source, int):
        return SourceSpec("camera", source, f"camera {source}")
    if isinstance(source, (str, os.PathLike)):
        return _parse_text(os.fspath(source))
    if isinstance(source, Iterable) and not isinstance(source, (bytes, bytearray)):
        return SourceSpec("iterable", source, f"<{type(source).__name__}>")
    raise OptionError(
        f"source is a {type(source).__name__}; expected a camera number or name, a path, a URL or an iterable of arrays"
        "."
    )


def _parse_text(text: str) -> SourceSpec:
    if not text.strip():
        raise OptionError("the source is empty; expected a camera number or name, a path or a URL.")
    if text.isdecimal():
        return SourceSpec("camera", int(text), f"camera {int(text)}")
    if device := re.fullmatch(r"/dev/video(\d+)", text):
        return SourceSpec("camera", int(device[1]), text)
    if "://" in text:
        return _parse_url(text)
    if screen := _SCREEN.fullmatch(text):
        return SourceSpec("screen", _screen_part(screen), text)
    return _parse_path(text)


def _screen_part(screen: re.Match[str]) -> int | tuple[int, ...]:
    if screen[2] is None:
        return int(screen[1] or 1)
    region = tuple(int(screen[group]) for group in (2, 3, 4, 5))
    if 0 in region[2:]:
        raise OptionError(f"source is {screen[0]!r}; expected a screen region with a width and a height above 0.")
    return region


def _parse_path(text: str) -> SourceSpec:
    path = Path(text)
    if path.is_dir():
        return SourceSpec("folder", path, text)
    if path.is_file():
        return SourceSpec("file", path, text)
    if path.suffix.lower() in _VIDEO_SUFFIXES or "/" in text or os.sep in text:
        raise SourceError(
            f"{masked(text)} is not there; expected a video file, a folder of pictures, a camera or a URL."
        )
    return SourceSpec("camera", text, f"camera {text!r}")


def _parse_url(text: str) -> SourceSpec:
    check_url(text)
    kind: Kind = "http" if text.lower().startswith("http") else "stream"
    return SourceSpec(kind, text, masked(text))
