"""Open a picture file: from a path, bytes, an open file or a pipe to a Pillow picture that is not decoded yet."""

import io
import os
import select
import stat
from pathlib import Path
from typing import Any, BinaryIO

from PIL import IcoImagePlugin, Image, UnidentifiedImageError

from edgecnn_runtime.errors import ImageError, quoted

__all__ = ["IMAGE_SUFFIXES", "PictureFile", "open_picture", "seekable", "source_name"]

PictureFile = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

IMAGE_SUFFIXES = frozenset((
    ".avif", ".bmp", ".dib", ".gif", ".ico", ".j2k", ".jfif", ".jp2", ".jpe", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm",
    ".png", ".pnm", ".ppm", ".tif", ".tiff", ".webp",
))  # fmt: skip

# Only formats that hold pictures and decode inside Pillow: EPS, for one, would start another program. MPO opens as
# JPEG. Pillow loads the first five at once and all others only by loading every format it has, so they come second.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM")
# AVIF came with Pillow 11.3, HEIF comes with pillow-heif where the program registered it; builds of Pillow may lack
# others.
_RARER_FORMATS = ("WEBP", "TIFF", "AVIF", "JPEG2000", "DIB", "HEIF")

_HEAD_BYTES = 16
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ICO = b"\0\0\1\0"
_TIFF = (b"II*\0", b"MM\0*")
_NEW_SUBFILE_TYPE, _REDUCED, _DNG_VERSION = 254, 1, 50706

_MAX_PIPE_BYTES = 512 << 20
_WRITER_WAIT_S = 10.0


def seekable(source: PictureFile) -> Path | BinaryIO:
    """A path or file in which one can seek; what cannot is read into memory, 512 MB at most.

    Args:
        source: A path (of a file or a named pipe), the bytes of a file, or an open binary file. A named pipe that
            nobody opens for writing is given up after 10 seconds.

    Raises:
        ImageError: The source is missing, unreadable, empty, too large for memory or of a wrong type.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise ImageError("got 0 bytes; expected the content of a picture file.")
        return io.BytesIO(source)
    if isinstance(source, (str, os.PathLike)):
        return _checked_path(Path(source))
    if hasattr(source, "read"):
        can_seek = getattr(source, "seekable", None)
        return source if can_seek is not None and can_seek() else _in_memory(source, source_name(source))
    raise ImageError(
        f"got {type(source).__name__}; expected a path, bytes, an open file, a Pillow picture or an (H, W, 3) uint8 "
        "RGB array."
    )


def open_picture(file: Path | BinaryIO, name: str) -> Image.Image:
    """Identify a picture file; its pixels are not decoded yet.

    Args:
        file: What `seekable` gave.
        name: What to call it.

    Raises:
        ImageError: It is no picture, or only the preview of one.
    """
    try:
        image = _identify(file)
    except UnidentifiedImageError as error:
        raise ImageError(_unknown(file, name)) from error
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags or tags.get(_NEW_SUBFILE_TYPE) == _REDUCED:
        image.close()
        raise ImageError(
            f"{quoted(name)} is a raw photo or the like (DNG, NEF, ARW), of which only a small preview could be read; "
            "expected the developed picture as JPEG, PNG or TIFF."
        )
    return image


def source_name(source: object) -> str:
    """A short name of a picture source for messages and results."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<{len(source)} bytes>"
    # An open file's name is a number where it was opened by its descriptor.
    name = getattr(source, "name", None) or getattr(source, "filename", None)
    return str(name) if name else f"<{type(source).__name__}>"


def _checked_path(path: Path) -> Path | BinaryIO:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{quoted(path)} is a folder; expected a picture file.")
        if stat.S_ISREG(status.st_mode) and not status.st_size:
            raise ImageError(f"{quoted(path)} is empty; expected a picture file.")
        if stat.S_ISFIFO(status.st_mode):
            return _read_named_pipe(path)
        with path.open("rb"):
            return path
    except ImageError:
        raise
    # ValueError: a NUL in the name.
    except (OSError, ValueError) as error:
        raise ImageError(f"{quoted(path)} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _read_named_pipe(path: Path) -> BinaryIO:
    """Everything that comes through a named pipe or `<(command)`, whose writer may come late or take its time."""
    # Opened in the usual way it would wait for a writer without end.
    with os.fdopen(os.open(path, os.O_RDONLY | os.O_NONBLOCK), "rb", buffering=0) as pipe:
        first = None
        while first is None and not select.select([pipe], [], [], _WRITER_WAIT_S)[0]:
            # None while somebody holds the other end and says nothing, the end of the file where nobody does.
            first = pipe.read(1)
        if first == b"":
            raise ImageError(
                f"{quoted(path)} is a pipe into which nobody writes; expected a picture within {_WRITER_WAIT_S:.0f} s."
            )
        os.set_blocking(pipe.fileno(), True)
        return _in_memory(pipe, str(path), first or b"")


def _in_memory(stream: Any, name: str, first: bytes = b"") -> BinaryIO:
    content = io.BytesIO()
    content.write(first)
    while part := stream.read(1 << 20):
        if not isinstance(part, bytes):
            raise ImageError(f"{quoted(name)} gives {type(part).__name__}; expected a file that is open in mode 'rb'.")
        content.write(part)
        if content.tell() > _MAX_PIPE_BYTES:
            raise ImageError(f"{quoted(name)} gives more than {_MAX_PIPE_BYTES >> 20} MB; expected one picture.")
    if not content.tell():
        raise ImageError(f"{quoted(name)} is empty; expected the content of a picture file.")
    content.seek(0)
    return content


def _identify(file: Path | BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError:
        if _head(file).startswith(_ICO):
            return _largest_icon(file)
        Image.init()
        return Image.open(file, formats=[name for name in _RARER_FORMATS if name in Image.OPEN])


def _largest_icon(file: Path | BinaryIO) -> Image.Image:
    """An icon's largest picture. Pillow's own reader would decode it at once, however large it is."""
    content = io.BytesIO(file.read_bytes()) if isinstance(file, Path) else file
    content.seek(0)
    # A file that only begins like an icon: SyntaxError is Pillow's word for it, IndexError for one without pictures.
    try:
        return IcoImagePlugin.IcoFile(content).frame(0)
    except (SyntaxError, IndexError) as error:
        raise UnidentifiedImageError("no icon") from error


def _head(file: Path | BinaryIO) -> bytes:
    if isinstance(file, Path):
        with file.open("rb") as opened:
            return opened.read(_HEAD_BYTES)
    file.seek(0)
    head = file.read(_HEAD_BYTES)
    file.seek(0)
    return head


def _unknown(file: Path | BinaryIO, name: str) -> str:
    """Why a file cannot be identified, as a sentence."""
    head = _head(file)
    if head[4:8] == b"ftyp" and head[8:12] in _HEIC_BRANDS:
        return (
            f"{quoted(name)} is a HEIC picture, which Pillow does not read by itself; type: pip install pillow-heif, "
            "and let the program call pillow_heif.register_heif_opener(), or convert the picture to JPEG."
        )
    if head.startswith(_TIFF):
        return (
            f"{quoted(name)} is damaged, or a TIFF of a kind that cannot be read; expected 8 or 16 bits a channel "
            "and a common compression: convert it to PNG."
        )
    kinds = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, PPM, ICO or JPEG 2000"
    return f"{quoted(name)} is not a picture; expected {kinds}."
