"""Webcams, by index or by name."""

import errno
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.cameras import find_camera
from edgecnn_runtime.live.frame import Picture, check_picture, cv2
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["CameraCapture", "open_camera", "why_no_camera"]

_DEFAULT_SIZE = (1280, 720)
_DEFAULT_FPS = 30.0
# Tried in this order; OpenCV's own choice comes last.
_BACKENDS = {"linux": (cv2.CAP_V4L2,), "win32": (cv2.CAP_MSMF, cv2.CAP_DSHOW), "darwin": (cv2.CAP_AVFOUNDATION,)}


class CameraCapture:
    """An open webcam, asked for MJPG: 720p often runs at 10 frames a second raw (YUYV) and at 30 compressed."""

    def __init__(self, capture: Any, name: str, options: SourceOptions) -> None:
        self._capture = capture
        width, height = options.size or _DEFAULT_SIZE
        # The format comes first: sizes and rates that a camera offers depend on it.
        capture.set(cv2.CAP_PROP_FOURCC, cv2.VideoWriter.fourcc(*"MJPG"))
        capture.set(cv2.CAP_PROP_FRAME_WIDTH, width)
        capture.set(cv2.CAP_PROP_FRAME_HEIGHT, height)
        capture.set(cv2.CAP_PROP_FPS, options.fps or _DEFAULT_FPS)
        self.position_s: float | None = None
        self.note = ""
        given = [int(capture.get(p)) for p in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
        code = int(capture.get(cv2.CAP_PROP_FOURCC))
        fourcc = "".join(chr(code >> shift & 0xFF) for shift in (0, 8, 16, 24)).strip("\0 ") or "?"
        self.details = f"{name}: {given[0]}×{given[1]} {fourcc}, {capture.get(cv2.CAP_PROP_FPS):.4g} fps"

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None when the camera is gone."""
        ok, picture = self._capture.read()
        return check_picture(picture) if ok else None

    def close(self) -> None:
        """Let the camera go, so that other programs can have it."""
        self._capture.release()


def open_camera(
    spec: SourceSpec, options: SourceOptions, *, factory: Callable[..., Any] = cv2.VideoCapture
) -> CameraCapture:
    """Open a webcam with the platform's backends in turn.

    Args:
        spec: Its index or name.
        options: Size and rate to ask for.
        factory: Makes the capture; `cv2.VideoCapture` or something that behaves like it.

    Raises:
        SourceError: No device, no permission, or in use by another program; the message says which.
    """
    index = spec.value if isinstance(spec.value, int) else find_camera(spec.value)
    for backend in (*_BACKENDS.get(sys.platform, ()), cv2.CAP_ANY):
        capture = factory(index, backend)
        if capture.isOpened():
            return CameraCapture(capture, spec.name, options)
        capture.release()
    raise SourceError(why_no_camera(index))


def why_no_camera(index: int, *, platform: str = sys.platform, devices: Path = Path("/dev")) -> str:
    """One sentence on why a camera does not open: no device, no permission, or busy."""
    if platform == "darwin":
        return (
            f"camera {index} does not open; allow the program that runs this (Terminal, iTerm, your editor) to use the "
            "camera in System Settings, Privacy & Security, Camera, then start that program again."
        )
    if platform.startswith("linux"):
        return _why_no_device(index, devices)
    return (
        f"camera {index} does not open; check that it is plugged in, that no other program uses it and that "
        "the privacy settings let desktop apps use the camera."
    )


def _why_no_device(index: int, devices: Path) -> str:
    device = devices / f"video{index}"
    if not device.exists():
        there = sorted(path.name for path in devices.glob("video*"))
        found = f"there are {', '.join(there)}" if there else "no camera is plugged in"
        return f"there is no {device}: {found}; see edgecnn camera --list, or give a video file or a URL."
    try:
        os.close(os.open(device, os.O_RDWR | os.O_NONBLOCK))
    except PermissionError:
        return f"no permission for {device}; type: sudo usermod -aG video $USER, then log in again."
    except OSError as error:
        if error.errno == errno.EBUSY:
            return f"{device} is busy: another program uses the camera; close that program."
        return f"{device} cannot be opened: {error.strerror}."
    return (
        f"{device} is there, but gives no pictures: another program uses it, or it is the camera's metadata device; "
        "close that program, or try the next number."
    )
