"""What stands behind `http://`: a picture that is fetched again and again, JPEGs without end, a file, or a playlist."""

import http.client
import io
import time

import numpy as np
from PIL import Image

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.captures import Capture
from edgecnn_runtime.live.captures.ffmpeg import FfmpegCapture
from edgecnn_runtime.live.captures.http_request import Answer, get
from edgecnn_runtime.live.frame import Picture, cv2
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["MultipartCapture", "SnapshotCapture", "open_http"]

_SNAPSHOTS_PER_S = 5.0
_MOST_BYTES, _MOST_PIXELS = 64 << 20, 100_000_000  # of one picture
_PAGES = ("text/html", "application/xhtml+xml", "application/json")
_BROKEN = (OSError, http.client.HTTPException)
_JPEG_END = b"\xff\xd9"


def open_http(spec: SourceSpec, options: SourceOptions) -> Capture:
    """Ask what the address leads to, and open that.

    Raises:
        SourceError: Nothing answers, or no video; the message says what came.
    """
    answer = get(spec, options)
    if answer is None:
        return FfmpegCapture(spec, options)
    if answer.kind.startswith("multipart/"):
        return MultipartCapture(spec, options, answer)
    if answer.kind in _PAGES:
        answer.body.close()
        raise SourceError(
            f"{spec.name} answered with {answer.kind}, a page and not a video; look up the camera's address for MJPEG, "
            "snapshots or RTSP."
        )
    if answer.kind.startswith("image/") or _is_one_picture(answer):
        return SnapshotCapture(spec, options, answer)
    answer.body.close()
    return FfmpegCapture(spec, options, notice=answer.notice)


class MultipartCapture:
    """JPEGs on one connection that never ends, each of its own size, as cheap cameras send them to one viewer alone.

    FFmpeg reads them too, but scales every picture to the size of the first one.

    Args:
        spec: The source.
        options: How long it may be silent.
        answer: What the camera has begun to send.
    """

    live = True
    position_s: float | None = None

    def __init__(self, spec: SourceSpec, options: SourceOptions, answer: Answer) -> None:
        self._name, self._body, self._patience_s = spec.name, answer.body, options.read_timeout_s
        boundary = str(answer.headers.get_param("boundary", "") or "")
        self._boundary = b"--" + boundary.strip().removeprefix("--").encode("latin-1", "replace")
        self.notice, self.note, self.details = answer.notice, "", "MJPEG over HTTP"
        answer.wait_at_most(options.read_timeout_s)

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None when the sender is silent or went away."""
        try:
            data = self._part()
        except TimeoutError:
            self.note = f"the sender was silent for {self._patience_s:g} s"
            return None
        except _BROKEN as error:
            self.note = f"the connection broke off ({error})"
            return None
        if data is None:
            self.note = "the sender ended the stream"
            return None
        picture = _decoded(data, self._name)
        self.details = f"{picture.shape[1]}×{picture.shape[0]} MJPEG over HTTP"
        return picture

    def close(self) -> None:
        """Close the connection."""
        self._body.close()

    def _part(self) -> bytes | None:
        """The body of the next part; None at the end."""
        length, named = -1, False
        while True:
            line = self._body.readline(1 << 16)
            if not line:
                return None
            key, colon, value = line.partition(b":")
            if colon and not line.startswith(b"--"):
                named = True
                if key.strip().lower() == b"content-length" and value.strip().isdigit():
                    length = int(value)
            elif not line.strip() and named:
                break
        if length > _MOST_BYTES:
            raise SourceError(f"{self._name} sends a picture of {length} bytes; expected at most {_MOST_BYTES}.")
        return self._body.read(length) if length > 0 else self._until_the_end()

    def _until_the_end(self) -> bytes:
        """A part without a length: up to the JPEG's own end at the end of a line, or the next part."""
        data = bytearray()
        while len(data) <= _MOST_BYTES:
            line = self._body.readline(1 << 16)
            if not line or line.startswith(self._boundary):
                return bytes(data)
            data += line
            if line.rstrip(b"\r\n").endswith(_JPEG_END):
                return bytes(data)
        raise SourceError(f"{self._name} sends a picture without an end; expected at most {_MOST_BYTES} bytes.")


class SnapshotCapture:
    """A camera that gives one picture each time it is asked; it is asked at a steady rate.

    Args:
        spec: The source.
        options: How often and how patiently it is asked.
        answer: The first picture.
    """

    live = True
    position_s: float | None = None

    def __init__(self, spec: SourceSpec, options: SourceOptions, answer: Answer) -> None:
        self._spec, self._options = spec, options
        self._answer: Answer | None = answer
        self._step_s = 1 / (options.fps or _SNAPSHOTS_PER_S)
        self._due = time.monotonic()
        self.notice, self.note = answer.notice, ""
        self.details = f"a picture that is fetched {1 / self._step_s:g} times a second"

    def read(self) -> Picture | None:
        """The picture as it is now, `(H, W, 3)` uint8 BGR, upright; None when it cannot be fetched."""
        time.sleep(max(0.0, self._due - time.monotonic()))
        self._due = max(self._due, time.monotonic() - self._step_s) + self._step_s
        try:
            answer, self._answer = self._answer or get(self._spec, self._options), None
            if answer is None:
                self.note = "the camera's answer cannot be read"
                return None
            with answer.body:
                data = answer.body.read(_MOST_BYTES)
        except (SourceError, *_BROKEN) as error:
            self.note = str(error)
            return None
        return _decoded(data, self._spec.name)

    def close(self) -> None:
        """Nothing stays open between pictures, but the first one may not have been read."""
        if self._answer is not None:
            self._answer.body.close()


def _is_one_picture(answer: Answer) -> bool:
    """Whether what is sent without a type that helps begins as a picture and has an end."""
    begins_so = answer.body.peek(16).startswith((b"\xff\xd8\xff", b"\x89PNG\r\n"))
    return begins_so and answer.headers.get("Content-Length") is not None


def _decoded(data: bytes, name: str) -> Picture:
    """A picture file as `(H, W, 3)` uint8 BGR.

    Raises:
        SourceError: It is none, or larger than any camera's.
    """
    try:
        with Image.open(io.BytesIO(data)) as header:
            width, height = header.size
    # Pillow's readers raise whatever a broken file makes of them.
    except Exception as error:
        raise SourceError(f"{name} sent {len(data)} bytes that are no picture ({error}).") from None
    if width * height > _MOST_PIXELS:
        raise SourceError(f"{name} sent a picture of {width}×{height}; expected at most {_MOST_PIXELS} pixels.")
    picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if picture is None:
        raise SourceError(f"{name} sent a picture that cannot be decoded.")
    return np.asarray(picture, dtype=np.uint8)
