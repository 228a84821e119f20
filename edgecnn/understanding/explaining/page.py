"""The page of `edgecnn explain`."""

import numpy as np
from PIL import Image

from edgecnn.understanding.drawing import shades, signed, upsampled
from edgecnn.understanding.explaining.comparison import Comparison
from edgecnn.understanding.explaining.explanation import ClassMap, Explanation
from edgecnn.understanding.explaining.painting import blended, centered, filter_picture, overlay, seen_by
from edgecnn.understanding.pages import Picture, data_uri, render

__all__ = ["explain_page"]

_FILTERS = 32  # more are all alike to the eye
_SMALL = 160  # side in pixels of the small pictures; they stand a few centimeters wide
_QUALITY = 85


def explain_page(explanation: Explanation, comparison: Comparison | None = None) -> str:
    """One prediction as a self-contained page."""
    pixels, first = explanation.pixels, explanation.first
    return render(
        "explain.html.j2",
        explanation=explanation,
        source=explanation.result.source.replace("\\", "/").rsplit("/", 1)[-1],
        best=explanation.result.top(1)[0],
        maps=[(entry, overlay(entry.map, *pixels.shape[:2]), _says(entry)) for entry in explanation.maps],
        filters=first.filters[:_FILTERS] if first else (),
        filter_picture=filter_picture,
        filter_map=lambda entry: _small(signed(centered(entry.map))),
        sobel=[
            (_small(signed(first.sobel_x)), "sobel_x: change along x, upright edges"),
            (_small(signed(first.sobel_y)), "sobel_y: change along y, level edges"),
            (_small(shades(np.hypot(first.sobel_x, first.sobel_y))), "both: strength of the edge"),
        ]
        if first
        else (),
        channel_map=lambda entry: data_uri(shades(entry.map), scale=max(1, _SMALL // max(entry.map.shape))),
        seen=lambda entry: _small(seen_by(pixels, entry.box)),
        comparison=comparison,
        images=_images(comparison) if comparison else (),
    )


def _says(entry: ClassMap) -> str:
    """The map in words, for those who cannot see it."""
    if entry.map.max() <= 0:
        return f"Nothing in the picture speaks for {entry.label}."
    rows, columns = entry.map.shape
    row, column = divmod(int(entry.map.argmax()), columns)
    down = ("top", "middle", "bottom")[3 * row // rows]
    across = ("left", "center", "right")[3 * column // columns]
    return f"{entry.label}: strongest at the {down} {across}."


def _images(comparison: Comparison) -> list[tuple[str, str]]:
    """Both networks' maps over the photo, and where they differ; each with its caption."""
    images = [
        (data_uri(blended(entry.pixels, entry.maps[0].map), quality=_QUALITY), f"{entry.model}: {entry.maps[0].label}")
        for entry in (comparison.first, comparison.second)
    ]
    if comparison.difference is not None:
        large = np.clip(upsampled(comparison.difference, *comparison.first.pixels.shape[:2]), -1, 1)
        most = f"at most {100 * np.abs(comparison.difference).max():.1f} % of the map"
        # Drawn against the maps' own range, so that a small difference looks small.
        caption = f"where they differ for {comparison.first.result.label}: {most}"
        images.append((data_uri(signed(large, largest=1)), caption))
    return images


def _small(picture: Picture) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((_SMALL, _SMALL), Image.Resampling.BOX)
    return data_uri(np.asarray(image), quality=_QUALITY)
