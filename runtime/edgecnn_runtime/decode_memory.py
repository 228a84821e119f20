"""How much memory a picture will take to decode, told from its header: small files may unfold to gigabytes."""

from typing import Any

from PIL import Image

from edgecnn_runtime.errors import ImageError, OptionError, quoted
from edgecnn_runtime.jpeg_scans import has_several_scans
from edgecnn_runtime.to_rgb import has_alpha

__all__ = ["MAX_MEMORY_MB", "check_memory", "check_memory_limit", "is_decoded"]

MAX_MEMORY_MB = 500
"""Most memory for decoding one picture unless more is asked for, in units of 10⁶ bytes: 61 megapixels with alpha."""

# Bytes that Pillow keeps for a pixel; four for all other modes, RGB among them.
_BYTES = {"1": 1, "L": 1, "P": 1, "I;16": 2, "I;16B": 2, "I;16L": 2}
_RGB_BYTES = 4
_MARGIN = 1.02
# What the libraries hold beside the picture, measured. Their canvases and planes stay until the end.
_KEPT = {"WEBP": 12, "AVIF": 12, "HEIF": 6}
_JPEG2000_BYTES = 6  # 32-bit numbers, the finished byte and the file, a channel
_COEFFICIENT_BYTES = 2  # of a JPEG in several scans, a channel
_RUN_LENGTH_BYTES = 3  # a BMP's runs are expanded in a growing array, then copied
_COMPRESSION, _UNCOMPRESSED, _JPEG_COMPRESSED = 259, 1, 7
_STRIP_ROWS, _TILE_WIDTH, _TILE_ROWS, _BITS, _SAMPLES, _ORIENTATION = 278, 322, 323, 258, 277, 274


def check_memory_limit(limit_mb: int) -> None:
    """Refuse a limit that is no positive whole number, as an `OptionError`."""
    if not isinstance(limit_mb, int) or isinstance(limit_mb, bool) or limit_mb < 1:
        raise OptionError(f"max_memory_mb is {limit_mb!r}; expected a whole number of megabytes from 1.")


def check_memory(
    image: Image.Image, name: str, limit_mb: int, *, whole_size: tuple[int, int], turned: bool = False
) -> None:
    """Refuse a picture that would take more memory than the limit.

    Args:
        image: Opened, not loaded yet; a JPEG may have been set to a fraction of its size.
        name: What to call it.
        limit_mb: In units of 10⁶ bytes.
        whole_size: Width and height without the fraction.
        turned: An orientation is to be applied, which needs a copy.

    Raises:
        ImageError: It would; the message says how much it takes and what to do.
    """
    needed_mb = -(-_bytes_needed(image, whole_size, turned or _turns_itself(image)) // 1_000_000)
    if needed_mb > limit_mb:
        width, height = whole_size
        raise ImageError(
            f"{quoted(name)} is too large to decode: its {width} × {height} pixels would take {needed_mb} MB, and the "
            f"limit is {limit_mb} MB; make the picture smaller, or raise the limit: max_memory_mb={needed_mb}, on the "
            f"command line classify --max-memory-mb {needed_mb}."
        )


def is_decoded(image: Image.Image) -> bool:
    """Whether a picture's pixels are in memory already."""
    # Pillow up to 10 keeps them in `im` and later ones in `_im`, where asking for `im` raises before.
    return getattr(image, "_im", image.__dict__.get("im")) is not None


def _turns_itself(image: Any) -> bool:
    """Pillow turns a TIFF upright while loading it."""
    return bool(getattr(image, "tag_v2", {}).get(_ORIENTATION, 1) != 1)


def _bytes_needed(image: Image.Image, whole_size: tuple[int, int], turned: bool) -> int:
    pixels, whole_pixels = image.width * image.height, whole_size[0] * whole_size[1]
    own, kept = _BYTES.get(image.mode, 4), _KEPT.get(image.format or "", 0)
    decoding = pixels * own + _decoder_bytes(image, whole_pixels)
    turning = pixels * own * (2 if turned else 1)
    converting = pixels * (own + (0 if image.mode == "RGB" and not has_alpha(image) else _RGB_BYTES))
    return int(_MARGIN * (max(decoding, turning, converting) + pixels * kept))


def _decoder_bytes(image: Image.Image, whole_pixels: int) -> int:
    """What a decoder needs beside the picture while it works."""
    channels = len(image.getbands())
    if image.format in ("JPEG", "MPO"):
        return whole_pixels * channels * _COEFFICIENT_BYTES if has_several_scans(image) else 0
    if image.format == "JPEG2000":
        return whole_pixels * channels * _JPEG2000_BYTES
    if image.format == "BMP":
        return whole_pixels * _RUN_LENGTH_BYTES
    if image.format == "TIFF":
        return _strip_bytes(image)
    return 0


def _strip_bytes(image: Any) -> int:
    """One strip or tile of a compressed TIFF, which may be larger than the picture."""
    tags = image.tag_v2
    if tags.get(_COMPRESSION, _UNCOMPRESSED) == _UNCOMPRESSED:
        return 0
    if _TILE_WIDTH in tags:
        columns, rows = tags[_TILE_WIDTH], tags.get(_TILE_ROWS, 0)
    else:
        columns, rows = image.width, min(tags.get(_STRIP_ROWS, image.height), image.height)
    bits = max(tags.get(_BITS, (1,))) * tags.get(_SAMPLES, 1)
    if tags[_COMPRESSION] == _JPEG_COMPRESSED:
        bits = max(bits, 32)  # libtiff makes RGBA of such strips
    return int(columns * rows * bits // 8)
