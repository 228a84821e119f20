"""What a layer costs: multiply-accumulates for one picture, and the parameters, bytes and precision that it stores.

Convolutions and products of matrices are counted; the rest is negligible.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from onnx import TensorProto, helper

from edgecnn.understanding.inspecting.onnx_graph import DEQUANTIZE, Dimension, Graph, Node
from edgecnn.understanding.inspecting.operators import CONVOLUTIONS, OPAQUE, PRODUCTS

__all__ = ["Stored", "macs_of", "precision_of", "stored_by"]

# Which inputs of an operator were learned. A batch normalization's mean and variance are statistics, not parameters.
_WEIGHT_AND_BIAS = (
    "Conv", "com.microsoft.FusedConv", "ConvTranspose", "Gemm", "BatchNormalization", "LayerNormalization",
    "GroupNormalization", "InstanceNormalization",
)  # fmt: skip
_LEARNED_INPUTS = {
    **dict.fromkeys(_WEIGHT_AND_BIAS, (1, 2)),
    **dict.fromkeys(("ConvInteger", "RMSNormalization", "PRelu"), (1,)),
    **dict.fromkeys(("MatMul", "MatMulInteger"), (0, 1)),
    "QLinearConv": (3, 8),
    "QLinearMatMul": (3,),
    "com.microsoft.QGemm": (3, 6),
}
# Learned only where they stand inside the network; before its first weights they prepare the pixels.
_CELL_BY_CELL = frozenset({"Add", "Sub", "Mul", "Div", "Concat"})
_SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
_INTEGERS = {"int8": "int8", "uint8": "int8", "int4": "int4", "uint4": "int4"}


@dataclass(frozen=True)
class Stored:
    """What a layer is the first to use of the file.

    Attributes:
        parameters: Learned numbers.
        size_bytes: What they take in the file.
    """

    parameters: int
    size_bytes: int


def stored_by(graph: Graph, node: Node, counted: set[str], *, inside: bool) -> Stored:
    """Count what this node is the first to use.

    Args:
        graph: The graph.
        node: The layer.
        counted: Names of the stored tensors counted so far; extended.
        inside: Learned layers come before this one, so a constant added or multiplied is learned too.
    """
    inputs: Sequence[int] = _LEARNED_INPUTS.get(node.operator, ())
    if not inputs and inside and node.operator in _CELL_BY_CELL:
        inputs = range(len(node.inputs))
    count, size = 0, 0
    for index in inputs:
        weight = graph.weight(node.inputs[index]) if index < len(node.inputs) and node.inputs[index] else None
        if weight is None or weight.name in counted:
            continue
        number = math.prod(weight.dims)
        if node.operator in _CELL_BY_CELL and number < 2:
            continue
        if weight.name:
            counted.add(weight.name)
        count += number
        kind = _type(weight)
        size += math.ceil(number / 2) if kind.name.endswith("int4") else number * kind.itemsize
    return Stored(count, size)


def precision_of(graph: Graph, node: Node) -> str:
    """In which numbers a layer works: `int8` where it reads dequantized integers, else its weights' type.

    A layer whose weights are integers while its input is not is `int8 weights`.
    """
    indices = _LEARNED_INPUTS.get(node.operator, ())
    stored = [graph.weight(node.inputs[index]) for index in indices[:1] if index < len(node.inputs)]
    kind = next((_type(weight).name for weight in stored if weight is not None), None)
    source = graph.producers.get(node.inputs[0])
    from_integers = source is not None and source.operator in DEQUANTIZE
    if kind in _INTEGERS:
        whole = from_integers or node.operator.startswith(("QLinear", "com.microsoft.Q")) or "Integer" in node.operator
        return _INTEGERS[kind] if whole else f"{_INTEGERS[kind]} weights"
    if from_integers:
        return "int8"
    kind = kind or graph.element_type(node.outputs[0]) or "?"
    return _SHORT.get(kind, kind)


def _type(weight: TensorProto) -> np.dtype[Any]:
    return np.dtype(helper.tensor_dtype_to_np_dtype(weight.data_type))


def macs_of(graph: Graph, node: Node) -> int | None:
    """Multiply-accumulates for one picture.

    Returns:
        None when a size that it depends on is free, or for an operator that cannot be counted from its shapes.
    """
    if node.operator in CONVOLUTIONS:
        return _of_convolution(graph, node.outputs[0], node.inputs[CONVOLUTIONS[node.operator]])
    if node.operator == "ConvTranspose":
        return _of_convolution(graph, node.inputs[0], node.inputs[1])
    if node.operator in PRODUCTS:
        first = graph.shape(node.inputs[0])
        inner = first[-2 if node.integer("transA", 0) else -1] if first else "?"
        output = graph.elements(node.outputs[0])
        return output * inner if output is not None and isinstance(inner, int) else None
    if node.operator == "Einsum":
        return _of_einsum(graph, node)
    return None if node.operator in OPAQUE else 0


def _of_convolution(graph: Graph, positions: str, weights: str) -> int | None:
    """Every number of `positions` meets the weights of one filter."""
    weight, count = graph.weight(weights), graph.elements(positions)
    return None if count is None or weight is None else count * math.prod(weight.dims[1:])


def _of_einsum(graph: Graph, node: Node) -> int | None:
    """Numbers in the result times the letters that are summed over, for two factors; one alone multiplies nothing."""
    terms, _, result = node.attributes.get("equation", b"").decode().replace(" ", "").partition("->")
    factors = terms.split(",")
    if terms and len(factors) == len(node.inputs) == 1:
        return 0
    output = graph.elements(node.outputs[0])
    if not len(factors) == len(node.inputs) == 2 or not result or output is None:
        return None
    sizes: dict[str, Dimension] = {}
    for name, factor in zip(node.inputs, factors, strict=True):
        before, _, after = factor.partition("...")
        shape = graph.shape(name) or ()
        if len(before) + len(after) <= len(shape):
            sizes |= zip(before + after, (*shape[: len(before)], *shape[len(shape) - len(after) :]), strict=True)
    summed = [sizes.get(letter) for letter in set(terms) - set(result) - {",", "."}]
    counts = [size for size in summed if isinstance(size, int)]
    return output * math.prod(counts) if len(counts) == len(summed) else None
