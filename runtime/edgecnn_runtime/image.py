"""From a path, bytes, a file, a Pillow picture or an array to one upright 8-bit RGB picture."""

from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFile

from edgecnn_runtime.color_profile import to_srgb
from edgecnn_runtime.decode_memory import MAX_MEMORY_MB, check_memory, check_memory_limit, is_decoded
from edgecnn_runtime.errors import ImageError, quoted
from edgecnn_runtime.integer_gray import gray_range
from edgecnn_runtime.jpeg_scans import check_scans
from edgecnn_runtime.orientation import Box, orientation_of, upright, upright_box
from edgecnn_runtime.picture_file import IMAGE_SUFFIXES, check_no_preview, open_picture
from edgecnn_runtime.picture_source import PictureFile, seekable, source_name
from edgecnn_runtime.to_rgb import to_rgb

__all__ = [
    "IMAGE_SUFFIXES",
    "MAX_MEMORY_MB",
    "Box",
    "Decoded",
    "ImageSource",
    "check_pixels",
    "decode_image",
    "load_image",
    "source_name",
]

ImageSource = PictureFile | Image.Image | npt.NDArray[np.uint8]


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


def load_image(source: ImageSource, *, max_memory_mb: int = MAX_MEMORY_MB) -> Image.Image:
    """Load one picture as the networks see it: upright, first frame, over white, sRGB, 8 bits, mode RGB.

    `docs/pictures.md` says what becomes of each kind of picture.

    Args:
        source: A path, the bytes of a file, an open binary file, a Pillow picture or an `(H, W, 3)` uint8 RGB array.
            A Pillow picture that `Image.open` gave is turned upright; one that was derived from it (`rotate`, `crop`,
            `copy`, `convert`) is taken as it stands.
        max_memory_mb: Most memory that decoding a file may take, in units of 10⁶ bytes.

    Returns:
        An upright Pillow picture of mode RGB.

    Raises:
        ImageError: The source is missing, unreadable, no picture, too large, truncated or of a wrong type.
        OptionError: The limit is no positive whole number.
    """
    return decode_image(source, max_memory_mb=max_memory_mb).image


def decode_image(source: ImageSource, *, at_least: int | None = None, max_memory_mb: int = MAX_MEMORY_MB) -> Decoded:
    """Load one picture as `load_image` does, a large JPEG at a fraction of its size.

    Args:
        source: As for `load_image`.
        at_least: A length in pixels. A JPEG whose short side is 2, 4 or 8 times as long is decoded at 1/2, 1/4 or
            1/8 of its size, straight from the DCT coefficients; other formats ignore it. `None` decodes in full.
        max_memory_mb: As for `load_image`.

    Raises:
        ImageError: As for `load_image`.
        OptionError: As for `load_image`.
    """
    check_memory_limit(max_memory_mb)
    if isinstance(source, np.ndarray):
        return _whole(Image.fromarray(check_pixels(source)))
    name = source_name(source)
    try:
        if isinstance(source, Image.Image):
            return _whole(_taken(source, name, max_memory_mb))
        return _decoded(seekable(source), name, at_least, max_memory_mb)
    except ImageError:
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"{quoted(name)} is too large to decode: {error}") from error
    except MemoryError as error:
        raise ImageError(f"{quoted(name)} needs more memory than there is; make the picture smaller.") from error
    # Decoders of damaged files raise nearly anything (struct.error, SyntaxError, zlib.error, IndexError, …).
    except Exception as error:
        raise ImageError(f"{quoted(name)} could not be decoded: {_reason(error)}.") from error


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


def _taken(picture: Image.Image, name: str, max_memory_mb: int) -> Image.Image:
    """A picture that the caller holds, and keeps as it is."""
    # What was derived from a file's picture carries its EXIF along; whether it still lies on its side nobody knows.
    orientation, gray = 1, gray_range(picture, name)
    if isinstance(picture, ImageFile.ImageFile):
        check_no_preview(picture, name)
        if not is_decoded(picture):
            check_memory(picture, name, max_memory_mb, whole_size=picture.size)
        # Pillow turns TIFF files while loading them, so what orientation is left shows only afterwards.
        picture.load()
        orientation = orientation_of(picture)
    turned = upright(picture, orientation)
    rgb = to_rgb(turned, gray)
    return to_srgb(rgb, picture.info.get("icc_profile"), in_place=rgb is not picture)


def _decoded(file: Path | BinaryIO, name: str, at_least: int | None, max_memory_mb: int) -> Decoded:
    with open_picture(file, name) as image:
        whole_size, gray = image.size, gray_range(image, name)
        reduced = image.draft("RGB", (at_least, at_least)) if at_least is not None else None
        check_memory(image, name, max_memory_mb, whole_size=whole_size)
        check_scans(image, name, whole_size)
        try:
            image.load()
        except OSError:
            if reduced is None:
                raise
            # Lossless JPEGs cannot be decoded at a fraction.
            return _decoded(file, name, None, max_memory_mb)
        size, orientation = image.size, orientation_of(image)
        if orientation != 1:
            check_memory(image, name, max_memory_mb, whole_size=whole_size, turned=True)
        picture = upright(image, orientation)
        if picture is not image:
            image.close()  # gives its pixels back before the next copy is made
        picture = to_srgb(to_rgb(picture, gray), image.info.get("icc_profile"), in_place=True)
    if reduced is None:
        return _whole(picture)
    return Decoded(picture, upright_box(reduced[1], size, orientation))


def _whole(image: Image.Image) -> Decoded:
    return Decoded(image, (0.0, 0.0, float(image.width), float(image.height)))


def _reason(error: Exception) -> str:
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return str(text).rstrip(".").splitlines()[0]
