"""Turn a float32 network into a float16 one for GPUs: pixels stay uint8, logits stay float32."""

import numpy as np
import onnx
from edgecnn_runtime.errors import ModelFileError
from onnxruntime.quantization.onnx_model import ONNXModel
from onnxruntime.transformers.float16 import convert_float_to_float16

__all__ = ["to_half"]

LARGEST = float(np.finfo(np.float16).max)


def to_half(model: onnx.ModelProto) -> onnx.ModelProto:
    """The network with float16 weights and arithmetic.

    The normalization of the pixels stays in float32: its constants would lose a thousandth in float16, which shifts
    every picture the same way. Providers without float16 kernels, ONNX Runtime's CPU among them, compute in float32
    from the rounded weights.

    Raises:
        ModelFileError: A weight does not fit into float16, or the network is quantized.
    """
    if any("quantize" in n.op_type.lower() or n.op_type.startswith("QLinear") for n in model.graph.node):
        raise ModelFileError(
            "the network is quantized, expected a float32 one; give the float network it was made from"
        )
    for tensor in model.graph.initializer:
        if tensor.data_type == onnx.TensorProto.FLOAT:
            largest = float(np.abs(onnx.numpy_helper.to_array(tensor)).max(initial=0.0))
            if not largest <= LARGEST:
                raise ModelFileError(
                    f"weight {tensor.name!r} holds {largest:g}, float16 ends at {LARGEST:g}; export this network as "
                    "fp32"
                )
    work = onnx.ModelProto()
    work.CopyFrom(onnx.shape_inference.infer_shapes(model))
    sortable = ONNXModel(
        convert_float_to_float16(
            work,
            keep_io_types=True,
            node_block_list=_before_first_layer(work),
            min_positive_val=1e-7,
            max_finite_val=LARGEST,
        )
    )
    sortable.topological_sort()
    result: onnx.ModelProto = sortable.model
    result.graph.ClearField("value_info")
    onnx.checker.check_model(result)
    return result


def _before_first_layer(model: onnx.ModelProto) -> list[str]:
    """The names of the nodes between the pixels and the first convolution or matrix product."""
    reached, names = {model.graph.input[0].name}, []
    for node in model.graph.node:
        if reached & set(node.input) and node.op_type not in {"Conv", "Gemm", "MatMul"}:
            names.append(node.name)
            reached.update(node.output)
        elif node.op_type in {"Conv", "Gemm", "MatMul"}:
            break
    return names
