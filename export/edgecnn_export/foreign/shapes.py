"""Fix height and width, free the batch, and say every shape that can be known."""

import numpy as np
import onnx
import onnx_ir as ir
from edgecnn_runtime.preprocess import Preprocess
from onnxscript.optimizer import fold_constants

from edgecnn_export.foreign.taken import TakenInput
from edgecnn_export.passes.values import constant, to_proto

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
        elif node.op_type in ("Expand", "Tile", "ConstantOfShape"):
            continue
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
    data, result = node.inputs[0], node.outputs[0]
    given = constant(node.inputs[1])
    shape = result.shape
    if data is None or data.shape is None or shape is None or len(shape) == 0 or len(data.shape) == 0:
        return
    rest = list(shape)[1:]
    first, before = shape[0], data.shape[0]
    keeps = first == before if batch else not isinstance(first, int) and first == before
    if batch and first != batch:
        keeps = False
    if given is not None and not batch and (given[:1] <= 0).all() and (given[1:] > 0).all():
        return  # says so already
    if not keeps or not all(isinstance(size, int) and size > 0 for size in rest):
        return
    name = f"{node.name}_shape_of_any_batch"
    wanted = ir.Value(name=name, const_value=ir.Tensor(np.array([-1, *rest], np.int64), name=name))
    model.graph.register_initializer(wanted)
    node.replace_input_with(1, wanted)
    node.attributes.pop("allowzero", None)


def _name_squeezed(model: ir.Model, node: ir.Node) -> None:
    """A Squeeze without axes would take away a batch of one as well."""
    data = node.inputs[0]
    if data is None or data.shape is None:
        return
    axes = [axis for axis, size in enumerate(data.shape) if axis and size == 1]
    name = f"{node.name}_axes"
    wanted = ir.Value(name=name, const_value=ir.Tensor(np.array(axes, np.int64), name=name))
    model.graph.register_initializer(wanted)
    node.resize_inputs(2)
    node.replace_input_with(1, wanted)
