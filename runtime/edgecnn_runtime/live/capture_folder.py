"""A folder of pictures, played in the order of their names."""

import re
from pathlib import Path

import numpy as np

from edgecnn_runtime.errors import ImageError, SourceError
from edgecnn_runtime.image import IMAGE_SUFFIXES, load_image
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.options import SourceOptions
from edgecnn_runtime.live.spec import SourceSpec

__all__ = ["FolderCapture", "open_folder"]

_DEFAULT_FPS = 2.0


class FolderCapture:
    """Pictures of one folder; files that are no pictures are skipped and counted in `note`."""

    def __init__(self, folder: Path, options: SourceOptions) -> None:
        paths = [path for path in folder.iterdir() if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file()]
        if not paths:
            raise SourceError(f"{folder} holds no pictures; expected .jpg, .png or other picture files in it.")
        self._paths = sorted(paths, key=_by_number)
        self._next = 0
        self._bad = 0
        self._step_s = 1 / (options.fps or _DEFAULT_FPS)
        self._loop = options.loop
        self.position_s: float | None = None
        self.note = ""
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
                picture: Picture = np.asarray(load_image(path))[:, :, ::-1]
                return picture
            except ImageError as error:
                self._bad += 1
                self.note = f"{self._bad} of {len(self._paths)} files could not be read, the last: {error}"
        return None

    def close(self) -> None:
        """Nothing stays open between pictures."""


def open_folder(spec: SourceSpec, options: SourceOptions) -> FolderCapture:
    """Open a folder of pictures.

    Raises:
        SourceError: there is no picture in it.
    """
    return FolderCapture(spec.value, options)


def _by_number(path: Path) -> list[tuple[int, int | str]]:
    """Sort key that puts picture2 before picture10."""
    parts = re.split(r"(\d+)", path.name)
    return [(0, int(part)) if part.isdecimal() else (1, part) for part in parts if part]
