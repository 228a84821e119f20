"""How an explanation is painted: maps over the photo, filters, what a position sees."""

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw

from edgecnn.understanding.drawing import GROUND, MARK, heat, panels, shades, signed, upsampled
from edgecnn.understanding.explaining.comparison import Comparison
from edgecnn.understanding.explaining.explanation import Explanation
from edgecnn.understanding.explaining.first_layer import Filter
from edgecnn.understanding.pages import Picture

__all__ = ["blended", "centered", "filter_picture", "overlay", "seen_by", "sheet"]

Map = npt.NDArray[np.float32]


def overlay(values: Map, height: int, width: int) -> npt.NDArray[np.uint8]:
    """The part of a map that speaks for its class, in heat colors to lay over a photo.

    Returns:
        `(height, width, 4)` uint8 RGBA, clear where nothing speaks for the class.
    """
    strength = np.clip(upsampled(values, height, width), 0, None)
    strength = strength / (float(strength.max()) or 1.0)
    opacity = (255 * np.clip(strength * 1.6, 0, 1)).astype(np.uint8)
    return np.dstack([heat(0.25 + 0.75 * strength), opacity])


def blended(pixels: Picture, values: Map) -> Picture:
    """A photo with a map over it, `(H, W, 3)` uint8."""
    over = overlay(values, *pixels.shape[:2])
    alpha = over[:, :, 3:].astype(np.float32) / 255 * 0.7
    return np.asarray((pixels * (1 - alpha) + over[:, :, :3] * alpha).round(), np.uint8)


def centered(values: Map) -> Map:
    """A map around its median, so that a filter's constant activation on a plain area does not hide its edges."""
    return np.asarray(values - np.median(values), np.float32)


def filter_picture(entry: Filter) -> Picture:
    """A filter's weights as colors, gray is zero: `(kernel height, kernel width, 3)` uint8."""
    weights = entry.weights
    largest = float(np.abs(weights).max()) or 1.0
    colors = np.asarray((127.5 + 127.5 * weights / largest).round(), np.uint8)
    return colors if colors.shape[2] == 3 else colors.repeat(3, axis=2)


def seen_by(pixels: Picture, box: list[int] | None) -> Picture:
    """The photo with all but the receptive field dimmed and the field framed."""
    if box is None:
        return pixels
    height, width = pixels.shape[:2]
    left, top = max(0, box[0]), max(0, box[1])
    right, bottom = min(width, box[0] + box[2]), min(height, box[1] + box[3])
    dimmed = np.asarray(pixels * 0.35 + 90, np.uint8)
    dimmed[top:bottom, left:right] = pixels[top:bottom, left:right]
    image = Image.fromarray(dimmed)
    frame = (max(0, left - 2), max(0, top - 2), min(width - 1, right + 1), min(height - 1, bottom + 1))
    ImageDraw.Draw(image).rectangle(frame, outline=MARK, width=3)
    return np.asarray(image)


def sheet(explanation: Explanation, comparison: Comparison | None = None) -> Image.Image:
    """Everything on one sheet: picture, maps, first layer, stages."""
    pixels = explanation.pixels
    side = pixels.shape[1]

    def photo(picture: Picture) -> Image.Image:
        image = Image.fromarray(picture)
        smooth = Image.Resampling.BICUBIC if image.width > side else Image.Resampling.NEAREST
        return image.resize((side, round(side * image.height / image.width)), smooth)

    rows = [[("the picture as the network gets it", pixels)]]
    rows[0] += [(f"{entry.label} {entry.score:.1%}", blended(pixels, entry.map)) for entry in explanation.maps[:4]]
    if comparison is not None:
        other, seen = comparison.second, comparison.second.maps[0]
        rows[0].append((f"{other.model}: {seen.label} {seen.score:.1%}", blended(other.pixels, seen.map)))
    if explanation.first is not None:
        first = explanation.first
        edges = [("sobel_x", signed(first.sobel_x)), ("sobel_y", signed(first.sobel_y))]
        rows.append(edges + [(f"filter {entry.index}", signed(centered(entry.map))) for entry in first.filters[:3]])
    for stage in explanation.stages:
        channels = stage.channels[:2]
        maps = [(f"{stage.layer.name}, channel {entry.index}", shades(entry.map)) for entry in channels]
        rows.append(maps + [("what it sees", seen_by(pixels, entry.box)) for entry in channels])
    parts = [panels([(title, photo(picture)) for title, picture in row]) for row in rows]
    result = Image.new("RGB", (max(part.width for part in parts), sum(part.height for part in parts)), GROUND)
    for index, part in enumerate(parts):
        result.paste(part, (0, sum(above.height for above in parts[:index])))
    return result
