"""The page of `edgecnn explain`."""

from typing import Any

import numpy as np
from PIL import Image

from edgecnn.understanding.drawing import shades, signed, upsampled
from edgecnn.understanding.explaining.comparison import Comparison
from edgecnn.understanding.explaining.explanation import Explanation
from edgecnn.understanding.explaining.first_layer import FirstLayer
from edgecnn.understanding.explaining.painting import blended, centered, filter_picture, overlay, seen_by
from edgecnn.understanding.explaining.stages import Stage
from edgecnn.understanding.pages import Picture, data_uri, render

__all__ = ["explain_page"]

_FILTERS = 32  # more are all alike to the eye
_SMALL = 160  # side in pixels of the small pictures; they stand a few centimeters wide
_QUALITY = 85


def explain_page(explanation: Explanation, comparison: Comparison | None = None) -> str:
    """One prediction as a self-contained page."""
    pixels = explanation.pixels
    height, width = pixels.shape[:2]
    maps = [
        {
            "label": entry.label,
            "score": entry.score,
            "image": data_uri(overlay(entry.map, height, width)),
            "says": _says(entry.map, entry.label),
        }
        for entry in explanation.maps
    ]
    best = explanation.result.top(1)[0]
    return render(
        "explain.html.j2",
        model=explanation.model,
        source=explanation.result.source.replace("\\", "/").rsplit("/", 1)[-1],
        label=best.label,
        score=best.score,
        note=explanation.note,
        method=explanation.method,
        cells=f"{explanation.maps[0].map.shape[0]}×{explanation.maps[0].map.shape[1]} cells",
        picture=data_uri(pixels),
        width=width,
        height=height,
        maps=maps,
        first=_first(explanation.first) if explanation.first else None,
        stages=[_stage(stage, pixels) for stage in explanation.stages],
        comparison=_comparison(comparison) if comparison else None,
    )


def _says(values: np.ndarray[Any, Any], label: str) -> str:
    """The map in words, for those who cannot see it."""
    if values.max() <= 0:
        return f"Nothing in the picture speaks for {label}."
    row, column = divmod(int(values.argmax()), values.shape[1])
    down = ("top", "middle", "bottom")[min(2, 3 * row // values.shape[0])]
    across = ("left", "center", "right")[min(2, 3 * column // values.shape[1])]
    return f"{label}: strongest at the {down} {across}."


def _first(first: FirstLayer) -> dict[str, Any]:
    filters = [
        {
            "index": entry.index,
            "weights": data_uri(filter_picture(entry), scale=8),
            "map": _small(signed(centered(entry.map))),
            "says": f"{entry.index}: {100 * entry.likeness:.0f} % like {entry.kind}",
        }
        for entry in first.filters[:_FILTERS]
    ]
    magnitude = np.hypot(first.sobel_x, first.sobel_y)
    sobel = [
        (_small(signed(first.sobel_x)), "sobel_x: change along x, upright edges"),
        (_small(signed(first.sobel_y)), "sobel_y: change along y, level edges"),
        (_small(shades(magnitude)), "both: strength of the edge"),
    ]
    return {"name": first.name, "filters": filters, "sobel": sobel}


def _stage(stage: Stage, pixels: Picture) -> dict[str, Any]:
    size = stage.layer.to_dict()["receptive_field"]
    sees = "sees the whole picture" if size == "global" else f"a position sees {_pixels(size)}"
    silent = f"; {stage.silent} silent here" if stage.silent else ""
    return {
        "title": stage.layer.name,
        "says": f"{stage.height}×{stage.width} cells, {stage.count} channels{silent}; {sees}",
        "channels": [
            {
                "index": entry.index,
                "map": data_uri(shades(entry.map), scale=max(1, _SMALL // max(entry.map.shape))),
                "seen": _small(seen_by(pixels, entry.box)),
            }
            for entry in stage.channels
        ],
    }


def _comparison(comparison: Comparison) -> dict[str, Any]:
    first, second = comparison.first, comparison.second
    best, other = first.result.top(1)[0], second.result.top(1)[0]
    if comparison.same_label:
        says = f"Both say {best.label}, with {_percent(best.score)} and {_percent(other.score)}."
    else:
        says = f"They disagree: {best.label} ({_percent(best.score)}) against {other.label} ({_percent(other.score)})."
    images = [
        (data_uri(blended(entry.pixels, entry.maps[0].map), quality=_QUALITY), f"{entry.model}: {entry.maps[0].label}")
        for entry in (first, second)
    ]
    if comparison.difference is not None:
        height, width = first.pixels.shape[:2]
        large = np.clip(upsampled(comparison.difference, height, width), -1, 1)
        largest = _percent(float(np.abs(comparison.difference).max()))
        # Drawn against the maps' own range, so that a small difference looks small.
        images.append(
            (data_uri(signed(large, largest=1)), f"where they differ for {best.label}: at most {largest} of the map")
        )
    name = second.model if second.model != first.model else f"{second.model}, the other file"
    return {"name": name, "says": says, "images": images, "classes": comparison.classes, "stages": comparison.stages}


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _small(picture: Picture) -> str:
    image = Image.fromarray(picture)
    image.thumbnail((_SMALL, _SMALL), Image.Resampling.BOX)
    return data_uri(np.asarray(image), quality=_QUALITY)


def _pixels(size: object) -> str:
    if size is None:
        return "an unknown part"
    return " by ".join(str(part) for part in size) if isinstance(size, list) else f"{size} by {size} pixels"
