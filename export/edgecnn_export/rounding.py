"""Choose int8 weights so that a layer's output changes least, and, where asked, so that no 16-bit pair sum can saturate.

Rounding every weight to its nearest code ignores that inputs go up and down together. Here each weight's rounding error
is made good by the weights that are rounded after it, along the covariance of the layer's inputs (optimal brain
quantization with a fixed order: Frantar et al. 2022, "GPTQ"). A pair of neighbours that could saturate the
16-bit sum of x86 CPUs without VNNI (see `saturation`) is drawn in to the nearest pair that cannot, and that error is
made good the same way. So a guilty layer keeps eight bits where it can, instead of losing one everywhere.
"""

from collections.abc import Callable, Collection

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.calibrate import CalibrationSet
from edgecnn_export.layers import Layer, float_layers
from edgecnn_export.quantize import WeightGrid
from edgecnn_export.ranges import run_tensors

__all__ = ["input_covariances", "round_weights"]

POSITIONS = 512
"""Positions of each picture that enter a covariance; neighbours tell little new."""
WIDEST = 2304
"""Rows longer than this get no covariance (it would take more than 40 MB each): their weights are rounded one by one."""
PAIR_LIMIT = 128
"""255 * 128 fits into 16 bits, 255 * 129 does not: the most two neighbouring weights of one sign may add up to."""
DAMPING = 0.01
"""Share of the mean variance added to each input's own, against noise in the covariance."""
WIDENINGS = np.array([1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 2.0])
"""Steps tried, relative to the one that spans the largest weight; only safe rows need more than the first."""


def input_covariances(
    model: onnx.ModelProto,
    calibration: CalibrationSet,
    *,
    progress: Callable[[int, int], None] | None = None,
) -> dict[str, NDArray[np.float64]]:
    """Return the covariance of each layer's inputs: `(G, K, K)` float64 by layer name, K as the kernels walk it.

    G is the number of groups; layers with rows longer than `WIDEST` have none. Memory does not depend on the number of
    pictures.
    """
    layers = [layer for layer in float_layers(model) if layer.rows.shape[1] <= WIDEST]
    sums: dict[str, NDArray[np.float64]] = {}
    squares: dict[str, NDArray[np.float64]] = {}
    counts: dict[str, int] = {}
    done = 0
    for tensors in run_tensors(model, [layer.data for layer in layers], calibration):
        for layer in layers:
            samples = _samples(layer, tensors[layer.data])
            total = samples.sum(axis=1, dtype=np.float64)
            square = (samples.transpose(0, 2, 1) @ samples).astype(np.float64)
            sums[layer.name] = sums.get(layer.name, np.zeros_like(total)) + total
            squares[layer.name] = squares.get(layer.name, np.zeros_like(square)) + square
            counts[layer.name] = counts.get(layer.name, 0) + samples.shape[1]
        done += len(next(iter(tensors.values())))
        if progress is not None:
            progress(done, len(calibration))
    found = {}
    for layer in layers:
        mean = sums[layer.name] / counts[layer.name]
        found[layer.name] = squares[layer.name] / counts[layer.name] - mean[:, :, None] * mean[:, None, :]
    return found


def round_weights(
    layer: Layer, covariance: NDArray[np.float64] | None, *, safe: bool, per_channel: bool = True
) -> WeightGrid:
    """Return the int8 weights of `layer`.

    Args:
        layer: float layer.
        covariance: `(G, K, K)` of its inputs, or None to round each weight to its nearest code.
        safe: whether no 16-bit pair sum may be able to saturate, whatever the input.
        per_channel: one scale an output channel, or one for the whole layer.
    """
    rows = np.asarray(layer.rows, np.float64)
    groups = layer.group if layer.operator == "Conv" else 1
    length = rows.shape[1]
    each = len(rows) // groups
    codes, scales = [], []
    largest = np.maximum(np.abs(rows).max(axis=1), 1e-12)
    base = (largest if per_channel else np.full_like(largest, largest.max())) / 127
    for g in range(groups):
        part, step = rows[g * each : (g + 1) * each], base[g * each : (g + 1) * each]
        matrix = np.eye(length) if covariance is None else covariance[g]
        scale = _widen(part, step, np.maximum(np.diag(matrix), 1e-12)) if safe and per_channel else step
        if safe and not per_channel:
            scale = step * 2
        codes.append(_round_rows(part, scale, None if covariance is None else matrix, safe=safe))
        scales.append(scale)
    scale = np.concatenate(scales).astype(np.float32)
    values = layer.from_rows(np.concatenate(codes).astype(np.int8))
    return WeightGrid(values, scale if per_channel else scale[:1], layer.channel_axis if per_channel else None)


