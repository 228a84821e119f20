"""Video files and network streams, through OpenCV's FFmpeg."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.frame import Picture, check_picture, cv2
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["FfmpegCapture"]

# OpenCV passes FFmpeg's options only through this variable, which it reads while it opens.
_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# tcp: lost UDP packets smear the picture; nobuffer and low_delay: no frames held back to reorder them.
_LOW_DELAY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"
_OPENING = threading.Lock()


class FfmpegCapture:
    """An open video file, or a stream, which is opened with timeouts and low delay.

    Raises:
        SourceError: It is no video that FFmpeg can read, or nothing answered in time.
    """

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        self._live = spec.live
        self._patience_s = options.read_timeout_s
        self._loop = options.loop and not spec.live
        if spec.live:
            timeouts = [
                *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(options.open_timeout_s * 1e3)),
                *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(options.read_timeout_s * 1e3)),
            ]
            with _low_delay():
                self._capture = cv2.VideoCapture(spec.value, cv2.CAP_FFMPEG, timeouts)
        else:
            # No timeouts: a network disk may be slow without being gone.
            self._capture = cv2.VideoCapture(str(spec.value), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            self.close()
            if spec.live:
                raise SourceError(
                    f"{spec.name} did not answer with a video stream within {options.open_timeout_s:g} s; "
                    "check the address, the port and that the sender runs and its codec is known to FFmpeg."
                )
            raise SourceError(f"{spec.name} is not a video that FFmpeg can read; expected .mp4, .mkv or .avi.")
        self.fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.position_s: float | None = None
        self.note = ""
        self._taken = 0
        self._expected = 0 if spec.live else int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._round_s = 0.0
        width, height = (int(self._capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.details = f"{width}×{height}, {self.fps:.4g} fps"

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None at the end or when the sender went away."""
        started = time.monotonic()
        ok, picture = self._capture.read()
        if self._live and time.monotonic() - started >= self._patience_s:
            # After its timeout FFmpeg may still hand out a picture that the decoder had kept back: an old one.
            self.note = f"the sender was silent for {self._patience_s:g} s"
            return None
        if not ok and self._loop and self._taken:
            # The next round goes on where this one ended, so that a paced file stays paced.
            self._round_s = (self.position_s or 0.0) + 1 / max(self.fps, 1.0)
            self._taken = 0
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            ok, picture = self._capture.read()
        if not ok:
            if not self._live and self._taken < self._expected - 2:
                self.note = f"the file ends early: {self._taken} of {self._expected} frames could be read"
            return None
        self._taken += 1
        if not self._live:
            self.position_s = self._round_s + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1e3
        return check_picture(picture)

    def close(self) -> None:
        """Close the file or the connection."""
        self._capture.release()


@contextmanager
def _low_delay() -> Iterator[None]:
    """FFmpeg's options for the time of opening; what the user has set stays untouched."""
    with _OPENING:
        if _VARIABLE in os.environ:
            yield
            return
        os.environ[_VARIABLE] = _LOW_DELAY
        try:
            yield
        finally:
            del os.environ[_VARIABLE]
