"""Bias correction: make the mean of every layer's channels in the int8 network what it is in the float one.

Rounded weights shift the mean of a channel, the shift travels on through the network, and it is most of the error of an
8-bit network. Here the shifts are taken out in the order in which the layers run, each seeing the earlier ones
corrected (full bias correction). NNCF's `BiasCorrection` does the same for its own quantizers; it cannot take over
grids chosen elsewhere, which is why this module works on the finished QDQ network.
"""

from collections.abc import Callable

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from edgecnn_export.int8.ranges import run_tensors
from edgecnn_export.int8.segments import SegmentedNetwork
from edgecnn_export.int8.weighted_layers import QuantizedLayer, quantized_layers
from edgecnn_export.passes.values import constant, replace_constant, to_proto
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["correct_biases"]


def correct_biases(
    quantized: onnx.ModelProto, model: onnx.ModelProto, calibration: PreparedPictures
) -> onnx.ModelProto:
    """The QDQ network with corrected biases.

    Args:
        quantized: QDQ network made from `model`, node names unchanged.
        model: The float network.
        calibration: Pictures; one layer's output is in memory for all of them, 5 MB each for EfficientNet-Lite0.
    """
    nodes = {n.name: n for n in model.graph.node}
    layers = [layer for layer in quantized_layers(quantized) if layer.name in nodes]
    means = _means(model, calibration, [nodes[layer.name].output[0] for layer in layers])
    shifts: dict[str, NDArray[np.float64]] = {}
    cuts = {layer.output: _correcting(layer, means[nodes[layer.name].output[0]], shifts) for layer in layers}
    SegmentedNetwork(quantized, cuts, keep_inputs=False).run(np.ascontiguousarray(calibration.pixels))
    return _add_to_biases(quantized, shifts)


def _correcting(
    layer: QuantizedLayer, target: NDArray[np.float64], shifts: dict[str, NDArray[np.float64]]
) -> Callable[[dict[str, NDArray[np.generic]]], NDArray[np.float32]]:
    """The cut that moves the layer's channels to the mean `target`, and notes by how much."""

    def cut(alive: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        value = np.asarray(alive[layer.output], np.float32)
        shift = target - _mean(value)
        shifts[layer.name] = shift
        value += shift.reshape(1, -1, *[1] * (value.ndim - 2)).astype(np.float32)
        return value

    return cut


def _means(model: onnx.ModelProto, calibration: PreparedPictures, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """The mean of each channel of the tensors `names` over the pictures."""
    totals: dict[str, NDArray[np.float64]] = {}
    for tensors in run_tensors(model, names, calibration):
        for name, value in tensors.items():
            totals[name] = totals.get(name, np.zeros(value.shape[1])) + _mean(value) * len(value)
    return {name: total / len(calibration) for name, total in totals.items()}


def _mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.mean(axis=(0, *range(2, value.ndim)), dtype=np.float64))


def _add_to_biases(quantized: onnx.ModelProto, shifts: dict[str, NDArray[np.float64]]) -> onnx.ModelProto:
    model = ir.from_proto(quantized)
    limits = np.iinfo(np.int32)
    for node in model.graph:
        bias = node.inputs[2] if node.name in shifts and len(node.inputs) > 2 else None
        dequantize = bias.producer() if bias is not None else None
        codes = constant(dequantize.inputs[0]) if dequantize is not None else None
        if node.name is None or dequantize is None or codes is None:
            continue
        scale = np.asarray(constant(dequantize.inputs[1]), np.float64)
        moved = codes.astype(np.float64) + np.rint(shifts[node.name] / scale)
        replace_constant(dequantize.inputs[0], np.clip(moved, limits.min, limits.max).astype(np.int32))
    return to_proto(model)
