"""The page and the sheet of `edgecnn dream`."""

from collections.abc import Sequence
from itertools import groupby

from PIL import Image

from edgecnn.understanding.drawing import panels
from edgecnn.understanding.dreaming.painting import Dream
from edgecnn.understanding.pages import render

__all__ = ["dream_page", "dream_sheet"]


def dream_page(dreams: Sequence[Dream], *, name: str, steps: int, seed: int) -> str:
    """A grid of pictures for each layer, self-contained."""
    groups = [(layer, list(members)) for layer, members in groupby(dreams, key=lambda entry: entry.layer)]
    return render("dream.html.j2", name=name, steps=steps, seed=seed, size=dreams[0].picture.shape[0], groups=groups)


def dream_sheet(dreams: Sequence[Dream]) -> Image.Image:
    """All pictures on one sheet."""
    parts = [(entry.label.rsplit(", ", 1)[-1], Image.fromarray(entry.picture)) for entry in dreams]
    return panels(parts, columns=min(len(parts), 6))