def float_layer_samples(layer: Layer, data: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return `(G, P, K)` float32 samples of what the layer's rows are multiplied with."""
    return _samples(layer, data)


def _samples(layer: Layer, data: NDArray[np.float32]) -> NDArray[np.float32]:
    if layer.operator != "Conv":
        return data.reshape(1, -1, data.shape[-1])
    walked, (height, width) = layer.walk(data)
    step = max(1, int(np.ceil(np.sqrt(height * width / POSITIONS))))
    thin = np.asarray(walked[:, ::step, ::step], np.float32)
    kernel, channels = thin.shape[3:]
    grouped = thin.reshape(-1, kernel, layer.group, channels // layer.group)
    return np.ascontiguousarray(grouped.transpose(2, 0, 1, 3).reshape(layer.group, len(grouped), -1))


def _widen(rows: NDArray[np.float64], step: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the step of each row for which drawing pairs in and rounding costs least together."""
    best = np.full(len(rows), np.inf)
    chosen = step.copy()
    for widening in WIDENINGS:
        scale = step * widening
        scaled = rows / scale[:, None]
        codes = np.rint(scaled)
        _draw_in(codes, scaled, weight)
        error = (((codes - scaled) * scale[:, None]) ** 2 * weight).sum(axis=1)
        better = error < best
        best[better], chosen[better] = error[better], scale[better]
    return chosen


def _draw_in(codes: NDArray[np.float64], wanted: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
    """Move, in place, every pair of `codes (O, K)` that could saturate to the nearest pair that cannot."""
    even = codes.shape[1] // 2 * 2
    first, second = codes[:, 0:even:2], codes[:, 1:even:2]
    over = np.abs(first) + np.abs(second) - PAIR_LIMIT
    row, pair = np.nonzero((over > 0) & (np.sign(first) == np.sign(second)))
    if not len(row):
        return
    sign = np.sign(first[row, pair])
    a, b = np.abs(wanted[row, 2 * pair]), np.abs(wanted[row, 2 * pair + 1])
    # The error weight_a * da² + weight_b * db² is least, for da + db = over, where da is in proportion to weight_b.
    excess = a + b - PAIR_LIMIT
    weight_a, weight_b = weight[2 * pair], weight[2 * pair + 1]
    new_a = np.clip(np.rint(a - excess * weight_b / (weight_a + weight_b)), PAIR_LIMIT - 127, 127)
    new_b = np.minimum(PAIR_LIMIT - new_a, np.rint(b))
    first[row, pair], second[row, pair] = sign * new_a, sign * new_b


def _round_rows(
    rows: NDArray[np.float64], scale: NDArray[np.float64], covariance: NDArray[np.float64] | None, *, safe: bool
) -> NDArray[np.float64]:
    """Return the codes of `rows (O, K)`."""
    scaled = rows / scale[:, None]
    if covariance is None:
        codes = np.clip(np.rint(scaled), -127, 127)
        if safe:
            _draw_in(codes, scaled, np.ones(rows.shape[1]))
        return codes
    damped = covariance + np.eye(len(covariance)) * max(DAMPING * float(np.diag(covariance).mean()), 1e-12)
    # Upper Cholesky factor of the inverse: row k tells how to spread the error of weight k over the later ones.
    spread = np.linalg.cholesky(np.linalg.inv(damped)).T
    codes = np.empty_like(scaled)
    length = scaled.shape[1]
    importance = 1 / np.diag(spread) ** 2
    for k in range(0, length, 2):
        pair = slice(k, min(k + 2, length))
        codes[:, k] = np.clip(np.rint(scaled[:, k]), -127, 127)
        first_error = (scaled[:, k] - codes[:, k]) / spread[k, k]
        if k + 1 < length:
            second = scaled[:, k + 1] - first_error * spread[k, k + 1]
            codes[:, k + 1] = np.clip(np.rint(second), -127, 127)
        if safe:
            _draw_in(codes[:, pair], scaled[:, pair], importance[pair])
        for j in range(k, pair.stop):
            error = (scaled[:, j] - codes[:, j]) / spread[j, j]
            scaled[:, j + 1 :] -= np.outer(error, spread[j, j + 1 :])
    return codes
