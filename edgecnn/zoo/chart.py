"""The zoo as a chart: accuracy over cost, a circle's area for the parameters."""

import io
import os
from collections.abc import Sequence
from pathlib import Path

from edgecnn_runtime.errors import MissingPackageError, OptionError

from edgecnn.write import check_ending, write_file
from edgecnn.zoo.catalog import CatalogEntry

__all__ = ["draw_zoo"]

_FORMATS = (".png", ".svg", ".pdf")


def draw_zoo(entries: Sequence[CatalogEntry], path: str | os.PathLike[str]) -> Path:
    """Write the chart of the networks that were published on ImageNet.

    Raises:
        OptionError: Another ending than .png, .svg or .pdf, or nothing to draw.
        MissingPackageError: Matplotlib is not installed.
    """
    suffix = check_ending(path, "chart", _FORMATS)
    shown = [entry for entry in entries if entry.data == "ImageNet-1k"]
    if not shown:
        raise OptionError("none of these networks was published on ImageNet, so there is nothing to compare.")
    try:
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib", extra="understand") from error
    figure = Figure(figsize=(10, 6.2), layout="constrained")
    axes = figure.subplots()
    years = [entry.year for entry in shown]
    dots = axes.scatter(
        [entry.macs / 1e6 for entry in shown],
        [100 * entry.top1 for entry in shown],
        s=[12 + entry.parameters / 1e5 for entry in shown],
        c=years, cmap="viridis", alpha=0.75, edgecolors="#333333", linewidths=0.6,
    )  # fmt: skip
    for entry in shown:
        offset = (6, -11 if _under_another(entry, shown) else 7)
        axes.annotate(
            entry.name, (entry.macs / 1e6, 100 * entry.top1), offset, textcoords="offset points", fontsize=8.5
        )
    axes.set_xscale("log")
    axes.set_xlabel("multiply-accumulates for one picture, millions (log)")
    axes.set_ylabel("published top-1 on ImageNet, %")
    axes.set_title("Area: parameters", fontsize=10, loc="left")
    axes.grid(alpha=0.25)
    axes.margins(x=0.12, y=0.08)
    figure.colorbar(dots, ax=axes, label="year", ticks=range(min(years), max(years) + 1, 2))
    buffer = io.BytesIO()
    figure.savefig(buffer, format=suffix[1:], dpi=130)
    return write_file(path, buffer.getvalue())


def _under_another(entry: CatalogEntry, shown: Sequence[CatalogEntry]) -> bool:
    """A better network of about the same cost stands close above, so this one's name goes below its circle."""
    return any(
        0 < other.top1 - entry.top1 < 0.04 and 0.5 < other.macs / entry.macs < 2
        for other in shown
        if other is not entry
    )
