"""Shapes of all tensors of a graph, with the shape arithmetic worked out that exporters leave in it.

`torch.onnx` without dynamo writes `x.chunk(2, 1)` as a slice whose bounds are computed from the shape of `x`.
ONNX's own inference gives up there, and everything behind it would be unknown.
"""

from typing import Any, cast

import numpy as np
import numpy.typing as npt
import onnx
from onnx import numpy_helper, shape_inference

__all__ = ["infer_shapes"]

_ARITHMETIC = frozenset(
    {
        "Add", "Cast", "Concat", "ConstantOfShape", "Div", "Expand", "Gather", "Max", "Min", "Mod", "Mul", "Neg",
        "Reshape", "Slice", "Squeeze", "Sub", "Transpose", "Unsqueeze",
    }
)  # fmt: skip
_SIZED_BY = {"ConstantOfShape": 0, "Expand": 1}
"""Operators whose result can be far larger than what they are given: which input tells."""
_LARGEST = 64
"""Numbers in a shape, or in what is computed from one; anything larger belongs to the picture or the weights."""

Values = dict[str, npt.NDArray[Any]]


def infer_shapes(model: onnx.ModelProto, *, one_for: str | None = None) -> onnx.ModelProto:
    """A copy in which every tensor has its shape, where it can be inferred.

    Nodes that compute with fixed shapes alone are gone; what they gave is stored instead.

    Args:
        model: The graph.
        one_for: Name of a free size of the inputs that is taken as 1, such as the batch; an empty name is one too.
    """
    known = onnx.ModelProto()
    known.CopyFrom(model)
    if one_for is not None:
        _fix(known.graph, one_for)
    weights = _take_weights(known.graph)
    try:
        inferred = shape_inference.infer_shapes(known, data_prop=True)
        while found := _computed(inferred.graph):
            kept = [node for node in known.graph.node if not set(node.output) & found.keys()]
            del known.graph.node[:]
            known.graph.node.extend(kept)
            known.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in found.items())
            inferred = shape_inference.infer_shapes(known, data_prop=True)
    except shape_inference.InferenceError:
        inferred = known  # shapes that cannot be inferred are shown as unknown
    del inferred.graph.input[len(model.graph.input) :]
    inferred.graph.initializer.extend(weights)
    return inferred


def _fix(graph: onnx.GraphProto, name: str) -> None:
    for value in graph.input:
        for dimension in value.type.tensor_type.shape.dim:
            if not dimension.HasField("dim_value") and dimension.dim_param == name:
                dimension.dim_value = 1
    del graph.value_info[:]  # what the exporter says of shapes is in terms of the free size
    for value in graph.output:
        value.type.tensor_type.ClearField("shape")


def _take_weights(graph: onnx.GraphProto) -> list[onnx.TensorProto]:
    """Large tensors become inputs at the end of the list: inference copies the whole model each time."""
    inputs = {value.name for value in graph.input}  # before IR 4 weights are inputs as well
    weights = [x for x in graph.initializer if np.prod(x.dims) > _LARGEST and x.name not in inputs]
    taken = {tensor.name for tensor in weights}
    kept = [tensor for tensor in graph.initializer if tensor.name not in taken]
    del graph.initializer[:]
    graph.initializer.extend(kept)
    graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, list(tensor.dims)) for tensor in weights
    )
    return weights


def _computed(graph: onnx.GraphProto) -> Values:
    """Results of shape arithmetic, by tensor, that follow from the shapes known so far."""
    shapes = {value.name: value.type.tensor_type.shape for value in [*graph.value_info, *graph.input]}
    integers = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer if _is_small(tensor)}
    found: Values = {}
    for node in graph.node:
        result = node.output[0]
        if node.op_type == "Constant":
            stored = next((entry.t for entry in node.attribute if entry.name == "value"), None)
            if stored is not None and _is_small(stored):
                integers[result] = numpy_helper.to_array(stored)
        elif node.op_type == "Shape":
            sizes = shapes[node.input[0]].dim if node.input[0] in shapes else []
            if sizes and all(size.HasField("dim_value") for size in sizes):
                bounds = {entry.name: entry.i for entry in node.attribute}
                part = [size.dim_value for size in sizes][bounds.get("start", 0) : bounds.get("end")]
                found[result] = integers[result] = np.array(part, np.int64)
        elif node.op_type in _ARITHMETIC and all(name in integers for name in node.input if name):
            value = _run(node, {name: integers[name] for name in node.input if name})
            if value is not None and value.dtype == np.int64 and value.size <= _LARGEST:
                found[result] = integers[result] = value
    return found


def _is_small(tensor: onnx.TensorProto) -> bool:
    inside = tensor.data_location != onnx.TensorProto.EXTERNAL
    return inside and tensor.data_type == onnx.TensorProto.INT64 and np.prod(tensor.dims) <= _LARGEST


def _run(node: onnx.NodeProto, inputs: Values) -> npt.NDArray[Any] | None:
    if node.op_type in _SIZED_BY and np.prod(inputs[node.input[_SIZED_BY[node.op_type]]].astype(float)) > _LARGEST:
        return None
    from onnx.reference import ReferenceEvaluator  # takes a third of a second, and few graphs need it

    try:
        with np.errstate(all="ignore"):
            # The evaluator's stub knows names of outputs only as keys of a dictionary.
            return np.asarray(cast(Any, ReferenceEvaluator(node)).run(None, inputs)[0])
    except Exception:  # a graph that computes nonsense is shown as far as it is known
        return None
