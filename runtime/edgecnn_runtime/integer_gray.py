"""Gray pictures of more than 8 bits: what is black and what is white in them, by what their file says."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgecnn_runtime.errors import ImageError, quoted

__all__ = ["GrayRange", "gray_range"]

# In these formats Pillow gives 0 to 65535, whatever the depth in the file.
_FULL_RANGE = ("PNG", "PPM", "JPEG2000")
_BITS, _PHOTOMETRIC, _SAMPLE_FORMAT = 258, 262, 339
_LEAST_AND_MOST = ((340, 341), (280, 281))  # SMinSampleValue and SMaxSampleValue, MinSampleValue and MaxSampleValue
_WHITE_IS_ZERO = 0
_UNSIGNED, _SIGNED = 1, 2


@dataclass(frozen=True)
class GrayRange:
    """Which values are black and white.

    Attributes:
        black: Value that becomes 0; what lies beyond it does, too.
        white: Value that becomes 255. It may be the smaller one.
    """

    black: float
    white: float

    def scaled(self, values: npt.NDArray[Any]) -> npt.NDArray[np.uint8]:
        """Integers of any type and shape as 0 to 255, rounded."""
        gray = values.astype(np.float64)
        gray -= self.black
        gray *= 255 / (self.white - self.black)
        gray += 0.5
        return np.clip(gray, 0, 255, out=gray).astype(np.uint8)


def gray_range(image: Image.Image, name: str) -> GrayRange | None:
    """What is black and white in a picture of more than 8 bits of gray; None for all others.

    Args:
        image: It need not be loaded yet.
        name: What to call it.

    Raises:
        ImageError: Neither the picture nor its file tells: 32-bit floats, signed bytes, integers of an unknown range.
    """
    tags = getattr(image, "tag_v2", None)
    if image.mode == "F":
        raise _unknown_range(name, "32-bit floats")
    if image.mode == "L" and _sample_format(tags or {}) == _SIGNED:
        raise _unknown_range(name, "8-bit signed integers")
    if not image.mode.startswith("I"):
        return None
    if getattr(image, "format", None) in _FULL_RANGE:
        return GrayRange(0, 65535)
    if tags is None:
        raise ImageError(
            f"got a Pillow picture of mode {image.mode}, whose range is not known without its file; expected mode L or "
            "RGB: scale it to 0 to 255 first."
        )
    bounds = _declared(tags)
    if bounds is None:
        bits = tags.get(_BITS, (0,))[0]
        if _sample_format(tags) != _UNSIGNED or bits > 16:
            raise _unknown_range(name, f"{bits}-bit{' signed' * (_sample_format(tags) == _SIGNED)} integers")
        bounds = 0, (1 << bits) - 1
    black, white = bounds
    return GrayRange(white, black) if tags.get(_PHOTOMETRIC) == _WHITE_IS_ZERO else GrayRange(black, white)


def _unknown_range(name: str, what: str) -> ImageError:
    return ImageError(f"{quoted(name)} holds {what}, whose range is not known; expected 8 or 16 bits a channel.")


def _sample_format(tags: Any) -> int:
    return int(tags.get(_SAMPLE_FORMAT, (_UNSIGNED,))[0])


def _declared(tags: Any) -> tuple[float, float] | None:
    for least_tag, most_tag in _LEAST_AND_MOST:
        # Nearly anything may stand in a tag.
        try:
            most = tags[most_tag]
            least = tags.get(least_tag, 0)
            low, high = (float(value[0] if isinstance(value, tuple) else value) for value in (least, most))
        except (KeyError, IndexError, TypeError, ValueError, ZeroDivisionError):
            continue
        if np.isfinite([low, high]).all() and low < high:
            return low, high
    return None
