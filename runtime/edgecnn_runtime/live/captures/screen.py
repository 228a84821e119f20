"""A monitor or a region of it, through mss."""

import time

import numpy as np

from edgecnn_runtime.errors import MissingPackageError, SourceError
from edgecnn_runtime.live.frame import Picture, check_picture
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["ScreenCapture"]

_DEFAULT_FPS = 30.0


class ScreenCapture:
    """Grabs the screen at a steady rate.

    Raises:
        MissingPackageError: The package mss is not installed.
        SourceError: There is no display, or no such monitor.
    """

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        try:
            import mss
        except ImportError as error:
            raise MissingPackageError("mss", extra="screen", distribution="edgecnn-runtime") from error
        try:
            # mss 10.2 renamed the class that opens the display.
            self._mss = mss.MSS() if hasattr(mss, "MSS") else mss.mss()
            monitors = self._mss.monitors
        # mss raises its own error without a display, and others with a broken one.
        except Exception as error:
            raise SourceError(f"the screen cannot be grabbed: {error}; expected a running display.") from error
        if isinstance(spec.value, int):
            if not 0 <= spec.value < len(monitors):
                raise SourceError(f"there is no monitor {spec.value}; expected 1 to {len(monitors) - 1}, or 0 for all.")
            self._region = dict(monitors[spec.value])
        else:
            self._region = dict(zip(("left", "top", "width", "height"), spec.value, strict=True))
        self._step_s = 1 / (options.fps or _DEFAULT_FPS)
        self._due = time.monotonic()
        self.position_s: float | None = None
        self.note = ""
        self.details = f"{self._region['width']}×{self._region['height']} of the screen"

    def read(self) -> Picture | None:
        """The screen as it is now, `(H, W, 3)` uint8 BGR; None when it cannot be grabbed."""
        now = time.monotonic()
        self._due = max(self._due + self._step_s, now - self._step_s)
        time.sleep(max(0.0, self._due - now))
        try:
            return check_picture(np.asarray(self._mss.grab(self._region)))
        except SourceError:
            raise
        except Exception as error:
            self.note = f"the screen cannot be grabbed: {error}"
            return None

    def close(self) -> None:
        """Close the connection to the display."""
        self._mss.close()
