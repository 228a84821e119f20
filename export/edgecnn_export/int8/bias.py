"""Bias correction: make the mean of every layer's channels in the int8 network what it is in the float one.

Rounded weights shift the mean of a channel, the shift travels on through the network, and it is most of the error of an
8-bit network. Here the shifts are taken out in the order in which the layers run, each seeing the earlier ones
corrected (full bias correction). NNCF's `BiasCorrection` does the same for its own quantizers; it cannot take over
grids chosen elsewhere, which is why this module works on the finished QDQ network.
"""

from collections.abc import Callable

import numpy as np
import onnx
from numpy.typing import NDArray

from edgecnn_export.int8.layers import QuantizedLayer, constants, quantized_layers
from edgecnn_export.int8.ranges import run_tensors
from edgecnn_export.int8.segments import SegmentedNetwork
from edgecnn_export.prepared import PreparedPictures

__all__ = ["correct_biases"]


def correct_biases(
    quantized: onnx.ModelProto, model: onnx.ModelProto, calibration: PreparedPictures
) -> onnx.ModelProto:
    """Return `quantized` with corrected biases.

    Args:
        quantized: QDQ network made from `model`, node names unchanged.
        model: the float network.
        calibration: pictures; one layer's output is in memory for all of them, 5 MB each for EfficientNet-Lite0.
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
    """Return the cut that moves the layer's channels to the mean `target`, and notes by how much."""

    def cut(alive: dict[str, NDArray[np.generic]]) -> NDArray[np.float32]:
        value = np.asarray(alive[layer.output], np.float32)
        shift = target - _mean(value)
        shifts[layer.name] = shift
        value += shift.reshape(1, -1, *[1] * (value.ndim - 2)).astype(np.float32)
        return value

    return cut


def _means(model: onnx.ModelProto, calibration: PreparedPictures, names: list[str]) -> dict[str, NDArray[np.float64]]:
    """Return the mean of each channel of the tensors `names` over the pictures."""
    totals: dict[str, NDArray[np.float64]] = {}
    for tensors in run_tensors(model, names, calibration):
        for name, value in tensors.items():
            totals[name] = totals.get(name, np.zeros(value.shape[1])) + _mean(value) * len(value)
    return {name: total / len(calibration) for name, total in totals.items()}


def _mean(value: NDArray[np.float32]) -> NDArray[np.float64]:
    return np.asarray(value.mean(axis=(0, *range(2, value.ndim)), dtype=np.float64))


def _add_to_biases(model: onnx.ModelProto, shifts: dict[str, NDArray[np.float64]]) -> onnx.ModelProto:
    result = onnx.ModelProto()
    result.CopyFrom(model)
    values = constants(result)
    initializers = {t.name: t for t in result.graph.initializer}
    dequantize = {n.output[0]: n for n in result.graph.node if n.op_type == "DequantizeLinear"}
    for node in result.graph.node:
        bias = dequantize.get(node.input[2]) if node.name in shifts and len(node.input) > 2 else None
        if bias is None or bias.input[0] not in values:
            continue
        scale = np.asarray(values[bias.input[1]], np.float64)
        codes = values[bias.input[0]].astype(np.float64) + np.rint(shifts[node.name] / scale)
        limits = np.iinfo(np.int32)
        codes = np.clip(codes, limits.min, limits.max).astype(np.int32)
        initializers[bias.input[0]].CopyFrom(onnx.numpy_helper.from_array(codes, bias.input[0]))
    return result
