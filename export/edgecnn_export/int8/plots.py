"""Bar charts as inline SVG, for reports that need no other file."""

from collections.abc import Mapping
from html import escape

__all__ = ["bars"]

ROW, LABEL, LENGTH = 16, 300, 420


def bars(values: Mapping[str, float], *, unit: str, most: float | None = None) -> str:
    """Return horizontal bars, one a value; bars longer than `most` are cut there, their number still stands beside."""
    if not values:
        return ""
    top = max(values.values()) if most is None else min(most, max(values.values()))
    top = top if top > 0 else 1.0
    rows = []
    for i, (name, value) in enumerate(values.items()):
        length = LENGTH * max(0.0, min(value, top)) / top
        y = i * ROW
        rows.append(
            f'<text x="{LABEL - 6}" y="{y + 12}" text-anchor="end">{escape(name[:52])}</text>'
            f'<rect x="{LABEL}" y="{y + 2}" width="{length:.1f}" height="{ROW - 4}" fill="#3a7ca5"/>'
            f'<text x="{LABEL + length + 5:.1f}" y="{y + 12}">{value:.4g}</text>'
        )
    height = ROW * len(values) + 20
    caption = f'<text x="{LABEL}" y="{height - 5}">{escape(unit)}</text>'
    width = LABEL + LENGTH + 80
    start = f'<svg role="img" aria-label="{escape(unit)}" viewBox="0 0 {width} {height}" width="{width}">'
    return f"{start}{''.join(rows)}{caption}</svg>"
