"""The notebooks of samples/, executed from top to bottom in their short form."""

import contextlib
import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

NOTEBOOKS = Path(__file__).parents[2] / "samples" / "notebooks"


@dataclass(frozen=True)
class Executed:
    """What came of a notebook.

    Attributes:
        names: Its variables at the end.
        printed: What each cell of code printed.
        stored: What each of them shows in the file; empty where it was saved without its results.
    """

    names: dict[str, Any]
    printed: tuple[str, ...]
    stored: tuple[str, ...]


def execute(name: str, monkeypatch: pytest.MonkeyPatch) -> Executed:
    """Run a notebook's cells in the folder where it lies."""
    import matplotlib as mpl

    mpl.use("agg")
    import matplotlib.pyplot as plt

    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setenv("EDGECNN_SHORT", "1")
    document = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
    cells = [cell for cell in document["cells"] if cell["cell_type"] == "code"]
    names: dict[str, Any] = {"__name__": "__main__"}
    printed = []
    for number, cell in enumerate(cells):
        with contextlib.redirect_stdout(io.StringIO()) as out:
            exec(compile("".join(cell["source"]), f"{name}[{number}]", "exec"), names)
        printed.append(out.getvalue())
        plt.close("all")
    return Executed(names, tuple(printed), tuple("".join(_stored(cell)) for cell in cells))


def _stored(cell: dict[str, Any]) -> Iterator[str]:
    for output in cell["outputs"]:
        if output["output_type"] == "stream" and output["name"] == "stdout":
            yield from output["text"]
