"""Cross-layer equalization: let every channel of a tensor between two layers use the whole 8-bit grid.

Between convolutions without a clipping activation a channel may be divided by a number in the layer that writes it
and multiplied in the layers that read it, and the network computes the same. Tensors joined by Add (residual streams)
share their numbers. Narrow channels then no longer drown in the step that wide ones need (Nagel et al. 2019,
"Data-free quantization through weight equalization and bias correction", extended here to residual streams).
NNCF's ONNX backend has no such step that crosses Add nodes.
"""

from dataclasses import dataclass

import numpy as np
import onnx
import onnx_ir as ir
from numpy.typing import NDArray

from edgecnn_export.int8.ranges import TensorRange
from edgecnn_export.passes.values import constant, replace_constant, to_proto

__all__ = ["Equalized", "equalize"]

CARRIERS = {"Add", "Relu", "MaxPool"}
"""Operators through which a positive factor a channel passes unchanged."""
MOST = 8.0
"""A channel is widened by no more than this, lest noise in dead channels or the reader's weights blow up."""


@dataclass(frozen=True)
class Equalized:
    """An equivalent float network with equalized channels.

    Attributes:
        model: The network.
        ranges: Of its tensors; they follow from the old ones without running a picture.
        streams: Count of streams that were equalized.
    """

    model: onnx.ModelProto
    ranges: dict[str, TensorRange]
    streams: int


def equalize(model: onnx.ModelProto, ranges: dict[str, TensorRange]) -> Equalized:
    """Equalize the channels of a network whose tensors have these ranges."""
    result = ir.from_proto(model)
    widened = dict(ranges)
    count = 0
    for stream in _streams(result):
        found = [ranges[value.name] for value in stream if value.name in ranges]
        factors = _factors(found) if len(found) == len(stream) else None
        if factors is None:
            continue
        _rescale(result, stream, factors)
        for value in stream:
            widened[str(value.name)] = _scaled(ranges[str(value.name)], factors)
        count += 1
    return Equalized(to_proto(result), widened, count)


def _scaled(span: TensorRange, factors: NDArray[np.float32]) -> TensorRange:
    low, high = span.channel_low * factors, span.channel_high * factors
    return TensorRange(min(float(low.min()), 0.0), max(float(high.max()), 0.0), low, high)


def _streams(model: ir.Model) -> list[list[ir.Value]]:
    """The groups of values that must share their factors and that only convolutions write and read."""
    group_of: dict[ir.Value, list[ir.Value]] = {}
    for node in model.graph:
        if node.op_type not in CARRIERS | {"Conv"}:
            continue
        joined = [node.outputs[0]]
        if node.op_type in CARRIERS and not any(_is_parameter(value) for value in node.inputs):
            joined += [value for value in node.inputs if value is not None]
        merged: dict[ir.Value, None] = {}
        for value in joined:
            merged.update(dict.fromkeys(group_of.get(value, [value])))
        group = list(merged)
        for value in group:
            group_of[value] = group
    groups = {id(group): group for group in group_of.values()}
    return [group for group in groups.values() if all(_can_scale(value, group) for value in group)]


def _can_scale(value: ir.Value, group: list[ir.Value]) -> bool:
    """Whether a value is written and read by nothing but convolutions and carriers of its own group."""
    writer = value.producer()
    if writer is None or value.is_graph_output() or not value.uses():
        return False
    if writer.op_type == "Conv":
        writes = all(_is_parameter(parameter) for parameter in writer.inputs[1:])
    else:
        writes = writer.op_type in CARRIERS and all(source in group for source in writer.inputs)
    return writes and all(_reads(usage.node, usage.idx) for usage in value.uses())


def _reads(node: ir.Node, index: int) -> bool:
    if node.op_type in CARRIERS:
        return not any(_is_parameter(value) for value in node.inputs)
    weights = constant(node.inputs[1]) if node.op_type == "Conv" and index == 0 else None
    return weights is not None and (node.attributes.get_int("group", 1) == 1 or weights.shape[1] == 1)


def _is_parameter(value: ir.Value | None) -> bool:
    return value is not None and value.is_initializer()


def _factors(ranges: list[TensorRange]) -> NDArray[np.float32] | None:
    """By how much each channel may grow, `(C,)`, or None when no channel gains."""
    # Each tensor of the stream has its own grid; a channel may grow until it fills the tightest of them.
    room = np.min(
        [
            max(r.high, -r.low)
            / np.maximum(np.maximum(r.channel_high, -r.channel_low), 1e-6 * max(r.high, -r.low, 1e-12))
            for r in ranges
        ],
        axis=0,
    )
    factors = np.clip(room, 1.0, MOST).astype(np.float32)
    return factors if (factors > 1.0).any() else None


def _rescale(model: ir.Model, stream: list[ir.Value], factors: NDArray[np.float32]) -> None:
    for node in model.graph:
        if node.op_type != "Conv":
            continue
        if node.outputs[0] in stream:
            _multiply(model, node, 1, factors.reshape(-1, 1, 1, 1))
            if len(node.inputs) > 2:
                _multiply(model, node, 2, factors)
        if node.inputs[0] in stream:
            depthwise = node.attributes.get_int("group", 1) > 1
            shape = (-1, 1, 1, 1) if depthwise else (1, -1, 1, 1)
            _multiply(model, node, 1, np.float32(1) / factors.reshape(shape))


def _multiply(model: ir.Model, node: ir.Node, position: int, factors: NDArray[np.float32]) -> None:
    """Multiply an input of a node that is an initializer; a copy is made where other nodes read it too."""
    value = node.inputs[position]
    array = constant(value)
    if value is None or array is None:
        return
    product = np.asarray(array * factors, np.float32)
    if len(value.uses()) > 1:
        name = f"{value.name}_of_{node.name}"
        value = ir.Value(name=name, const_value=ir.Tensor(product, name=name))
        model.graph.register_initializer(value)
        node.replace_input_with(position, value)
    replace_constant(value, product)
