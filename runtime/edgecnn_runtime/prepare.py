"""The one way from a picture source to the pixels that a network sees.

Training, calibration, the export's check, classify, evaluate and explain all come through here, so that every figure is
measured on the pixels that users get.
"""

import time
from dataclasses import dataclass

from edgecnn_runtime.image import MAX_MEMORY_MB, ImageSource, decode_image
from edgecnn_runtime.preprocess import Pixels, Preprocess
from edgecnn_runtime.result import Timing

__all__ = ["TimedPixels", "prepare", "prepare_timed"]


@dataclass(frozen=True, eq=False)
class TimedPixels:
    """Prepared pixels and what they took.

    Attributes:
        pixels: `(height, width, 3)` uint8 RGB, contiguous.
        timing_ms: Decoding and preprocessing, in milliseconds.
    """

    pixels: Pixels
    timing_ms: Timing


def prepare(
    source: ImageSource, preprocess: Preprocess, *, exact: bool = False, max_memory_mb: int = MAX_MEMORY_MB
) -> Pixels:
    """Load a picture, turn it upright, resize and crop it: what the network will see.

    Args:
        source: A path, the bytes of a picture file, an open binary file, a Pillow picture or an `(H, W, 3)` uint8 RGB
            array of any size.
        preprocess: The network's rule.
        exact: Decode large JPEGs in full instead of at a fraction of their size (slower, a gray level or two nearer to
            what a full decoding gives).
        max_memory_mb: Most memory that decoding a file may take, in units of 10⁶ bytes.

    Returns:
        `(height, width, 3)` uint8 RGB, contiguous.

    Raises:
        ImageError: The picture cannot be used; the message says why.
    """
    return prepare_timed(source, preprocess, exact=exact, max_memory_mb=max_memory_mb).pixels


def prepare_timed(
    source: ImageSource, preprocess: Preprocess, *, exact: bool = False, max_memory_mb: int = MAX_MEMORY_MB
) -> TimedPixels:
    """Do what `prepare` does and tell how long each half took."""
    start = time.perf_counter()
    at_least = None if exact else preprocess.decode_side
    decoded = decode_image(source, at_least=at_least, max_memory_mb=max_memory_mb)
    loaded = time.perf_counter()
    pixels = preprocess.apply(decoded.image, box=decoded.box)
    timing = Timing(decode=(loaded - start) * 1e3, preprocess=(time.perf_counter() - loaded) * 1e3)
    return TimedPixels(pixels, timing)
