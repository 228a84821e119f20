"""Fix height and width, free the batch, and say every shape that can be known."""

import numpy as np
import onnx
import onnx_ir as ir
from edgecnn_runtime.preprocess import Preprocess
from onnxscript.optimizer import fold_constants

from edgecnn_export.foreign.taken import TakenInput
from edgecnn_export.passes.values import to_proto

__all__ = ["BATCH", "free_batch", "infer", "settle_shapes"]

BATCH = "N"


def settle_shapes(model: ir.Model, taken: TakenInput, preprocess: Preprocess) -> ir.Model:
    """The model for pictures of one size and, first, the batch that it has; what follows from that is folded."""
    _declare(model, taken, preprocess, taken.batch or BATCH)
    model = infer(model)
    quantization = ("QuantizeLinear", "DequantizeLinear")
    fold_constants(model, should_fold=lambda node: False if node.op_type in quantization else None)
    return infer(model)


def free_batch(model: ir.Model, taken: TakenInput, preprocess: Preprocess) -> ir.Model:
    """The model for any number of pictures: where the batch stood as a number in a shape, it is left open."""
    for node in model.graph:
        if node.op_type == "Reshape":
            _open_reshape(model, node, taken.batch)
        elif node.op_type == "Squeeze" and (len(node.inputs) < 2 or node.inputs[1] is None):
            _name_squeezed(model, node)
    _declare(model, taken, preprocess, BATCH)
    return infer(model)


def infer(model: ir.Model) -> ir.Model:
    """The model with the shapes that onnx infers, all older claims but the input's forgotten."""
    proto = to_proto(model)
    del proto.graph.value_info[:]
    for output in proto.graph.output:
        output.type.tensor_type.ClearField("shape")
    inferred = onnx.shape_inference.infer_shapes(proto, data_prop=True)
    return ir.from_proto(inferred)


def _declare(model: ir.Model, taken: TakenInput, preprocess: Preprocess, batch: int | str) -> None:
    (value,) = model.graph.inputs
    sides = [preprocess.height, preprocess.width]
    dims = [*sides, taken.channels] if taken.channels_last else [taken.channels, *sides]
    value.shape = ir.Shape([batch, *dims])


def _open_reshape(model: ir.Model, node: ir.Node, batch: int) -> None:
    """Write the shape of a Reshape that keeps the batch in front as -1 and the known rest."""
    before, after = (value.shape if value is not None else None for value in (node.inputs[0], node.outputs[0]))
    if not before or not after or before[0] != after[0]:
        return
    if after[0] == batch if batch else not isinstance(after[0], int):
        sizes = [size for size in after[1:] if isinstance(size, int) and size > 0]
        if len(sizes) == len(after) - 1:
            node.replace_input_with(1, _integers(model, f"{node.name}_shape_of_any_batch", [-1, *sizes]))
            node.attributes.pop("allowzero", None)


def _name_squeezed(model: ir.Model, node: ir.Node) -> None:
    """A Squeeze without axes would take away a batch of one as well."""
    data = node.inputs[0]
    if data is not None and data.shape is not None:
        axes = [axis for axis, size in enumerate(data.shape) if axis and size == 1]
        node.resize_inputs(2)
        node.replace_input_with(1, _integers(model, f"{node.name}_axes", axes))


def _integers(model: ir.Model, name: str, numbers: list[int]) -> ir.Value:
    value = ir.Value(name=name, const_value=ir.Tensor(np.array(numbers, np.int64), name=name))
    model.graph.register_initializer(value)
    return value
