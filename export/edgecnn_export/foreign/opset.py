"""Raise a graph to the opset that 8-bit weights a channel need, through onnx's own version converter."""

import onnx
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError

from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import MAX_IR

__all__ = ["raise_opset"]

_LEAST_OPSET, _LEAST_IR = 13, 7


def raise_opset(model: ir.Model) -> ir.Model:
    """The model in opset 13 or above, with a fitting IR version.

    Raises:
        ModelFileError: An operator has no newer form that the converter knows.
    """
    version = model.graph.opset_imports.get("", model.graph.opset_imports.get("ai.onnx", _LEAST_OPSET))
    if version < _LEAST_OPSET:
        model.ir_version = max(model.ir_version or 0, 4)
        try:
            proto = onnx.version_converter.convert_version(to_proto(model), _LEAST_OPSET)
        # The converter is C++ and raises RuntimeError, ConvertError and IndexError, each with a text of its own.
        except Exception as error:
            reason = (str(error).strip() or type(error).__name__).splitlines()[0][:200]
            raise ModelFileError(
                f"its opset is {version}, and raising it to {_LEAST_OPSET} fails ({reason}); export the network again "
                f"with opset {_LEAST_OPSET} or above."
            ) from error
        model = ir.from_proto(proto)
    model.ir_version = min(max(model.ir_version or 0, _LEAST_IR), MAX_IR)
    return model
