"""A row a layer: how much of its signal 8 bits leave, how many bits its weights use, what saturation would do."""

from dataclasses import dataclass

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.ranges import run_tensors
from edgecnn_export.int8.saturation import Forecast
from edgecnn_export.int8.weighted_layers import quantized_layers
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["LayerRow", "layer_table"]


@dataclass(frozen=True)
class LayerRow:
    """One layer of an int8 network.

    Attributes:
        name: Node name.
        operator: Operator type.
        weights: Count of weights.
        bits: Bits that its largest weight code needs, sign included.
        sqnr_db: Power of the float layer's output against the power of the int8 layer's error, in dB, with the errors
            of all layers before it.
        own_sqnr_db: The same with what the layer before lost taken off: what this layer loses itself, roughly.
        saturated: 16-bit pair sums that would have been clamped without mitigation.
        saturation_db: Noise that they would have made, against the layer's output; -inf without.
    """

    name: str
    operator: str
    weights: int
    bits: int
    sqnr_db: float
    own_sqnr_db: float
    saturated: int
    saturation_db: float


def layer_table(
    quantized: onnx.ModelProto, model: onnx.ModelProto, pictures: PreparedPictures, before: Forecast | None
) -> tuple[LayerRow, ...]:
    """Compare `quantized` with the float network `model` (same node names) layer by layer over a few pictures."""
    nodes = {n.name: n for n in model.graph.node}
    layers = [x for x in quantized_layers(quantized) if x.name in nodes]
    wanted = [nodes[x.name].output[0] for x in layers]
    got = [x.output for x in layers]
    signal, noise = np.zeros(len(layers)), np.zeros(len(layers))
    pairs = zip(
        run_tensors(model, wanted, pictures),
        run_tensors(quantized, got, pictures, optimize=False),
        strict=True,
    )
    for exact, rough in pairs:
        for i, (a, b) in enumerate(zip(wanted, got, strict=True)):
            signal[i] += _power(exact[a])
            noise[i] += _power(exact[a] - rough[b])
    ratio = noise / np.maximum(signal, 1e-30)
    saturation = {} if before is None else {x.name: x for x in before.layers}
    rows = []
    for i, layer in enumerate(layers):
        hit = saturation.get(layer.name)
        own = max(ratio[i] - (ratio[i - 1] if i else 0.0), 1e-12)
        largest = int(np.abs(layer.weights.astype(np.int32)).max())
        rows.append(
            LayerRow(
                name=layer.name,
                operator="depthwise Conv" if layer.depthwise else layer.operator,
                weights=layer.weights.size,
                bits=largest.bit_length() + 1,
                sqnr_db=-10 * float(np.log10(max(ratio[i], 1e-12))),
                own_sqnr_db=-10 * float(np.log10(own)),
                saturated=hit.saturated if hit else 0,
                saturation_db=hit.noise_db if hit else -np.inf,
            )
        )
    return tuple(rows)


def _power(value: NDArray[np.float32]) -> float:
    return float((value.astype(np.float64) ** 2).sum())
