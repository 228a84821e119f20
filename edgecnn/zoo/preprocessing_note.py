"""What an exported file does with a picture before its network, and who said so: a line of every export's summary."""

from __future__ import annotations

from typing import TYPE_CHECKING

from edgecnn_runtime import Normalization, Preprocess

from edgecnn.zoo.request import NetworkRequest

if TYPE_CHECKING:
    from edgecnn_export import PixelGraph

__all__ = ["preprocessing_note"]


def preprocessing_note(graph: PixelGraph, request: NetworkRequest, *, otherwise: str) -> str:
    """Size, resize rule, kernel, mean and deviation, each with its source.

    Args:
        graph: What is exported.
        request: What was given on the command line.
        otherwise: Who says what was not given: `from the network`, `from the file`, `assumed`.
    """
    preprocess, normalization = graph.preprocess, graph.normalization
    given_resize = "--resize" if request.resize else "--resize-to" if request.resize_to else otherwise
    parts = [
        f"{preprocess.height}×{preprocess.width} pixels ({'--size' if request.size else otherwise})",
        f"{_rule(preprocess)} ({given_resize})",
        f"{preprocess.kernel} ({'--kernel' if request.kernel else otherwise})",
        _statistics(normalization, request, otherwise),
    ]
    return f"preprocessing: {', '.join(parts)}"


def _rule(preprocess: Preprocess) -> str:
    if preprocess.resize == "short-side":
        return f"short side to {preprocess.short_side}, center crop"
    return preprocess.resize


def _statistics(normalization: Normalization | None, request: NetworkRequest, otherwise: str) -> str:
    if normalization is None:
        return "mean and std inside the network"
    given = {"mean": request.mean, "std": request.std}
    mean, std = (
        f"{name} {' '.join(f'{value:.4g}' for value in values)} ("
        f"{otherwise if given[name] is None else request.said_by or f'--{name}'})"
        for name, values in (("mean", normalization.mean), ("std", normalization.std))
    )
    return f"{mean}, {std}"
