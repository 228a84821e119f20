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
from numpy.typing import NDArray

from edgecnn_export.int8.ranges import TensorRange

__all__ = ["Equalized", "equalize"]

CARRIERS = {"Add", "Relu", "MaxPool"}
"""Operators through which a positive factor a channel passes unchanged."""
MOST = 8.0
"""A channel is widened by no more than this, lest noise in dead channels or the reader's weights blow up."""


@dataclass(frozen=True)
class Equalized:
    """An equivalent float network with equalized channels.

    Attributes:
        model: the network.
        ranges: of its tensors; they follow from the old ones without running a picture.
        streams: count of streams that were equalized.
    """

    model: onnx.ModelProto
    ranges: dict[str, TensorRange]
    streams: int


def equalize(model: onnx.ModelProto, ranges: dict[str, TensorRange]) -> Equalized:
    """Return `model` with equalized channels; `ranges` are those of its tensors."""
    result = onnx.ModelProto()
    result.CopyFrom(model)
    initializers = {t.name: t for t in result.graph.initializer}
    widened = dict(ranges)
    count = 0
    for stream in _streams(result, initializers):
        factors = _factors(stream, ranges)
        if factors is None:
            continue
        _rescale(result, initializers, stream, factors)
        for name in stream:
            widened[name] = _scaled(ranges[name], factors)
        count += 1
    return Equalized(result, widened, count)


def _scaled(span: TensorRange, factors: NDArray[np.float32]) -> TensorRange:
    low, high = span.channel_low * factors, span.channel_high * factors
    return TensorRange(min(float(low.min()), 0.0), max(float(high.max()), 0.0), low, high)


def _streams(model: onnx.ModelProto, initializers: dict[str, onnx.TensorProto]) -> list[set[str]]:
    """Return the groups of tensors that must share their factors and that only convolutions write and read."""
    parent: dict[str, str] = {}

    def root(name: str) -> str:
        parent.setdefault(name, name)
        while parent[name] != name:
            name = parent[name]
        return name

    makers = {o: n for n in model.graph.node for o in n.output}
    readers: dict[str, list[onnx.NodeProto]] = {}
    for node in model.graph.node:
        for name in node.input:
            readers.setdefault(name, []).append(node)
        if node.op_type in CARRIERS and not any(i in initializers for i in node.input):
            for name in [*node.input, *node.output]:
                parent[root(name)] = root(node.output[0])
    outputs = {o.name for o in model.graph.output}
    groups: dict[str, set[str]] = {}
    for name in [o for n in model.graph.node if n.op_type in CARRIERS | {"Conv"} for o in n.output]:
        groups.setdefault(root(name), set()).update({name})
    for name in list(parent):
        groups.setdefault(root(name), set()).add(name)
    return [
        group
        for group in groups.values()
        if all(
            name not in outputs
            and name in makers
            and _writes(makers[name], group, initializers)
            and readers.get(name)
            and all(_reads(r, name, initializers) for r in readers[name])
            for name in group
        )
    ]


def _writes(node: onnx.NodeProto, group: set[str], initializers: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type == "Conv":
        return all(i in initializers for i in node.input[1:])
    return node.op_type in CARRIERS and all(i in group for i in node.input)


def _reads(node: onnx.NodeProto, name: str, initializers: dict[str, onnx.TensorProto]) -> bool:
    if node.op_type in CARRIERS:
        return not any(i in initializers for i in node.input)
    if node.op_type != "Conv" or node.input[0] != name or node.input[1] not in initializers:
        return False
    group = next((a.i for a in node.attribute if a.name == "group"), 1)
    return group == 1 or initializers[node.input[1]].dims[1] == 1


def _factors(stream: set[str], ranges: dict[str, TensorRange]) -> NDArray[np.float32] | None:
    """Return by how much each channel may grow, `(C,)`, or None when the ranges are unknown or no channel gains."""
    found = [ranges[name] for name in stream if name in ranges]
    if len(found) != len(stream):
        return None
    # Each tensor of the stream has its own grid; a channel may grow until it fills the tightest of them.
    room = np.min(
        [
            max(r.high, -r.low)
            / np.maximum(np.maximum(r.channel_high, -r.channel_low), 1e-6 * max(r.high, -r.low, 1e-12))
            for r in found
        ],
        axis=0,
    )
    factors = np.clip(room, 1.0, MOST).astype(np.float32)
    return factors if (factors > 1.0).any() else None


def _rescale(
    model: onnx.ModelProto, initializers: dict[str, onnx.TensorProto], stream: set[str], factors: NDArray[np.float32]
) -> None:
    for node in model.graph.node:
        if node.op_type != "Conv":
            continue
        if node.output[0] in stream:
            _multiply(model, initializers, node, 1, factors.reshape(-1, 1, 1, 1))
            if len(node.input) > 2:
                _multiply(model, initializers, node, 2, factors)
        if node.input[0] in stream:
            depthwise = next((a.i for a in node.attribute if a.name == "group"), 1) > 1
            shape = (-1, 1, 1, 1) if depthwise else (1, -1, 1, 1)
            _multiply(model, initializers, node, 1, np.float32(1) / factors.reshape(shape))


def _multiply(
    model: onnx.ModelProto,
    initializers: dict[str, onnx.TensorProto],
    node: onnx.NodeProto,
    position: int,
    factors: NDArray[np.float32],
) -> None:
    """Multiply an input of `node` that is an initializer; a copy is made where other nodes read it too."""
    name = node.input[position]
    if sum(list(n.input).count(name) for n in model.graph.node) > 1:
        copy = onnx.TensorProto()
        copy.CopyFrom(initializers[name])
        copy.name = f"{name}_of_{node.name}"
        model.graph.initializer.append(copy)
        initializers[copy.name] = model.graph.initializer[-1]
        node.input[position] = copy.name
        name = copy.name
    value = onnx.numpy_helper.to_array(initializers[name]) * factors
    initializers[name].CopyFrom(onnx.numpy_helper.from_array(value.astype(np.float32), name))
