"""A live source that always gives its newest frame."""

from collections.abc import Callable, Iterator
from types import TracebackType

from edgecnn_runtime.live.capture_camera import open_camera
from edgecnn_runtime.live.capture_ffmpeg import open_file, open_stream
from edgecnn_runtime.live.capture_folder import open_folder
from edgecnn_runtime.live.capture_iterable import open_iterable
from edgecnn_runtime.live.capture_screen import open_screen
from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.options import SourceOptions
from edgecnn_runtime.live.reader import Reader
from edgecnn_runtime.live.spec import Kind, SourceLike, SourceSpec, parse_source
from edgecnn_runtime.live.state import State

__all__ = ["Source"]

Opener = Callable[[SourceSpec, SourceOptions], Capture]
_OPENERS: dict[Kind, Opener] = {
    "camera": open_camera,
    "file": open_file,
    "folder": open_folder,
    "iterable": open_iterable,
    "screen": open_screen,
    "stream": open_stream,
}


class Source:
    """Frames of a camera, stream, screen, file, folder or iterable.

    Cameras, streams and the screen give the newest frame each time, whatever the time between two calls; frames that
    nobody took are dropped and counted, and a source that goes away is opened again. Files, folders and iterables
    give every frame.

    Args:
        source: see `parse_source`.
        options: size, rate and timeouts.
        opener: opens the capture instead of the kind's own function, for captures of your own.

    Raises:
        OptionError: the source is none; SourceError: the file is not there.

    Example:
        >>> with Source(0) as source:
        ...     for frame in source:
        ...         show(frame.image)
    """

    def __init__(
        self, source: SourceLike = 0, options: SourceOptions | None = None, *, opener: Opener | None = None
    ) -> None:
        self.spec = parse_source(source)
        self.options = options or SourceOptions()
        chosen = opener or _OPENERS[self.spec.kind]
        self._reader = Reader(lambda: chosen(self.spec, self.options), self.options, live=self.spec.live)
        self._started = False

    def __enter__(self) -> "Source":
        self.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def __iter__(self) -> Iterator[Frame]:
        """Each frame when it is there; ends with a file, or when the source is closed."""
        while (frame := self.read()) is not None:
            yield frame

    def open(self) -> None:
        """Open the source in this thread and start reading in another; done by `with` and by the first `read`.

        Raises:
            SourceError: it cannot be opened; the message says why.
        """
        if not self._started:
            self._started = True
            self._reader.start()

    def read(self, timeout_s: float | None = None) -> Frame | None:
        """The newest frame that was not given yet.

        Args:
            timeout_s: how long to wait for it; None waits through reconnections.

        Returns:
            The frame; None when the time is over or no frame will come any more (see `ended`).

        Raises:
            SourceError: the source is gone for good, or gave something that is no picture.
        """
        self.open()
        return self._reader.take(timeout_s)

    def close(self) -> None:
        """Stop reading and let the source go."""
        self._reader.close()

    @property
    def name(self) -> str:
        """Short name for people, without passwords."""
        return self.spec.name

    @property
    def live(self) -> bool:
        """Whether old frames are dropped."""
        return self.spec.live

    @property
    def state(self) -> State:
        """LIVE, STALE, RECONNECTING or ENDED."""
        return self._reader.state

    @property
    def note(self) -> str:
        """Why the state is what it is, in words; empty when all is well."""
        return self._reader.note

    @property
    def details(self) -> str:
        """Size, format and rate, as the source says them."""
        return self._reader.details

    @property
    def ended(self) -> bool:
        """Whether no frame will come any more."""
        return self._reader.ended

    @property
    def captured(self) -> int:
        """Frames grabbed so far."""
        return self._reader.captured

    @property
    def dropped(self) -> int:
        """Frames grabbed and never handed out, because a newer one came."""
        return self._reader.dropped

    @property
    def bad(self) -> int:
        """Frames that could not be used: empty, or of an unknown kind."""
        return self._reader.bad

    @property
    def connections(self) -> int:
        """How many times the source was opened again."""
        return self._reader.connections

    @property
    def fps(self) -> float:
        """Frames a second that the source gives now."""
        return self._reader.rate.per_second
