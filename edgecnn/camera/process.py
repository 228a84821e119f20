"""The process around a camera: what OpenCV finds in the environment, and what Ctrl-C does before and while it runs."""

import contextlib
import os
import signal
import threading
from collections.abc import Iterator

__all__ = ["set_environment", "stopped_at_once", "stopped_by_signals"]

# Read by OpenCV when it is loaded or opens a source; what the user has set stays.
_ENVIRONMENT = {
    "OPENCV_VIDEOIO_MSMF_ENABLE_HW_TRANSFORMS": "0",  # Windows: cameras open in a second instead of twenty
    "OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT": "2",  # Linux: seconds until an unplugged camera's read returns
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "OPENCV_LOG_LEVEL": "OFF",
    "QT_LOGGING_RULES": "*=false",
}


def set_environment() -> None:
    """Let OpenCV open cameras quickly and keep its messages to itself; call it before OpenCV is loaded."""
    for variable, value in _ENVIRONMENT.items():
        os.environ.setdefault(variable, value)


@contextlib.contextmanager
def stopped_at_once() -> Iterator[None]:
    """Until the camera runs there is nothing to close, and Ctrl-C ends the process.

    An exception would not do: raised while a library written in C is loading, it becomes an error of that library.
    """
    before = signal.signal(signal.SIGINT, _end)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextlib.contextmanager
def stopped_by_signals(stop: threading.Event) -> Iterator[None]:
    """Ctrl-C and a polite kill end the run between two steps, never in the middle of closing a file."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = {number: signal.signal(number, lambda *_: stop.set()) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _end(*_: object) -> None:
    os.write(2, b"ended before the first frame.\n")
    os._exit(0)
