"""One float type throughout: half and double become float32, which every device computes and int8 starts from."""

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError

__all__ = ["is_half", "to_float32"]

_OTHERS = (ir.DataType.FLOAT16, ir.DataType.DOUBLE, ir.DataType.BFLOAT16)
_TYPE_ATTRIBUTES = {"Cast": "to", "EyeLike": "dtype", "RandomNormalLike": "dtype", "QuantizeLinear": "precision"}
_LARGEST = float(np.finfo(np.float32).max)


def is_half(model: ir.Model) -> bool:
    """Whether it computes in half precision, from its input or its weights on."""
    values = (*model.graph.inputs, *model.graph.initializers.values())
    return any(value.dtype == ir.DataType.FLOAT16 for value in values)


def to_float32(model: ir.Model) -> bool:
    """Change every half and double tensor in place; casts between floats go.

    Returns:
        Whether there was one.

    Raises:
        ModelFileError: A double is larger than float32 holds.
    """
    changed = False
    for graph in model.graphs():
        for value in (*graph.inputs, *graph.initializers.values(), *(v for node in graph for v in node.outputs)):
            changed |= value.dtype in _OTHERS
            if value.dtype in _OTHERS:
                value.dtype = ir.DataType.FLOAT
        for value in graph.initializers.values():
            if value.const_value is not None and value.const_value.dtype in _OTHERS:
                value.const_value = _narrowed(value.const_value, str(value.name))
                value.dtype, changed = ir.DataType.FLOAT, True
        for node in list(graph):
            changed |= _change_attributes(node)
    return changed


def _change_attributes(node: ir.Node) -> bool:
    changed = False
    for attribute in list(node.attributes.values()):
        kind = _TYPE_ATTRIBUTES.get(node.op_type) == attribute.name and attribute.as_int()
        if kind in [other.value for other in _OTHERS]:
            node.attributes.add(ir.AttrInt64(attribute.name, ir.DataType.FLOAT.value))
            changed = True
        elif attribute.type == ir.AttributeType.TENSOR and attribute.as_tensor().dtype in _OTHERS:
            node.attributes.add(ir.AttrTensor(attribute.name, _narrowed(attribute.as_tensor(), attribute.name)))
            changed = True
    return changed


def _narrowed(tensor: ir.TensorProtocol, name: str) -> ir.TensorProtocol:
    array = tensor.numpy()
    if array.dtype == np.float64 and np.isfinite(array).all() and np.abs(array).max(initial=0.0) > _LARGEST:
        raise ModelFileError(f"weight {name!r} holds numbers beyond float32's largest, {_LARGEST:g}; rescale it.")
    return ir.Tensor(array.astype(np.float32), name=name)
