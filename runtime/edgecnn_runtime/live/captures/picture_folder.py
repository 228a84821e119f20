"""Pictures one after the other: a folder in the order of its names, or any iterable of RGB arrays."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from edgecnn_runtime.errors import ImageError, SourceError
from edgecnn_runtime.image import IMAGE_SUFFIXES, decode_image
from edgecnn_runtime.live.frame import Picture, check_picture, swap_channels
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec
from edgecnn_runtime.picture_file import open_picture

__all__ = ["FolderCapture", "IterableCapture"]

_FOLDER_FPS = 2.0
_SHORT_SIDE = 1080  # pixels of a JPEG that are enough to be shown, and far more than a network takes


class FolderCapture:
    """Pictures of one folder, JPEGs of cameras at a fraction of their size; what is no picture is counted in `note`.

    Raises:
        SourceError: There is no picture in it.
    """

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        folder: Path = spec.value
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
        paths = [path for path in files if path.suffix.lower() in IMAGE_SUFFIXES or _is_picture(path)]
        if not paths:
            raise SourceError(f"{folder} holds no pictures; expected .jpg, .png or other picture files in it.")
        self._paths = sorted(paths, key=_by_number)
        self._next = self._bad = 0
        others = len(files) - len(paths)
        self._step_s = 1 / (options.fps or _FOLDER_FPS)
        self._loop = options.loop
        self.position_s: float | None = None
        self._others = f"files that are no pictures: {others}; " if others else ""
        self.note = self._others.removesuffix("; ")
        self.details = f"{len(paths)} pictures"

    def read(self) -> Picture | None:
        """The next readable picture, `(H, W, 3)` uint8 BGR, upright; None after the last one."""
        for _ in range(len(self._paths)):
            if not self._loop and self._next >= len(self._paths):
                return None
            path = self._paths[self._next % len(self._paths)]
            self.position_s = self._next * self._step_s
            self._next += 1
            try:
                picture = decode_image(path, at_least=_SHORT_SIDE).image
                return np.ascontiguousarray(swap_channels(np.asarray(picture)))
            except ImageError as error:
                self._bad += 1
                unread = f"{self._bad} of {len(self._paths)} files could not be read, the last: {error}"
                self.note = self._others + unread
        return None

    def close(self) -> None:
        """Nothing stays open between pictures."""


class IterableCapture:
    """Pictures out of an iterable of `(H, W, 3)` uint8 RGB arrays, for apps that grab their own; nothing is dropped."""

    def __init__(self, spec: SourceSpec, options: SourceOptions) -> None:
        self._iterable = spec.value
        self._iterator: Iterator[object] = iter(spec.value)
        self._loop = options.loop
        self._step_s = 1 / options.fps if options.fps else None
        self._taken = 0
        self.position_s: float | None = None
        self.note = ""
        self.details = spec.name

    def read(self) -> Picture | None:
        """The next picture, `(H, W, 3)` uint8 BGR; None at the end.

        Raises:
            SourceError: The iterable gave something that is no picture, or failed itself.
        """
        for _ in range(2):
            try:
                picture = next(self._iterator)
            except StopIteration:
                if not self._loop:
                    return None
                self._iterator = iter(self._iterable)
                continue
            except Exception as error:
                raise SourceError(f"the iterable of pictures failed: {error}") from error
            self.position_s = None if self._step_s is None else self._taken * self._step_s
            self._taken += 1
            return np.ascontiguousarray(swap_channels(check_picture(picture)))
        return None

    def close(self) -> None:
        """Let a generator clean up after itself."""
        close = getattr(self._iterator, "close", None)
        if close is not None:
            close()


def _is_picture(path: Path) -> bool:
    """Whether a file whose name does not say so is a picture."""
    try:
        with open_picture(path, str(path)):
            return True
    # Readers of files that are no pictures raise nearly anything.
    except Exception:
        return False


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts picture2 before picture10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
