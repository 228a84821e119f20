"""From a path, bytes, a file, a Pillow picture or an array to one upright 8-bit RGB picture."""

import io
import os
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from edgecnn_runtime.errors import ImageError

__all__ = [
    "IMAGE_SUFFIXES",
    "Box",
    "Decoded",
    "ImageSource",
    "check_pixels",
    "decode_image",
    "load_image",
    "source_name",
]

Box = tuple[float, float, float, float]
ImageSource = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO | Image.Image | npt.NDArray[np.uint8]

IMAGE_SUFFIXES = frozenset((
    ".avif", ".bmp", ".gif", ".j2k", ".jp2", ".jpeg", ".jpg", ".mpo", ".pbm", ".pgm", ".png", ".pnm", ".ppm", ".tif",
    ".tiff", ".webp",
))  # fmt: skip

# Only formats that hold pictures and decode inside Pillow: EPS, for one, would start another program. MPO opens as
# JPEG. Pillow loads the first five at once and all others only by loading every format it has, so they come second.
_FORMATS = ("JPEG", "PNG", "GIF", "BMP", "PPM")
_RARER_FORMATS = ("WEBP", "TIFF", "AVIF", "JPEG2000")

_ORIENTATION_TAG = 0x0112
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
# The same eight as: rows and columns change places, then left and right, then top and bottom.
_SIDEWAYS, _MIRRORED_X, _MIRRORED_Y = (5, 6, 7, 8), (2, 3, 6, 7), (3, 4, 7, 8)


@dataclass(frozen=True, eq=False)
class Decoded:
    """A picture that may have been decoded at a fraction of its size.

    Attributes:
        image: Upright, mode RGB.
        box: Left, top, right and bottom of the picture inside `image`, in its pixels. A side that 2, 4 or 8 does not
            divide ends inside the last row or column: 2001 pixels at 1/4 fill 500.25 of 501.
    """

    image: Image.Image
    box: Box


def load_image(source: ImageSource) -> Image.Image:
    """Load one picture: EXIF orientation applied, first frame, alpha over white, 16 bits scaled to 8, mode RGB.

    Args:
        source: A path, the bytes of a file, an open binary file, a Pillow picture or an `(H, W, 3)` uint8 RGB array.

    Returns:
        An upright Pillow picture of mode RGB.

    Raises:
        ImageError: The source is missing, unreadable, no picture, too large, truncated or of a wrong type.
    """
    return decode_image(source).image


def decode_image(source: ImageSource, *, at_least: int | None = None) -> Decoded:
    """Load one picture as `load_image` does, a large JPEG at a fraction of its size.

    Args:
        source: As for `load_image`.
        at_least: A length in pixels. A JPEG whose short side is 2, 4 or 8 times as long is decoded at 1/2, 1/4 or
            1/8 of its size, straight from the DCT coefficients; other formats ignore it. `None` decodes in full.

    Raises:
        ImageError: As for `load_image`.
    """
    if isinstance(source, np.ndarray):
        return _whole(Image.fromarray(check_pixels(source)))
    try:
        if isinstance(source, Image.Image):
            return _whole(_to_rgb(_upright(source)))
        with _open(source) as image:
            reduced = image.draft("RGB", (at_least, at_least)) if at_least is not None else None
            image.load()
            upright = _to_rgb(_upright(image))
            if reduced is None:
                return _whole(upright)
            return Decoded(upright, _upright_box(reduced[1], image.size, _orientation(image)))
    except ImageError:
        raise
    except UnidentifiedImageError as error:
        kinds = "JPEG, PNG, WebP, GIF, BMP, TIFF, AVIF, PPM or JPEG 2000"
        raise ImageError(f"{source_name(source)} is not a picture; expected {kinds}.") from error
    except Image.DecompressionBombError as error:
        raise ImageError(f"{source_name(source)} is too large to decode: {error}") from error
    except MemoryError as error:
        raise ImageError(f"{source_name(source)} needs more memory than there is; make the picture smaller.") from error
    # Decoders of damaged files raise nearly anything (struct.error, SyntaxError, zlib.error, IndexError, …).
    except Exception as error:
        raise ImageError(f"{source_name(source)} could not be decoded: {_reason(error)}.") from error


