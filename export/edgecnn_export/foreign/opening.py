"""Open somebody's `.onnx` as one graph of standard operators, or say why that is not possible."""

import onnx
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.onnx_file import read_onnx
from onnx_ir.passes.common import InlinePass, RemoveUnusedOpsetsPass

__all__ = ["open_foreign"]

_MICROSOFT = "com.microsoft"
_INTERNAL = ("com.microsoft.nchwc", "com.ms.internal.nhwc")
_QUANTIZED = ("Q", "Dequantize", "DynamicQuantize")


def open_foreign(proto: onnx.ModelProto) -> ir.Model:
    """The graph, its local functions inlined and opsets that nothing uses dropped.

    Raises:
        ModelFileError: It reaches outside the file, holds operators that no ONNX Runtime brings along or such as ONNX
            Runtime's optimizer writes for one machine, or is nested too deep.
    """
    try:
        model = ir.from_proto(proto)
        InlinePass()(model)
        RemoveUnusedOpsetsPass()(model)
        data = ir.to_proto(model).SerializeToString()
    # onnx_ir raises many kinds for files that follow no schema, a recursion among them.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
        raise ModelFileError(
            f"the graph cannot be read ({reason}); expected an .onnx that its checker accepts."
        ) from error
    read_onnx(data)
    fused = sorted({node.op_type for node in model.graph.all_nodes() if _by_optimizer(node)})
    if fused:
        raise ModelFileError(
            f"ONNX Runtime's optimizer wrote this file for one kind of machine (it holds {', '.join(fused[:3])}); give "
            "the file from before the optimization: every session optimizes anew when it starts."
        )
    return model


def _by_optimizer(node: ir.Node) -> bool:
    return node.domain in _INTERNAL or (node.domain == _MICROSOFT and not node.op_type.startswith(_QUANTIZED))
