"""edgecnn_export: from `nn.Module` or `.onnx` to one self-describing, self-proving model file.

    from edgecnn_export import export

    export(network, "model.onnx")

What needs torch (`edgecnn_export.network`, `edgecnn_export.to_onnx`) is imported by its own name, so that a process
that quantizes a finished graph stays without it.
"""

import edgecnn_runtime as _  # noqa: F401 - before onnxruntime, whose telemetry it turns off

from edgecnn_export.from_onnx import from_onnx
from edgecnn_export.pipeline import ExportReport, export
from edgecnn_export.pixel_graph import PixelGraph
from edgecnn_export.precision import Demands
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["Demands", "ExportReport", "PixelGraph", "PreparedPictures", "export", "from_onnx"]
