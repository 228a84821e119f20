"""A live source that always gives its newest frame."""

import time
from collections.abc import Callable, Iterator

from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.captures.camera import open_camera
from edgecnn_runtime.live.captures.ffmpeg import FfmpegCapture
from edgecnn_runtime.live.captures.http import open_http
from edgecnn_runtime.live.captures.picture_folder import FolderCapture, IterableCapture
from edgecnn_runtime.live.captures.screen import ScreenCapture
from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.frame_slot import FrameSlot
from edgecnn_runtime.live.reader import Reader
from edgecnn_runtime.live.spec import Kind, SourceLike, SourceOptions, SourceSpec, parse_source

__all__ = ["Source"]

Opener = Callable[[SourceSpec, SourceOptions], Capture]
_OPENERS: dict[Kind, Opener] = {
    "camera": open_camera,
    "file": FfmpegCapture,
    "folder": FolderCapture,
    "http": open_http,
    "iterable": IterableCapture,
    "screen": ScreenCapture,
    "stream": FfmpegCapture,
}
_LOOK_EVERY_S = 0.25  # how often a reader that waits looks whether the source hangs


class Source(FrameSlot):
    """Frames of a camera, stream, screen, file, folder or iterable.

    Cameras, streams and the screen give the newest frame each time, whatever the time between two calls; frames that
    nobody took are dropped and counted, and a source that goes away is opened again. Files, folders and iterables
    give every frame.

    Args:
        source: See `parse_source`.
        options: Size, rate and timeouts.
        opener: Opens the capture instead of the kind's own function, for captures of your own.

    Attributes:
        spec: The parsed source.

    Raises:
        OptionError: The source is none.
        SourceError: The file is not there.

    Example:
        >>> with Source(0) as source:
        ...     for frame in source:
        ...         show(frame.image)
    """

    def __init__(
        self, source: SourceLike = 0, options: SourceOptions | None = None, *, opener: Opener | None = None
    ) -> None:
        self.spec = spec = parse_source(source)
        super().__init__(options or SourceOptions(), live=spec.live)
        chosen = opener or _OPENERS[spec.kind]
        self._reader = Reader(lambda options: chosen(spec, options), self)
        self._started = False

    @property
    def name(self) -> str:
        """Short name for people, without passwords."""
        return self.spec.name

    def __enter__(self) -> "Source":
        self.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Each frame when it is there; ends with a file, or when the source is closed."""
        while (frame := self.read()) is not None:
            yield frame

    def open(self) -> None:
        """Open the source in this thread and start reading in another; done by `with` and by the first `read`.

        Raises:
            SourceError: It cannot be opened; the message says why.
        """
        if not self._started:
            self._started = True
            self._reader.start()

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """The newest frame that was not given yet.

        Args:
            timeout_s: How long to wait for it; None waits through reconnections.

        Returns:
            The frame; None when the time is over or no frame will come any more (see `ended`).

        Raises:
            SourceError: The source is gone for good, or gave something that is no picture.
        """
        self.open()
        deadline = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while self._frame is None:
                if self._error is not None:
                    raise self._error
                if self.ended:
                    return None
                self._reader.replace_if_stuck()
                left_s = _LOOK_EVERY_S if deadline is None else deadline - time.monotonic()
                if left_s <= 0:
                    return None
                self._changed.wait(min(_LOOK_EVERY_S, left_s))
            return self._pop()

    def close(self) -> None:
        """Stop reading and let the source go; never waits for one that hangs."""
        with self._changed:
            self._closed = True
            self._frame = None
            self._changed.notify_all()
        self._reader.join()
