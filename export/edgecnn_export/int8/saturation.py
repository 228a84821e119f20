"""Forecast what 16-bit pair sums do to an int8 network on x86 CPUs without VNNI, without owning such a CPU.

The kernels for AVX2, AVX-512 without VNNI and SSE4.1 multiply unsigned 8-bit activations with signed 8-bit weights by
`vpmaddubsw`: products of two neighboring inputs are added in 16 bits, and a sum outside -32768..32767 is clamped to
that range. Neighbors are inputs 2i and 2i + 1 of the row a kernel walks, which for convolutions runs over kernel row,
kernel column and channel. Depthwise kernels widen to 32 bits first and are exact; so are all kernels for Arm. The
claims were checked against onnxruntime's kernels under emulation (`make cpus`).
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.segments import SegmentedNetwork
from edgecnn_export.int8.weighted_layers import QuantizedLayer, quantized_layers
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["Forecast", "LayerSaturation", "can_saturate", "forecast", "saturation_excess"]

LOWEST, HIGHEST = -32768, 32767
BATCH = 4


@dataclass(frozen=True)
class LayerSaturation:
    """What saturation does in one layer.

    Attributes:
        name: Node name.
        pair_sums: 16-bit sums made over all pictures.
        saturated: How many of them were clamped.
        outputs_hit: Share of the layer's outputs with at least one clamped sum, 0..1.
        noise_db: Power of the error against the power of the layer's output, in dB; -inf when nothing was clamped.
    """

    name: str
    pair_sums: int
    saturated: int
    outputs_hit: float
    noise_db: float


@dataclass(frozen=True)
class Forecast:
    """What a CPU without VNNI will make of an int8 network.

    Attributes:
        layers: The layers whose weights make saturation possible, in the order in which they run.
        pictures: Pictures looked at.
        logit_error: Norm of the change of the logits relative to their norm.
        labels_changed: Pictures whose label changes.
        possible: Whether any weights of the network make saturation possible for some picture; when not, the answer
            is the same on every CPU for every picture.
    """

    layers: tuple[LayerSaturation, ...]
    pictures: int
    logit_error: float
    labels_changed: int
    possible: bool

    @property
    def saturating(self) -> tuple[LayerSaturation, ...]:
        """The layers in which sums were clamped, worst first."""
        return tuple(sorted((x for x in self.layers if x.saturated), key=lambda x: -x.noise_db))


def can_saturate(layer: QuantizedLayer) -> bool:
    """Say whether some 8-bit input could make a pair sum of `layer` leave 16 bits."""
    if layer.depthwise:
        return False
    first, second = _pairs(layer.rows.astype(np.int32))
    most = 255 * (np.maximum(first, 0) + np.maximum(second, 0))
    least = 255 * (np.minimum(first, 0) + np.minimum(second, 0))
    return bool((most > HIGHEST).any() or (least < LOWEST).any())


def saturation_excess(layer: QuantizedLayer, codes: NDArray[np.uint8]) -> tuple[NDArray[np.int32], int, int]:
    """What the clamping adds to the layer's 32-bit sums.

    Args:
        layer: The layer.
        codes: Its input as codes, `(N, C, H, W)` for Conv or `(..., K)` for matrix products, uint8.

    Returns:
        The excess, int32, in the shape of the layer's output (times input scale and weight scale it is the error), the
        count of clamped sums, and the count of all sums.
    """
    if layer.operator != "Conv":
        flat = codes.reshape(-1, codes.shape[-1])
        excess, clamped = _excess_of_rows(flat, np.asarray(layer.rows, np.int8))
        sums = excess.size * ((flat.shape[1] + 1) // 2)
        return excess.reshape(*codes.shape[:-1], -1), clamped, sums
    out_channels, in_channels = len(layer.weights) // layer.group, codes.shape[1] // layer.group
    parts, clamped, sums = [], 0, 0
    height = width = 0
    all_rows = np.asarray(layer.rows, np.int8)
    for g in range(layer.group):
        rows = all_rows[g * out_channels : (g + 1) * out_channels]
        pieces, (height, width) = layer.walk(
            codes[:, g * in_channels : (g + 1) * in_channels], padding=layer.input_zero_point
        )
        walked = np.asarray(pieces, np.uint8).reshape(-1, rows.shape[1])
        part, count = _excess_of_rows(walked, rows)
        parts.append(part)
        clamped += count
        sums += len(walked) * len(rows) * ((walked.shape[1] + 1) // 2)
    excess = np.concatenate(parts, axis=1).reshape(len(codes), height, width, -1).transpose(0, 3, 1, 2)
    return excess, clamped, sums


def forecast(model: onnx.ModelProto, calibration: PreparedPictures) -> Forecast:
    """Run an int8 network over the pictures twice, with exact sums and with clamped ones, and compare.

    Args:
        model: QDQ network.
        calibration: Pictures; a few dozen are enough.
    """
    layers = [layer for layer in quantized_layers(model) if can_saturate(layer)]
    counters = {layer.name: _Counter() for layer in layers}
    clamped = SegmentedNetwork(model, {layer.output: _clamping(layer, counters[layer.name]) for layer in layers})
    exact = SegmentedNetwork(model, {})
    error = power = 0.0
    changed = 0
    for pixels in calibration.batches(BATCH) if layers else ():
        want = np.asarray(exact.run(pixels)["logits"], np.float64)
        got = np.asarray(clamped.run(pixels)["logits"], np.float64)
        error += float(((got - want) ** 2).sum())
        power += float((want**2).sum())
        changed += int((got.argmax(1) != want.argmax(1)).sum())
    return Forecast(
        layers=tuple(counters[layer.name].summary(layer.name) for layer in layers),
        pictures=len(calibration),
        logit_error=(error / power) ** 0.5 if power else 0.0,
        labels_changed=changed,
        possible=bool(layers),
    )


class _Counter:
    """Sums over the pictures for one layer."""

    def __init__(self) -> None:
        self.sums = self.saturated = self.hit = self.outputs = 0
        self.noise = self.signal = 0.0

    def summary(self, name: str) -> LayerSaturation:
        ratio = self.noise / self.signal if self.signal else 0.0
        return LayerSaturation(
            name=name,
            pair_sums=self.sums,
            saturated=self.saturated,
            outputs_hit=self.hit / self.outputs if self.outputs else 0.0,
            noise_db=10 * float(np.log10(ratio)) if ratio else -np.inf,
        )


def _clamping(
    layer: QuantizedLayer, counter: _Counter
) -> Callable[[dict[str, NDArray[np.generic]]], NDArray[np.float32]]:
    """The cut that adds the excess to the layer's output."""

    def cut(alive: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        output = np.asarray(alive[layer.output], np.float32)
        codes = np.asarray(alive[layer.data], np.float32) / np.float32(layer.input_scale) + layer.input_zero_point
        excess, clamped, sums = saturation_excess(layer, np.rint(codes).astype(np.uint8))
        scale = layer.weight_scale * np.float32(layer.input_scale)
        error = excess * (scale.reshape(1, -1, 1, 1) if layer.operator == "Conv" else scale)
        counter.sums += sums
        counter.saturated += clamped
        counter.hit += int(np.count_nonzero(excess))
        counter.outputs += excess.size
        counter.noise += float((error.astype(np.float64) ** 2).sum())
        counter.signal += float((output.astype(np.float64) ** 2).sum())
        return np.asarray(output + error, np.float32)

    return cut


def _excess_of_rows(data: NDArray[np.uint8], weights: NDArray[np.int8]) -> tuple[NDArray[np.int32], int]:
    """`(P, O)` int32 excess of `data (P, K)` times `weights (O, K)`, and the count of clamped sums.

    Only the pairs whose largest inputs could leave 16 bits are added up, which is a small part of all.
    """
    excess = np.zeros((len(data), len(weights)), np.int32)
    first, second = _pairs(weights.astype(np.int32))
    peak_first, peak_second = _pairs(data.max(axis=0, keepdims=True).astype(np.int32))
    most = peak_first * np.maximum(first, 0) + peak_second * np.maximum(second, 0)
    least = peak_first * np.minimum(first, 0) + peak_second * np.minimum(second, 0)
    possible = (most > HIGHEST) | (least < LOWEST)
    clamped = 0
    for pair in np.flatnonzero(possible.any(axis=0)):
        outputs = np.flatnonzero(possible[:, pair])
        a = data[:, 2 * pair].astype(np.int32)[:, None]
        b = data[:, 2 * pair + 1].astype(np.int32)[:, None] if 2 * pair + 1 < data.shape[1] else np.int32(0)
        sums = a * first[outputs, pair] + b * second[outputs, pair]
        over = np.clip(sums, LOWEST, HIGHEST) - sums
        clamped += int(np.count_nonzero(over))
        excess[:, outputs] += over
    return excess, clamped


def _pairs(rows: NDArray[np.int32]) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Split `(R, K)` into the first and the second of each pair, `(R, ceil(K / 2))` both; a missing second is zero."""
    if rows.shape[1] % 2:
        rows = np.pad(rows, ((0, 0), (0, 1)))
    return rows[:, 0::2], rows[:, 1::2]
