"""Video files and network streams, through OpenCV's FFmpeg."""

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.captures.certificate import check_certificate
from edgecnn_runtime.live.captures.no_answer import why_no_stream
from edgecnn_runtime.live.captures.timeline import Timeline
from edgecnn_runtime.live.frame import Picture, check_picture, cv2
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["FfmpegCapture"]

# OpenCV passes FFmpeg's options only through this variable, which it reads while it opens.
_VARIABLE = "OPENCV_FFMPEG_CAPTURE_OPTIONS"
# tcp: lost UDP packets smear the picture; nobuffer and low_delay: no frames held back to reorder them. Not over HTTP,
# where nobuffer throws away what was read to find out what it is: all of a short file.
_LOW_DELAY = "rtsp_transport;tcp|fflags;nobuffer|flags;low_delay"
_OPENING = threading.Lock()
_END_S, _END_SHARE = 0.25, 0.05  # a file may end so much before its length, as its sound may be longer


class FfmpegCapture:
    """An open video file, or a stream, which is opened with timeouts.

    Attributes:
        live: Whether its frames come at their own time; what has a length is a file, also behind HTTP.
        notice: What the user should know.

    Raises:
        SourceError: It is no video that FFmpeg can read, or nothing answered in time.
    """

    def __init__(self, spec: SourceSpec, options: SourceOptions, *, notice: str = "") -> None:
        self._name, self.note = spec.name, ""
        self._patience_s = options.read_timeout_s if spec.live else None
        self._capture = _open(spec, options)
        if not self._capture.isOpened():
            self.close()
            if spec.live:
                raise SourceError(why_no_stream(spec, options.open_timeout_s))
            raise SourceError(f"{spec.name} is not a video that FFmpeg can read; expected .mp4, .mkv or .avi.")
        self.notice = notice or (check_certificate(spec, options.open_timeout_s) if spec.kind == "stream" else "")
        self.fps = self._get(cv2.CAP_PROP_FPS)
        self._expected = max(0, int(self._get(cv2.CAP_PROP_FRAME_COUNT)))
        self.live = spec.kind == "stream" or (spec.kind == "http" and not self._expected)
        self._loop = options.loop and not self.live
        self._time = Timeline(self.fps)
        self._taken = 0
        self._stretch = self._pixel_shape()
        width, height = int(self._get(cv2.CAP_PROP_FRAME_WIDTH)), int(self._get(cv2.CAP_PROP_FRAME_HEIGHT))
        stretched = "" if self._stretch == 1 else f" shown as {round(width * self._stretch)}×{height}"
        self.details = f"{width}×{height}{stretched}, {self.fps:.4g} fps"

    @property
    def position_s(self) -> float | None:
        """Time of the last picture in a file, in seconds; None for live sources."""
        return None if self.live else self._time.position_s

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None at the end or when the sender went away.

        Raises:
            SourceError: Not one picture of a file can be decoded.
        """
        started = time.monotonic()
        ok, picture = self._capture.read()
        if self._patience_s is not None and time.monotonic() - started >= self._patience_s:
            # After its timeout FFmpeg may still hand out a picture that the decoder had kept back: an old one.
            self.note = f"the sender was silent for {self._patience_s:g} s"
            return None
        if not ok and self._loop and self._taken:
            # The next round goes on where this one ended, so that a paced file stays paced.
            self._time.again()
            self._taken = 0
            self._capture.set(cv2.CAP_PROP_POS_FRAMES, 0)
            ok, picture = self._capture.read()
        if not ok:
            self._end()
            return None
        self._taken += 1
        self._time.tick(self._get(cv2.CAP_PROP_POS_MSEC) / 1e3)
        return self._upright(check_picture(picture))

    def close(self) -> None:
        """Close the file or the connection."""
        self._capture.release()

    def _get(self, name: int) -> float:
        return float(self._capture.get(name))

    def _end(self) -> None:
        """Say why there are no more pictures, where that is worth a word."""
        if self._taken == 0:
            code = int(self._get(cv2.CAP_PROP_FOURCC))
            codec = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ") or "unknown"
            self.note = f"not one picture could be decoded (codec {codec})"
            if not self.live:
                raise SourceError(
                    f"{self._name} is a video of which {self.note}; convert it: ffmpeg -i IN -c:v libx264 OUT.mp4."
                )
        elif not self.live and self._taken < self._expected - 2:
            # Where frames have their own durations the number is a guess from the length, so the length decides.
            length_s = self._expected * self._time.step_s
            missing_s = length_s - (self._time.position_s or 0.0) - self._time.step_s
            if missing_s > max(_END_S, _END_SHARE * length_s, 2 * self._time.longest_s):
                self.note = f"the file ends early: {self._taken} of {self._expected} frames could be read"

    def _pixel_shape(self) -> float:
        """How much wider than high one pixel is meant to be shown."""
        across, down = self._get(cv2.CAP_PROP_SAR_NUM), self._get(cv2.CAP_PROP_SAR_DEN)
        shape = across / down if across > 0 and down > 0 else 1.0
        if int(self._get(cv2.CAP_PROP_ORIENTATION_META)) % 180 == 90:
            shape = 1 / shape  # OpenCV has turned the picture already
        return shape if 0.1 <= shape <= 10 and abs(shape - 1) > 0.01 else 1.0

    def _upright(self, picture: Picture) -> Picture:
        """The picture with square pixels."""
        if self._stretch == 1:
            return picture
        height, width = picture.shape[:2]
        size = (max(1, round(width * self._stretch)), height)
        return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_LINEAR), dtype=np.uint8)


def _open(spec: SourceSpec, options: SourceOptions) -> cv2.VideoCapture:
    if not spec.live:
        # No timeouts: a network disk may be slow without being gone. The whole path: a name with a colon at its
        # beginning would be taken for a protocol.
        return cv2.VideoCapture(str(spec.value.resolve()), cv2.CAP_FFMPEG)
    timeouts = [
        *(cv2.CAP_PROP_OPEN_TIMEOUT_MSEC, int(options.open_timeout_s * 1e3)),
        *(cv2.CAP_PROP_READ_TIMEOUT_MSEC, int(options.read_timeout_s * 1e3)),
    ]
    with _low_delay(wanted=spec.kind == "stream"):
        return cv2.VideoCapture(spec.value, cv2.CAP_FFMPEG, timeouts)


@contextmanager
def _low_delay(*, wanted: bool) -> Iterator[None]:
    """FFmpeg's options for the time of opening; what the user has set stays untouched."""
    with _OPENING:
        if not wanted or _VARIABLE in os.environ:
            yield
            return
        os.environ[_VARIABLE] = _LOW_DELAY
        try:
            yield
        finally:
            del os.environ[_VARIABLE]
