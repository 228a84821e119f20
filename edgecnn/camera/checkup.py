"""Tries cameras and other sources for some seconds, and tells what came: sizes, formats, rates, ages, words."""

import time
from dataclasses import asdict, dataclass
from typing import Any

from edgecnn_runtime.errors import EdgecnnError
from edgecnn_runtime.live.cameras import list_cameras
from edgecnn_runtime.live.rates import AgeMeter
from edgecnn_runtime.live.source import Source
from edgecnn_runtime.live.spec import SourceOptions

from edgecnn.camera.summary import rounded

__all__ = ["Checkup", "check_cameras", "check_source"]

_SIZES = ((640, 480), (1280, 720), (1920, 1080))  # asked of each webcam in turn
_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Checkup:
    """What came of one source, asked for one size.

    Attributes:
        source: Its name.
        asked: The size that was asked for; empty where none can be.
        details: Size, format and rate, as the source says them.
        size: Size of the pictures that came.
        frames: How many came.
        seconds: In which time, from the first one on.
        fps: Pictures a second; None below two pictures.
        opened_s: Seconds until it was open.
        first_s: Seconds from then to the first picture.
        age_p50_ms: Milliseconds from the grab until the picture was taken, in half of the cases.
        age_p95_ms: The same in 95 %.
        bad: Pictures that could not be used.
        state: The state at the end.
        note: Why it is that, what else is worth a word, or why the source did not open.
        works: Whether a picture came.
    """

    source: str
    asked: str = ""
    details: str = ""
    size: str = ""
    frames: int = 0
    seconds: float = 0.0
    fps: float | None = None
    opened_s: float | None = None
    first_s: float | None = None
    age_p50_ms: float | None = None
    age_p95_ms: float | None = None
    bad: int = 0
    state: str = ""
    note: str = ""
    works: bool = False

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)

    @property
    def line(self) -> str:
        """One line for a person."""
        asked = f" asked for {self.asked}" if self.asked else ""
        if not self.works:
            note = self.note or "no picture came"
            return note if note.startswith(self.source) else f"{self.source}{asked}: {note}"
        rate = "" if self.fps is None else f", {self.fps:.1f} fps measured"
        age = "" if self.age_p50_ms is None else f", {self.age_p50_ms:.0f} ms old (95 %: {self.age_p95_ms:.0f} ms)"
        note = f"; {self.note}" if self.note else ""
        return f"{self.source}{asked}: {self.size} ({self.details}){rate}{age}, open in {self.opened_s:.1f} s{note}"


def check_cameras() -> list[Checkup]:
    """Try every webcam at the usual sizes.

    Raises:
        MissingPackageError: The cameras cannot be listed on this system without a further package.
    """
    return [check_source(str(camera.index), size=size) for camera in list_cameras() for size in _SIZES]


def check_source(text: str, *, size: tuple[int, int] | None = None, seconds: float = _SECONDS) -> Checkup:
    """Try one source.

    Args:
        text: What `edgecnn camera` takes.
        size: `(width, height)` to ask a webcam for.
        seconds: How long pictures are taken, from the first one on.

    Raises:
        OptionError: The text cannot be a source.
    """
    asked = f"{size[0]}×{size[1]}" if size else ""
    source = Source(text, SourceOptions(size=size, realtime=True))
    started = time.monotonic()
    try:
        with source:
            opened_s = time.monotonic() - started
            return _watch(source, asked, opened_s=opened_s, seconds=seconds)
    except EdgecnnError as error:
        return Checkup(source=source.name, asked=asked, note=str(error))


def _watch(source: Source, asked: str, *, opened_s: float, seconds: float) -> Checkup:
    """Take pictures of an open source, up to its end."""
    opened_at = time.monotonic()
    patience_s = max(seconds, source.options.open_timeout_s)
    ages, sizes = AgeMeter(), dict[str, None]()
    first_at = last_at = 0.0
    while time.monotonic() < (first_at + seconds if ages.count else opened_at + patience_s):
        frame = source.read(timeout_s=0.25)
        if frame is None:
            if source.ended:
                break
            continue
        ages.add(frame.age_ms)
        sizes[f"{frame.bgr.shape[1]}×{frame.bgr.shape[0]}"] = None
        last_at = frame.grabbed_at
        first_at = first_at or last_at
    span_s = last_at - first_at
    return Checkup(
        source=source.name,
        asked=asked,
        details=source.details,
        size=", then ".join(sizes),
        frames=source.captured,
        seconds=round(span_s, 3),
        fps=round((source.captured - 1) / span_s, 2) if span_s > 0 and source.captured > 1 else None,
        opened_s=round(opened_s, 3),
        first_s=round(first_at - opened_at, 3) if ages.count else None,
        age_p50_ms=rounded(ages.percentile(50)),
        age_p95_ms=rounded(ages.percentile(95)),
        bad=source.bad,
        state=str(source.state),
        note="; ".join(filter(None, (source.notice, source.note))),
        works=ages.count > 0,
    )