def check_pixels(array: object) -> npt.NDArray[np.uint8]:
    """Pass an `(H, W, 3)` uint8 array through; anything else is an `ImageError` that says what came."""
    if not isinstance(array, np.ndarray):
        raise ImageError(f"got {type(array).__name__}; expected an (H, W, 3) uint8 RGB array or a picture.")
    if array.dtype != np.uint8:
        hint = "; multiply by 255, round and cast with .astype(np.uint8)" if array.dtype.kind == "f" else ""
        raise ImageError(f"got an array of {array.dtype}; expected uint8 values from 0 to 255{hint}.")
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise ImageError(f"got an array of shape {array.shape}; expected (height, width, 3), RGB, not empty.")
    return array


def source_name(source: object) -> str:
    """A short name of a picture source for messages and results."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<{len(source)} bytes>"
    # An open file's name is a number where it was opened by its descriptor.
    name = getattr(source, "name", None) or getattr(source, "filename", None)
    return str(name) if name else f"<{type(source).__name__}>"


def _open(source: str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO) -> Image.Image:
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise ImageError("got 0 bytes; expected the content of a picture file.")
        return _identify(io.BytesIO(source))
    if isinstance(source, (str, os.PathLike)):
        path = Path(source)
        if path.is_dir():
            raise ImageError(f"{path} is a folder; expected a picture file.")
        try:
            if path.stat().st_size == 0 and path.is_file():
                raise ImageError(f"{path} is empty; expected a picture file.")
            return _identify(path)
        except UnidentifiedImageError:
            raise
        except OSError as error:
            raise ImageError(f"{path} cannot be read: {_reason(error)}.") from error
    if hasattr(source, "read"):
        return _identify(source)
    raise ImageError(
        f"got {type(source).__name__}; expected a path, bytes, an open file, a Pillow picture or an (H, W, 3) uint8 "
        "RGB array."
    )


def _identify(file: Path | BinaryIO) -> Image.Image:
    try:
        return Image.open(file, formats=_FORMATS)
    except UnidentifiedImageError:
        Image.init()
        # AVIF came with Pillow 11.3; builds of Pillow may lack others.
        return Image.open(file, formats=[name for name in _RARER_FORMATS if name in Image.OPEN])


def _whole(image: Image.Image) -> Decoded:
    return Decoded(image, (0.0, 0.0, float(image.width), float(image.height)))


def _orientation(image: Image.Image) -> int:
    return int(image.getexif().get(_ORIENTATION_TAG, 1))


def _upright(image: Image.Image) -> Image.Image:
    method = _UPRIGHT.get(_orientation(image))
    return image if method is None else image.transpose(method)


def _upright_box(box: Box, size: tuple[int, int], orientation: int) -> Box:
    """Where `box` lies after the picture of `size` was turned upright."""
    (left, top, right, bottom), (width, height) = box, size
    if orientation in _SIDEWAYS:
        left, top, right, bottom, width, height = top, left, bottom, right, height, width
    if orientation in _MIRRORED_X:
        left, right = width - right, width - left
    if orientation in _MIRRORED_Y:
        top, bottom = height - bottom, height - top
    return left, top, right, bottom


def _to_rgb(image: Image.Image) -> Image.Image:
    mode = image.mode
    if mode == "RGB" and "transparency" not in image.info:
        return image
    if mode.startswith("I"):
        # 16-bit gray: Pillow's own conversion would clip everything above 255 to white.
        gray = np.clip(np.asarray(image).astype(np.int64), 0, 65535)
        return Image.fromarray(((gray + 128) // 257).astype(np.uint8)).convert("RGB")
    if mode == "F":
        raise ImageError("the picture holds 32-bit floats, whose range is not known; expected 8 or 16 bits a channel.")
    if mode in ("RGBA", "LA", "PA", "RGBa", "La") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
        return Image.alpha_composite(white, rgba).convert("RGB")
    return image.convert("RGB")


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".").splitlines()[0]
