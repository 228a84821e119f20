"""From what a person types (files, folders, globs, `-`) to a list of pictures, and word of what was left out of it."""

import glob
import os
import re
import stat
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime import ImageError, OptionError
from edgecnn_runtime.image import IMAGE_SUFFIXES
from PIL import Image

__all__ = [
    "STANDARD_INPUT",
    "FoundPictures",
    "LeftOut",
    "describe_left_out",
    "find_pictures",
    "in_brackets",
    "left_out_warnings",
    "pictures_in",
    "why_no_picture",
]

STANDARD_INPUT = "-"
_MAX_INPUT_BYTES = 512 << 20
_SHOWN_NAMES = 3

_RAW_SUFFIXES = frozenset([".arw", ".cr2", ".cr3", ".dng", ".nef", ".orf", ".pef", ".raf", ".rw2", ".srw"])
_READABLE_STARTS = (
    b"\xff\xd8\xff",  # JPEG, also as .jfif and .jpe
    b"\x89PNG\r\n\x1a\n",
    b"GIF87a",
    b"GIF89a",
    b"II*\0",  # TIFF
    b"MM\0*",
    b"\0\0\0\x0cjP  ",  # JPEG 2000
    b"\xff\x4f\xff\x51",
)
_PNM_START = re.compile(rb"P[1-6]\s+[#\d]")
_HEIF_BRANDS = (b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1")


@dataclass(frozen=True)
class LeftOut:
    """A file or folder below a folder of pictures that is not among them.

    Attributes:
        path: Where it is.
        reason: Why: the kind of what was left out, in the plural.
    """

    path: Path
    reason: str


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


def pictures_in(folder: Path, left_out: list[LeftOut] | None = None) -> list[Path]:
    """Pictures below a folder, linked folders included, in order.

    Hidden files and folders are nobody's pictures. A file whose name does not say that it is a picture is judged by
    its first bytes; what is none is added to `left_out`.
    """
    found = []
    for path in _files_below(folder, left_out):
        reason = why_no_picture(path)
        if reason is None:
            found.append(path)
        elif left_out is not None:
            left_out.append(LeftOut(path, reason))
    return sorted(found)


def describe_left_out(left_out: Sequence[LeftOut]) -> str:
    """What was left out, counted by reason: `HEIC pictures: 2 (a.heic, b.heic), camera raw files: 1 (c.dng)`."""
    names: dict[str, list[str]] = {}
    for entry in left_out:
        names.setdefault(entry.reason, []).append(entry.path.name)
    return ", ".join(
        f"{reason}: {len(of)} ({', '.join(sorted(of)[:_SHOWN_NAMES])}{', …' if len(of) > _SHOWN_NAMES else ''})"
        for reason, of in sorted(names.items())
    )


def in_brackets(left_out: Sequence[LeftOut]) -> str:
    """What was left out, for a place inside a sentence; nothing where nothing was."""
    return f" (left out: {describe_left_out(left_out)})" if left_out else ""


def left_out_warnings(left_out: Sequence[LeftOut], name: str) -> list[str]:
    """A sentence about what was left out of the pictures called `name`, where anything was."""
    return [f"Left out of {name}: {describe_left_out(left_out)}."] if left_out else []


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


def _files_below(folder: Path, left_out: list[LeftOut] | None) -> Iterator[Path]:
    """Visible regular files, every folder once however it is linked: a link to a folder above ends nowhere else."""
    waiting, entered = deque([folder]), set()
    while waiting:
        folder = waiting.popleft()
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError:
            _note(left_out, folder, "folders that cannot be entered")
            continue
        if (status.st_dev, status.st_ino) in entered:
            _note(left_out, folder, "links to folders that are read already")
            continue
        entered.add((status.st_dev, status.st_ino))
        for entry in entries:
            if entry.name.startswith("."):
                continue
            path = folder / entry.name
            try:
                mode = entry.stat().st_mode
            except OSError:
                _note(left_out, path, "links to nowhere")
                continue
            if stat.S_ISREG(mode):
                yield path
            elif not stat.S_ISDIR(mode):
                _note(left_out, path, "pipes and devices")
            elif entry.is_symlink():
                waiting.append(path)  # after the folders that are really here
            else:
                waiting.appendleft(path)


def _note(left_out: list[LeftOut] | None, path: Path, reason: str) -> None:
    if left_out is not None:
        left_out.append(LeftOut(path, reason))


def why_no_picture(path: Path) -> str | None:
    """Why a file is no picture that can be read; None where its name, or else its first bytes, say that it is one."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return None
    if path.suffix.lower() in _RAW_SUFFIXES:
        return "camera raw files"  # a TIFF by its first bytes, whose first picture is a thumbnail
    try:
        with path.open("rb") as file:
            start = file.read(32)
    except OSError:
        return "files that cannot be opened"
    brand = start[8:12] if start[4:8] == b"ftyp" else b""
    if brand in _HEIF_BRANDS:
        return None if "HEIF" in Image.OPEN else "HEIC pictures"
    if start[:2] == b"\xff\x0a" or start[4:8] == b"JXL ":
        return "JPEG XL pictures"
    readable = (
        start.startswith(_READABLE_STARTS)
        or (start[:4] == b"RIFF" and start[8:12] == b"WEBP")
        or (start[:2] == b"BM" and start[6:10] == bytes(4))
        or _PNM_START.match(start)
        or brand in (b"avif", b"avis")
    )
    return None if readable else "files that are no pictures"
