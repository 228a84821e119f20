"""Choose int8 weights that change a layer's output least and, where asked, let no 16-bit pair sum saturate.

Rounding every weight to its nearest code ignores that inputs go up and down together. Here each weight's rounding error
is made good by the weights that are rounded after it, along the covariance of the layer's inputs (optimal brain
quantization with a fixed order: Frantar et al. 2022, "GPTQ"). A pair of neighbors that could saturate the
16-bit sum of x86 CPUs without VNNI (see `saturation`) is drawn in to the nearest pair that cannot, and that error is
made good the same way. So a saturating layer keeps eight bits where it can, instead of losing one everywhere.
"""

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.quantize import WeightGrid
from edgecnn_export.int8.ranges import run_tensors
from edgecnn_export.int8.weighted_layers import WeightedLayer, float_layers
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["input_covariances", "round_weights"]

POSITIONS = 100
"""Positions of each picture that enter a covariance; neighbors tell little new."""
WIDEST = 1300
"""Rows longer than this get no covariance (it would take over 6 MB each): their weights are rounded one by one."""
PAIR_LIMIT = 128
"""255 * 128 fits into 16 bits, 255 * 129 does not: the most two neighboring weights of one sign may add up to."""
DAMPING = 0.01
"""Share of the mean variance added to each input's own, against noise in the covariance."""
BLOCK = 64
"""Weights of a row whose errors are spread at once over all later ones; even, so that pairs stay together."""
WIDENINGS = np.array([1.0, 1.05, 1.1, 1.15, 1.2, 1.3, 1.4, 1.5, 1.6, 1.75, 2.0])
"""Steps tried, relative to the one that spans the largest weight; only safe rows need more than the first."""


def input_covariances(model: onnx.ModelProto, calibration: PreparedPictures) -> dict[str, NDArray[np.float32]]:
    """The covariance of each layer's inputs: `(G, K, K)` float32 by layer name, K as the kernels walk it.

    G is the number of groups; layers with rows longer than `WIDEST` have none. Memory does not depend on the number of
    pictures.
    """
    layers = [layer for layer in float_layers(model) if layer.rows.shape[1] <= WIDEST]
    sums: dict[str, NDArray[np.float64]] = {}
    squares: dict[str, NDArray[np.float32]] = {}
    counts: dict[str, int] = {}
    for tensors in run_tensors(model, [layer.data for layer in layers], calibration):
        for layer in layers:
            samples = _samples(layer, tensors[layer.data])
            total = samples.sum(axis=1, dtype=np.float64)
            square = samples.transpose(0, 2, 1) @ samples
            if layer.name in squares:
                sums[layer.name] += total
                squares[layer.name] += square
            else:
                sums[layer.name], squares[layer.name] = total, square
            counts[layer.name] = counts.get(layer.name, 0) + samples.shape[1]
    found = {}
    for layer in layers:
        mean = sums[layer.name] / counts[layer.name]
        square = squares.pop(layer.name)
        square /= counts[layer.name]
        square -= (mean[:, :, None] * mean[:, None, :]).astype(np.float32)
        found[layer.name] = square
    return found


def round_weights(
    layer: WeightedLayer, covariance: NDArray[np.float32] | None, *, safe: bool, per_channel: bool = True, bits: int = 8
) -> WeightGrid:
    """The int8 weights of `layer`.

    Args:
        layer: Float layer.
        covariance: `(G, K, K)` of its inputs, or None to round each weight to its nearest code.
        safe: Whether no 16-bit pair sum may be able to saturate, whatever the input.
        per_channel: One scale an output channel, or one for the whole layer.
        bits: 8, or 7 for codes in -63..63, which can never saturate either.
    """
    groups = layer.group if layer.operator == "Conv" else 1
    flat = np.asarray(layer.rows, np.float64)
    rows = flat.reshape(groups, -1, flat.shape[1])
    largest = np.maximum(np.abs(rows).max(axis=2), 1e-12)
    scale = (largest if per_channel else np.full_like(largest, largest.max())) / (127 if bits == 8 else 63)
    if safe and bits == 8:
        weight = np.ones((groups, rows.shape[2])) if covariance is None else np.maximum(_diagonal(covariance), 1e-12)
        scale = _widen(rows, scale, weight) if per_channel else scale * 2
    scale = scale.astype(np.float32).astype(np.float64)
    codes = _round_rows(rows, scale, covariance, safe=safe).reshape(flat.shape).astype(np.int8)
    steps = scale.reshape(-1).astype(np.float32)
    values = layer.from_rows(codes)
    return WeightGrid(values, steps if per_channel else steps[:1], layer.channel_axis if per_channel else None)


