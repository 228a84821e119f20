"""BMP files whose pixels are bit fields in an order that Pillow does not know, such as red in the lowest byte."""

import struct
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
from PIL import Image

__all__ = ["read_bitfields"]

_BITFIELDS, _ALPHA_BITFIELDS = 3, 6  # values of the field `compression`
_MASKS_AT = 14 + 40
_HEADER_WITH_ALPHA = 56
_BAND_PIXELS = 1 << 18


def read_bitfields(file: Path | BinaryIO) -> Image.Image | None:
    """Read such a BMP whole, to mode RGB or RGBA; None where the file is something else.

    Raises:
        OSError: It ends before its pixels do.
    """
    if isinstance(file, Path):
        data = file.read_bytes()
    else:
        file.seek(0)
        data = file.read()
    if len(data) < _MASKS_AT + 16 or not data.startswith(b"BM"):
        return None
    start, header = struct.unpack_from("<II", data, 10)
    width, height, _, bits, compression = struct.unpack_from("<iiHHI", data, 18)
    if compression not in (_BITFIELDS, _ALPHA_BITFIELDS) or bits not in (16, 32) or width < 1 or not height:
        return None
    with_alpha = compression == _ALPHA_BITFIELDS or header >= _HEADER_WITH_ALPHA
    masks = struct.unpack_from("<4I" if with_alpha else "<3I", data, _MASKS_AT)
    stride = (width * bits // 8 + 3) // 4 * 4
    if len(data) < start + stride * abs(height):
        raise OSError("image file is truncated")
    lines = np.frombuffer(data, np.uint8, stride * abs(height), start).reshape(abs(height), stride)
    values = lines[:, : width * bits // 8].view("<u2" if bits == 16 else "<u4")
    pixels = _channels(values if height < 0 else values[::-1], masks if masks[-1] else masks[:3])
    return Image.fromarray(pixels)


def _channels(values: npt.NDArray[np.uint32], masks: tuple[int, ...]) -> npt.NDArray[np.uint8]:
    """`(H, W, masks)` uint8 out of `(H, W)` packed pixels."""
    pixels = np.zeros((*values.shape, len(masks)), np.uint8)
    rows = max(1, _BAND_PIXELS // values.shape[1])
    for top in range(0, len(values), rows):
        band = values[top : top + rows].astype(np.uint32)
        for channel, mask in enumerate(masks):
            lowest = mask & -mask
            field = (band & np.uint32(mask)) // np.uint32(lowest or 1)
            pixels[top : top + rows, :, channel] = np.rint(field * (255 / max(mask // (lowest or 1), 1)))
    return pixels
