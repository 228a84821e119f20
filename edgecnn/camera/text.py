"""Text and bars drawn onto a part of a BGR picture, at sizes that follow the picture's."""

import numpy as np
from edgecnn_runtime.live.frame import Picture, cv2
from PIL import Image, ImageDraw

from edgecnn.camera.fonts import font_for, printable

__all__ = ["Color", "Pen", "line_height"]

Color = tuple[int, int, int] | tuple[int, int, int, int]


def line_height(width: int, height: int) -> int:
    """Pixels a line of text takes on a picture: about one twentieth of its height, never unreadably small."""
    return max(13, round(min(height, width * 0.75) / 20))


class Pen:
    """Draws on one rectangle of a picture; `commit` puts it back.

    Args:
        bgr: `(H, W, 3)` uint8 BGR, which is drawn on.
        box: Left, top, right and bottom of the rectangle, in pixels.
        shade: How much darker it gets first, 0 to 1.

    Attributes:
        width: Of the rectangle, in pixels.
        height: Of the rectangle, in pixels.
    """

    def __init__(self, bgr: Picture, box: tuple[int, int, int, int], *, shade: float = 0.6) -> None:
        left, top, right, bottom = box
        part = bgr[max(0, top) : bottom, max(0, left) : right]
        # On a picture of a few pixels there may be no place for it; then it is drawn nowhere.
        self._part = part if part.size else np.zeros((1, 1, 3), np.uint8)
        # Darkened first, so that text stands out on any picture.
        self._part[:] = cv2.convertScaleAbs(self._part, alpha=1 - shade)
        self.height, self.width = self._part.shape[:2]
        # Pillow gets this rectangle alone, and in BGR: swapping the colors it draws with is free.
        self._image = Image.fromarray(np.ascontiguousarray(self._part))
        self._draw = ImageDraw.Draw(self._image, "RGBA")

    def bar(self, at: tuple[int, int], color: Color, *, width: float, height: int) -> None:
        """A filled bar with its corner at `at`, in pixels of the rectangle."""
        x, y = at
        self._draw.rectangle((x, y, x + max(1, round(width)), y + height), fill=_swapped(color))

    def dot(self, at: tuple[int, int], color: Color, *, diameter: int) -> None:
        """A filled circle with its corner at `at`."""
        x, y = at
        self._draw.ellipse((x, y, x + diameter, y + diameter), fill=_swapped(color))

    def length(self, text: str, size: int) -> int:
        """Width of one line, in pixels."""
        font = font_for(text, size)
        return round(font.getlength(printable(text, font)))

    def text(self, at: tuple[int, int], text: str, *, size: int, color: Color, most: int | None = None) -> int:
        """Draw one line and return its width in pixels; what is wider than `most` ends in an ellipsis."""
        font = font_for(text, size)
        shown = printable(text, font)
        if most is not None:
            while len(shown) > 1 and font.getlength(shown) > most:
                shown = shown[:-2].rstrip() + "…"
        self._draw.text(at, shown, font=font, fill=_swapped(color))
        return round(font.getlength(shown))

    def commit(self) -> None:
        """Write the rectangle back into the picture."""
        self._part[:] = np.asarray(self._image)


def _swapped(color: Color) -> Color:
    return (*color[2::-1], *color[3:])
