"""Which files are pictures, by name or else by content, and word of those that are not."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.image import IMAGE_SUFFIXES
from PIL import Image

__all__ = ["LeftOut", "describe_left_out", "in_brackets", "left_out_warnings", "why_no_picture"]

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
