"""Identify a picture file, without decoding it yet, or say why it is none that can be read."""

import io
import warnings
from pathlib import Path
from typing import BinaryIO

from PIL import Image, UnidentifiedImageError

from edgecnn_runtime.bitfields import read_bitfields
from edgecnn_runtime.errors import ImageError, quoted

__all__ = ["IMAGE_SUFFIXES", "check_no_preview", "open_picture"]

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

# The memory of a picture is forecast and limited; a program that asked for Pillow's warning has a filter before this.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning, append=True)

_HEAD_BYTES = 16
_HEIC_BRANDS = (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
_ICO = b"\0\0\1\0"
_TIFF = (b"II*\0", b"MM\0*")
_NEW_SUBFILE_TYPE, _REDUCED, _DNG_VERSION = 254, 1, 50706


def open_picture(file: Path | BinaryIO, name: str) -> Image.Image:
    """Identify a picture file; its pixels are not decoded yet.

    Args:
        file: A path, or an open file in which one can seek.
        name: What to call it.

    Raises:
        ImageError: It is no picture, or only the preview of one.
    """
    try:
        image = _identify(file)
    except UnidentifiedImageError as error:
        raise ImageError(_unknown(file, name)) from error
    check_no_preview(image, name)
    return image


def check_no_preview(image: Image.Image, name: str) -> None:
    """Refuse a TIFF whose first picture is the preview of another one, as raw photos have it.

    Raises:
        ImageError: It is.
    """
    tags = getattr(image, "tag_v2", {})
    if _DNG_VERSION in tags or tags.get(_NEW_SUBFILE_TYPE) == _REDUCED:
        raise ImageError(
            f"{quoted(name)} is a raw photo or the like (DNG, NEF, ARW), of which only a small preview could be read; "
            "expected the developed picture as JPEG, PNG or TIFF."
        )


def _identify(file: Path | BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError:
        if _head(file).startswith(_ICO):
            return _largest_icon(file)
        Image.init()
        return Image.open(file, formats=[name for name in _RARER_FORMATS if name in Image.OPEN])
    except OSError:
        image = read_bitfields(file)
        if image is None:
            raise
        return image


def _largest_icon(file: Path | BinaryIO) -> Image.Image:
    """An icon's largest picture. Pillow's own reader would decode it at once, however large it is."""
    from PIL import IcoImagePlugin  # it brings PNG's reader along, which other formats can do without

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
