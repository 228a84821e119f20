"""From what a person types (files, folders, globs, `-`) to a list of pictures."""

import glob
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from edgecnn_runtime import ImageError, OptionError
from edgecnn_runtime.image import IMAGE_SUFFIXES

__all__ = ["STANDARD_INPUT", "find_pictures", "pictures_in", "read_standard_input"]

STANDARD_INPUT = "-"
_MAX_INPUT_BYTES = 512 << 20


def find_pictures(paths: Sequence[str]) -> list[str]:
    """Names of pictures: files as they are, folders with all pictures below them in order, globs expanded.

    A file that does not exist stays in the list, so that it becomes one error among the answers.

    Raises:
        OptionError: a folder without pictures, or a glob that matches nothing.
    """
    found: list[str] = []
    for path in paths:
        if path == STANDARD_INPUT:
            found.append(path)
        elif _is_folder(path):
            inside = [str(p) for p in pictures_in(Path(path))]
            if not inside:
                raise OptionError(f"the folder {path} holds no pictures; expected files such as .jpg, .png or .webp.")
            found += inside
        elif glob.has_magic(path) and not os.path.lexists(path):
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
            if not matches:
                raise OptionError(f"nothing matches {path}; expected the name of a picture or a folder.")
            found += [name for match in matches for name in _expand(Path(match))]
        else:
            found.append(path)
    return found


def _expand(match: Path) -> list[str]:
    """What one match of a glob stands for: itself, the pictures below a folder, nothing for a pipe or a device."""
    if match.is_dir():
        return [str(path) for path in pictures_in(match)]
    return [str(match)] if match.is_file() else []


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except OSError:  # a name too long, a folder that may not be entered: reading it will say so
        return False


def pictures_in(folder: Path) -> list[Path]:
    """Pictures below a folder, by their file names, in order; hidden files and folders are left out."""
    return sorted(
        path
        for path in folder.rglob("*")
        if path.suffix.lower() in IMAGE_SUFFIXES
        and not any(part.startswith(".") for part in path.relative_to(folder).parts)
        and path.is_file()
    )


def read_standard_input() -> bytes:
    """One picture from standard input."""
    data = sys.stdin.buffer.read(_MAX_INPUT_BYTES + 1)
    if len(data) > _MAX_INPUT_BYTES:
        raise ImageError(f"standard input holds more than {_MAX_INPUT_BYTES >> 20} MB; expected one picture.")
    return data
