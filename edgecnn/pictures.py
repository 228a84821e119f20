"""From what a person types (files, folders, globs, `-`) to a list of pictures."""

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime import ImageError, OptionError

from edgecnn.left_out import LeftOut, in_brackets, why_no_picture

__all__ = ["STANDARD_INPUT", "FoundPictures", "find_pictures", "pictures_in"]

STANDARD_INPUT = "-"
_MAX_INPUT_BYTES = 512 << 20


@dataclass(frozen=True)
class FoundPictures:
    """Pictures in order, and what was left out.

    Attributes:
        names: Paths, or `-` for standard input.
        left_out: What stood beside them and is no picture that can be read.
    """

    names: tuple[str, ...]
    left_out: tuple[LeftOut, ...] = ()

    def open(self) -> Iterator[str | bytes]:
        """Sources as a classifier takes them; standard input is read when its turn comes."""
        for name in self.names:
            yield _read_standard_input() if name == STANDARD_INPUT else name


def find_pictures(paths: Sequence[str]) -> FoundPictures:
    """Names of pictures: files as they are, folders with all pictures below them in order, globs expanded.

    A file that does not exist stays in the list, so that it becomes one error among the answers.

    Raises:
        OptionError: A folder without pictures, or a glob that matches nothing.
    """
    found: list[str] = []
    left_out: list[LeftOut] = []
    for path in paths:
        if path == STANDARD_INPUT:
            found.append(path)
        elif _is_folder(path):
            inside = pictures_in(Path(path), left_out)
            if not inside:
                raise OptionError(
                    f"the folder {path} holds no pictures; expected files such as .jpg, .png or .webp"
                    f"{in_brackets(left_out)}."
                )
            found += map(str, inside)
        elif glob.has_magic(path) and not os.path.lexists(path):
            matches = sorted(glob.glob(path, recursive=True))  # noqa: PTH207  (Path.glob takes no absolute pattern)
            if not matches:
                raise OptionError(f"nothing matches {path}; expected the name of a picture or a folder.")
            found += [name for match in matches for name in _expand(Path(match), left_out)]
        else:
            found.append(path)
    return FoundPictures(tuple(found), tuple(left_out))


def pictures_in(folder: Path, left_out: list[LeftOut]) -> list[Path]:
    """Pictures below a folder, linked folders included, in order.

    Hidden files and folders are nobody's pictures. A file whose name does not say that it is a picture is judged by
    its first bytes; what is none is added to `left_out`.
    """
    found = []
    for path in _files_below(folder, left_out):
        reason = why_no_picture(path)
        if reason is None:
            found.append(path)
        else:
            left_out.append(LeftOut(path, reason))
    return sorted(found)


def _read_standard_input() -> bytes:
    """One picture from standard input."""
    data = sys.stdin.buffer.read(_MAX_INPUT_BYTES + 1)
    if len(data) > _MAX_INPUT_BYTES:
        raise ImageError(f"standard input holds more than {_MAX_INPUT_BYTES >> 20} MB; expected one picture.")
    return data


def _expand(match: Path, left_out: list[LeftOut]) -> list[str]:
    """What one match of a glob stands for: itself, the pictures below a folder, nothing for a pipe or a device."""
    if match.is_dir():
        return [str(path) for path in pictures_in(match, left_out)]
    return [str(match)] if match.is_file() else []


def _is_folder(path: str) -> bool:
    try:
        return Path(path).is_dir()
    except (OSError, ValueError):  # a name too long or with a NUL, a folder not to be entered: reading it will say so
        return False


def _files_below(folder: Path, left_out: list[LeftOut]) -> Iterator[Path]:
    """Visible regular files of every folder that is not hidden, each folder once however it is linked."""
    entered = set()

    def refuse(error: OSError) -> None:
        left_out.append(LeftOut(Path(error.filename), "folders that cannot be entered"))

    for place, folders, files in os.walk(folder, followlinks=True, onerror=refuse):
        status = Path(place).stat()
        if (status.st_dev, status.st_ino) in entered:
            left_out.append(LeftOut(Path(place), "links to folders that are read already"))
            folders.clear()
            continue
        entered.add((status.st_dev, status.st_ino))
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for path in (Path(place, name) for name in files if not name.startswith(".")):
            if os.path.isfile(path):  # noqa: PTH113  (Path.is_file raises where a folder may not be searched)
                yield path
            else:
                left_out.append(LeftOut(path, "pipes, devices and links to nowhere"))
