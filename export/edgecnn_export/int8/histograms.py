"""Ranges narrower than minimum to maximum: by percentile, mean square error or entropy, from streamed histograms."""

from typing import Literal

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.quantize import ActivationGrid
from edgecnn_export.int8.ranges import TensorRange, run_tensors
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["METHODS", "Method", "grids", "observe_histograms"]

Method = Literal["min-max", "percentile", "mse", "entropy"]
METHODS: tuple[Method, ...] = ("min-max", "percentile", "mse", "entropy")

BINS = 2048
KEPT = 0.9999
"""Share of the values that the percentile method keeps inside the grid."""
SHRINKS = np.linspace(0.3, 1.0, 36)
STRIDE = 5
"""Every fifth value is counted: histograms need no more, and it is four times faster."""


def observe_histograms(
    model: onnx.ModelProto, ranges: dict[str, TensorRange], calibration: PreparedPictures
) -> dict[str, NDArray[np.int64]]:
    """`(BINS,)` counts of each tensor's values between its low and its high, streamed over the pictures."""
    found = {name: np.zeros(BINS, np.int64) for name in ranges}
    for tensors in run_tensors(model, ranges, calibration):
        for name, value in tensors.items():
            span = ranges[name]
            width = max(span.high - span.low, 1e-12)
            thin = value.reshape(-1)[::STRIDE] if value.size > 100_000 else value.reshape(-1)
            index = ((thin - np.float32(span.low)) * np.float32(BINS / width)).astype(np.int32)
            found[name] += np.bincount(np.clip(index, 0, BINS - 1), minlength=BINS)
    return found


def grids(
    ranges: dict[str, TensorRange], histograms: dict[str, NDArray[np.int64]], method: Method
) -> dict[str, ActivationGrid]:
    """The grid of each tensor by `method`."""
    found = {}
    for name, span in ranges.items():
        counts = histograms.get(name)
        low, high = span.low, span.high
        if method != "min-max" and counts is not None and counts.sum() and high > low:
            low, high = _NARROW[method](counts, low, high)
        found[name] = ActivationGrid.from_range(low, high)
    return found


def _by_percentile(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    share = np.cumsum(counts) / counts.sum()
    edges = np.linspace(low, high, BINS + 1)
    first = int(np.searchsorted(share, (1 - KEPT) / 2))
    last = int(np.searchsorted(share, 1 - (1 - KEPT) / 2))
    return float(edges[first]), float(edges[min(last + 1, BINS)])


def _by_mse(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    edges = np.linspace(low, high, BINS + 1)
    centers = (edges[:-1] + edges[1:]) / 2
    best = (np.inf, low, high)
    for shrink_low in SHRINKS if low < 0 else [1.0]:
        lows, highs = np.full(len(SHRINKS), low * shrink_low), high * SHRINKS
        step = (highs - lows) / 255
        clipped = np.clip(centers, lows[:, None], highs[:, None]) - centers
        # Inside the grid rounding costs step²/12 on average, and nothing at all for values that are exactly zero.
        rounding = (step**2 / 12)[:, None] * ((clipped == 0) & (np.abs(centers) > (edges[1] - edges[0])))
        cost = ((clipped**2 + rounding) * counts).sum(axis=1)
        k = int(cost.argmin())
        if cost[k] < best[0]:
            best = (float(cost[k]), float(lows[k]), float(highs[k]))
    return best[1], best[2]


def _by_entropy(counts: NDArray[np.int64], low: float, high: float) -> tuple[float, float]:
    """Least Kullback-Leibler divergence between the values and what 256 codes keep of them."""
    edges = np.linspace(low, high, BINS + 1)
    zero = int(np.clip(np.searchsorted(edges, 0.0), 0, BINS - 1))
    total = counts.sum()
    best = (np.inf, low, high)
    for shrink in SHRINKS:
        first, last = round(zero * (1 - shrink)), zero + max(1, round((BINS - zero) * shrink))
        inside = counts[first:last].astype(np.float64)
        reference = inside.copy()
        reference[0] += counts[:first].sum()
        reference[-1] += counts[last:].sum()
        code = np.arange(len(inside)) * 256 // len(inside)
        used = inside > 0
        mass, bins = np.bincount(code, inside, 256), np.bincount(code, used, 256)
        kept = np.where(used, (mass / np.maximum(bins, 1))[code], 0.0)
        p, q = reference / total, kept / max(kept.sum(), 1e-12)
        seen = p > 0
        divergence = float((p[seen] * np.log(p[seen] / np.maximum(q[seen], 1e-9))).sum())
        if divergence < best[0]:
            best = (divergence, float(edges[first]), float(edges[last]))
    return best[1], best[2]


_NARROW = {"percentile": _by_percentile, "mse": _by_mse, "entropy": _by_entropy}