def _diagonal(matrices: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(np.diagonal(matrices, axis1=1, axis2=2), np.float64)


def _samples(layer: WeightedLayer, data: NDArray[np.float32]) -> NDArray[np.float32]:
    """`(G, P, K)` float32 samples of what the layer's rows are multiplied with."""
    if layer.operator != "Conv":
        return data.reshape(1, -1, data.shape[-1])
    positions = data.shape[2] * data.shape[3] / (layer.strides[0] * layer.strides[1])
    step = max(1, int(np.ceil(np.sqrt(positions / POSITIONS))))
    walked, _ = layer.walk(data, step=step)
    kernel, channels = walked.shape[3:]
    grouped = walked.reshape(-1, kernel, layer.group, channels // layer.group)
    moved = grouped.transpose(2, 0, 1, 3).reshape(layer.group, len(grouped), -1)
    return np.ascontiguousarray(moved, np.float32)


def _widen(rows: NDArray[np.float64], step: NDArray[np.float64], weight: NDArray[np.float64]) -> NDArray[np.float64]:
    """The step of each row `(G, O)` for which drawing pairs in and rounding costs least together."""
    best = np.full(step.shape, np.inf)
    chosen = step.copy()
    for widening in WIDENINGS:
        scale = (step * widening)[:, :, None]
        scaled = rows / scale
        codes = np.rint(scaled)
        _draw_in(codes, scaled, weight)
        error = (((codes - scaled) * scale) ** 2 * weight[:, None, :]).sum(axis=2)
        better = error < best
        best[better], chosen[better] = error[better], scale[:, :, 0][better]
    return chosen


def _draw_in(codes: NDArray[np.float64], wanted: NDArray[np.float64], weight: NDArray[np.float64]) -> None:
    """Move, in place, every pair of `codes (G, O, K)` that could saturate to the nearest pair that cannot.

    `wanted` are the codes before rounding, `weight (G, K)` says how much an error in each place costs.
    """
    even = codes.shape[2] // 2 * 2
    first, second = codes[:, :, 0:even:2], codes[:, :, 1:even:2]
    over = (np.abs(first) + np.abs(second) > PAIR_LIMIT) & (np.sign(first) == np.sign(second))
    group, row, pair = np.nonzero(over)
    if not len(row):
        return
    sign = np.sign(first[group, row, pair])
    a, b = np.abs(wanted[group, row, 2 * pair]), np.abs(wanted[group, row, 2 * pair + 1])
    weight_a, weight_b = weight[group, 2 * pair], weight[group, 2 * pair + 1]
    # The error weight_a * da² + weight_b * db² is least, for da + db = excess, where da is in proportion to weight_b.
    excess = a + b - PAIR_LIMIT
    new_a = np.clip(np.rint(a - excess * weight_b / (weight_a + weight_b)), PAIR_LIMIT - 127, 127)
    new_b = np.clip(np.rint(b), 0, PAIR_LIMIT - new_a)
    first[group, row, pair], second[group, row, pair] = sign * new_a, sign * new_b


def _spread(covariance: NDArray[np.float32]) -> NDArray[np.float64] | None:
    """`(G, K, K)`: row k tells how to spread the error of weight k over the later ones; None where rounding forbids it.

    It is the upper Cholesky factor of the covariance's inverse. Inputs that hardly vary give a matrix that rounding
    leaves without an inverse; more damping makes one.
    """
    mean = np.maximum(_diagonal(covariance).mean(axis=1), 1e-12)
    identity = np.eye(covariance.shape[1])
    for damping in (DAMPING, 10 * DAMPING, 100 * DAMPING):
        damped = covariance + identity * (damping * mean)[:, None, None]
        try:
            spread = np.linalg.cholesky(np.linalg.inv(damped)).transpose(0, 2, 1)
        except np.linalg.LinAlgError:
            continue
        if np.isfinite(spread).all():
            return np.asarray(spread, np.float64)
    return None


def _round_rows(
    rows: NDArray[np.float64], scale: NDArray[np.float64], covariance: NDArray[np.float32] | None, *, safe: bool
) -> NDArray[np.float64]:
    """The codes of `rows (G, O, K)`."""
    scaled = rows / scale[:, :, None]
    if covariance is None:
        codes = np.clip(np.rint(scaled), -127, 127)
        if safe:
            _draw_in(codes, scaled, np.ones((len(rows), rows.shape[2])))
        return codes
    length = rows.shape[2]
    spread = _spread(covariance)
    if spread is None:
        return _round_rows(rows, scale, None, safe=safe)
    own = _diagonal(spread)
    codes = np.empty_like(scaled)
    errors = np.empty_like(scaled)
    for start in range(0, length, BLOCK):
        end = min(start + BLOCK, length)
        for k in range(start, end, 2):
            stop = min(k + 2, length)
            codes[:, :, k] = np.clip(np.rint(scaled[:, :, k]), -127, 127)
            if stop == k + 2:
                error = (scaled[:, :, k] - codes[:, :, k]) * (spread[:, k, k + 1] / own[:, k])[:, None]
                codes[:, :, k + 1] = np.clip(np.rint(scaled[:, :, k + 1] - error), -127, 127)
                if safe:
                    _draw_in(codes[:, :, k:stop], scaled[:, :, k:stop], 1 / own[:, k:stop] ** 2)
            for j in range(k, stop):
                errors[:, :, j] = (scaled[:, :, j] - codes[:, :, j]) / own[:, j, None]
                scaled[:, :, j + 1 : end] -= errors[:, :, j, None] * spread[:, j, None, j + 1 : end]
        scaled[:, :, end:] -= errors[:, :, start:end] @ spread[:, start:end, end:]
    return codes
