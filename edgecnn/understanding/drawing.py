"""Drawing with Pillow: maps as pictures, matrices with their numbers, panels side by side."""

from collections.abc import Sequence
from functools import cache
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from edgecnn.understanding.pages import Picture

__all__ = ["GROUND", "MARK", "Matrix", "draw_cells", "heat", "panels", "shades", "signed", "upsampled"]

Matrix = npt.NDArray[Any]

GROUND, INK, LINE = (255, 255, 255), (27, 31, 36), (208, 215, 222)
MARK, CHOSEN = (196, 50, 10), (255, 226, 210)
_CELL, _GAP = 44, 20  # pixels: side of a matrix's cell, between panels


@cache
def _font(size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """The font that comes with Pillow."""
    return ImageFont.load_default(size)


def shades(values: Matrix) -> Picture:
    """A map in gray, smallest black, largest white: `(H, W, 3)` uint8; a constant map is mid-gray."""
    values = np.asarray(values, np.float64)
    low, high = float(values.min()), float(values.max())
    gray = np.full(values.shape, 128.0) if high == low else (values - low) * (255 / (high - low))
    return np.asarray(gray.round(), np.uint8)[:, :, None].repeat(3, axis=2)


def signed(values: Matrix, *, largest: float | None = None) -> Picture:
    """A map around zero: zero white, positive orange to dark red, negative blue.

    Args:
        values: `(H, W)`.
        largest: Magnitude of the darkest color; None takes the map's own largest.

    Returns:
        `(H, W, 3)` uint8.
    """
    values = np.asarray(values, np.float64)
    share = (values / (largest or float(np.abs(values).max()) or 1.0))[:, :, None]
    warm, cold = np.array([150, 35, 0]), np.array([5, 60, 140])
    towards = np.where(share > 0, warm, cold)
    return np.asarray((255 + (towards - 255) * np.abs(share) ** 0.8).round(), np.uint8)


def heat(values: Matrix) -> Picture:
    """A map from 0 to 1 in the colors of `inferno`, dark to bright: `(H, W, 3)` uint8."""
    stops = np.array(
        [
            (0, 0, 4), (40, 11, 84), (101, 21, 110), (159, 42, 99), (212, 72, 66), (245, 125, 21), (250, 193, 39),
            (252, 255, 164),
        ],
        np.float64,
    )  # fmt: skip
    position = np.clip(np.asarray(values, np.float64), 0, 1) * (len(stops) - 1)
    lower = np.minimum(position.astype(int), len(stops) - 2)
    part = (position - lower)[:, :, None]
    return np.asarray((stops[lower] * (1 - part) + stops[lower + 1] * part).round(), np.uint8)


def upsampled(values: npt.NDArray[np.float32], height: int, width: int) -> npt.NDArray[np.float32]:
    """A small map at the picture's size, bicubic, `(height, width)` float32."""
    image = Image.fromarray(np.ascontiguousarray(values, np.float32))
    return np.asarray(image.resize((width, height), Image.Resampling.BICUBIC), np.float32)


def draw_cells(
    values: Matrix, *, window: Sequence[tuple[int, int]] = (), hidden_after: int | None = None
) -> Image.Image:
    """A matrix as a grid of cells with their numbers.

    Args:
        values: `(rows, columns)`.
        window: Rows and columns of the cells to highlight.
        hidden_after: How many cells, row by row, show their number; None shows all.
    """
    image = Image.new("RGB", (values.shape[1] * _CELL + 1, values.shape[0] * _CELL + 1), GROUND)
    draw = ImageDraw.Draw(image)
    chosen = set(window)
    for index, ((row, column), value) in enumerate(np.ndenumerate(values)):
        left, top = column * _CELL, row * _CELL
        fill = CHOSEN if (row, column) in chosen else GROUND
        draw.rectangle((left, top, left + _CELL, top + _CELL), fill=fill, outline=LINE)
        if hidden_after is None or index < hidden_after:
            text = f"{value:.4g}"
            size = max(9, min(_CELL * 2 // 5, int(_CELL * 1.6 / len(text))))
            draw.text((left + _CELL / 2, top + _CELL / 2), text, INK, _font(size), anchor="mm")
    if chosen:
        (top, left), (bottom, right) = min(chosen), max(chosen)
        box = (left * _CELL, top * _CELL, (right + 1) * _CELL, (bottom + 1) * _CELL)
        draw.rectangle(box, outline=MARK, width=2)
    return image


def panels(parts: Sequence[tuple[str, Image.Image]], *, columns: int | None = None) -> Image.Image:
    """Pictures side by side, each under its title."""
    columns = columns or len(parts)
    width = max(max(image.width, int(_font(15).getlength(title))) for title, image in parts)
    height = max(image.height for _, image in parts) + 24
    rows = -(-len(parts) // columns)
    sheet = Image.new("RGB", (columns * (width + _GAP) + _GAP, rows * (height + _GAP) + _GAP), GROUND)
    draw = ImageDraw.Draw(sheet)
    for index, (title, image) in enumerate(parts):
        row, column = divmod(index, columns)
        left, top = _GAP + column * (width + _GAP), _GAP + row * (height + _GAP)
        draw.text((left, top), title, INK, _font(15))
        sheet.paste(image, (left, top + 24))
    return sheet
