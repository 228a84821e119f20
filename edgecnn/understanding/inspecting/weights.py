"""What a layer stores: parameters, bytes, precision."""

import math
from collections.abc import Sequence

import numpy as np
from onnx import TensorProto, helper

from edgecnn.understanding.inspecting.graph import Graph, Node

__all__ = ["parameters_of", "precision_of"]

# Which inputs of an operator were learned. A batch normalization's mean and variance are statistics, not parameters.
_LEARNED_INPUTS = {
    "Conv": (1, 2),
    "com.microsoft.FusedConv": (1, 2),
    "ConvInteger": (1,),
    "ConvTranspose": (1, 2),
    "QLinearConv": (3, 8),
    "Gemm": (1, 2),
    "com.microsoft.QGemm": (3, 6),
    "MatMul": (0, 1),
    "MatMulInteger": (0, 1),
    "QLinearMatMul": (3,),
    "BatchNormalization": (1, 2),
    "LayerNormalization": (1, 2),
    "RMSNormalization": (1,),
    "GroupNormalization": (1, 2),
    "InstanceNormalization": (1, 2),
    "PRelu": (1,),
}
# Learned only where they stand inside the network; before its first weights they prepare the pixels.
_CELL_BY_CELL = frozenset({"Add", "Sub", "Mul", "Div", "Concat"})
_SHORT = {"float32": "fp32", "float16": "fp16", "bfloat16": "bf16", "float64": "fp64"}
_INTEGERS = frozenset({"int8", "uint8", "int4", "uint4"})
_DEQUANTIZE = ("DequantizeLinear", "com.microsoft.DequantizeLinear")


def parameters_of(graph: Graph, node: Node, counted: set[str], *, inside: bool) -> tuple[int, int]:
    """Number of learned values that this node is the first to use, and their bytes in the file.

    Args:
        graph: the graph.
        node: the layer.
        counted: names of the stored tensors counted so far; extended.
        inside: learned layers come before this one, so a constant added or multiplied is learned too.
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
        size += math.ceil(number * _bits(weight) / 8)
    return count, size


def precision_of(graph: Graph, node: Node) -> str:
    """In which numbers a layer works: `int8` where it reads dequantized integers, else its weights' type.

    A layer whose weights are integers while its input is not is `int8 weights`.
    """
    indices = _LEARNED_INPUTS.get(node.operator, ())
    stored = [graph.weight(node.inputs[index]) for index in indices[:1] if index < len(node.inputs)]
    kind = next((_kind(weight) for weight in stored if weight is not None), None)
    fed = [graph.producers.get(name) for name in node.inputs]
    from_integers = any(source is not None and source.operator in _DEQUANTIZE for source in fed[:1])
    if kind in _INTEGERS:
        short = "int8" if kind in ("int8", "uint8") else "int4"
        whole = from_integers or node.operator.startswith(("QLinear", "com.microsoft.Q")) or "Integer" in node.operator
        return short if whole else f"{short} weights"
    if from_integers:
        return "int8"
    kind = kind or graph.element_type(node.outputs[0]) or "?"
    return _SHORT.get(kind, kind)


def _kind(weight: TensorProto) -> str:
    return str(helper.tensor_dtype_to_np_dtype(weight.data_type))


def _bits(weight: TensorProto) -> int:
    kind = _kind(weight)
    return 4 if kind.endswith("int4") else np.dtype(helper.tensor_dtype_to_np_dtype(weight.data_type)).itemsize * 8
