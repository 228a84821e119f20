"""From any of Pillow's modes to 8-bit RGB: alpha over white, more than 8 bits scaled to 8."""

from collections.abc import Callable

import numpy as np
from PIL import Image

from edgecnn_runtime.integer_gray import GrayRange

__all__ = ["has_alpha", "to_rgb"]

_WITH_ALPHA = ("RGBA", "LA", "PA", "RGBa", "La")
# Pixels that are converted at a time. What stands between the two pictures stays in the processor's cache, and a
# large picture takes no more memory than before and after.
_BAND_PIXELS = 1 << 18


def to_rgb(image: Image.Image, gray: GrayRange | None) -> Image.Image:
    """Convert a loaded picture to mode RGB; the same picture where it is RGB and opaque already.

    Args:
        image: Of any mode but F.
        gray: What is black and white in it, for modes I and I;16.
    """
    if gray is not None:
        clear = image.info.get("transparency")
        return _in_bands(image, lambda band: _scaled(band, gray, clear))
    if has_alpha(image):
        return _in_bands(image, _over_white)
    return image if image.mode == "RGB" else image.convert("RGB")


def has_alpha(image: Image.Image) -> bool:
    """Whether some of a picture may be transparent."""
    return image.mode in _WITH_ALPHA or "transparency" in image.info


def _in_bands(image: Image.Image, convert: Callable[[Image.Image], Image.Image]) -> Image.Image:
    width, height = image.size
    rows = max(1, _BAND_PIXELS // width)
    if rows >= height:
        return convert(image)
    rgb = Image.new("RGB", image.size)
    for top in range(0, height, rows):
        rgb.paste(convert(image.crop((0, top, width, min(top + rows, height)))), (0, top))
    return rgb


def _over_white(image: Image.Image) -> Image.Image:
    rgba = image.convert("RGBA")
    white = Image.new("RGBA", rgba.size, (255, 255, 255, 255))
    return Image.alpha_composite(white, rgba).convert("RGB")


def _scaled(image: Image.Image, gray: GrayRange, clear: int | None) -> Image.Image:
    # Pillow's own conversion would clip everything above 255 to white.
    values = np.asarray(image)
    scaled = gray.scaled(values)
    if clear is not None:
        scaled[values == clear] = 255
    return Image.fromarray(scaled).convert("RGB")
