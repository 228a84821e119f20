"""The whole way: graph to precision to checked, proven file."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import onnx
from edgecnn_runtime.errors import OptionError

from edgecnn_export.calibrate import CalibrationSet
from edgecnn_export.card import build_card
from edgecnn_export.check import CheckReport, check_against, check_pictures, load_pictures
from edgecnn_export.package import pack, write_model_file
from edgecnn_export.pixel_graph import PixelGraph
from edgecnn_export.quantize import quantize_plain

__all__ = ["ExportReport", "Precision", "export"]

Precision = Literal["fp32", "int8"]

# Largest relative error of a logit that the export's own check lets through. int8 is judged by its accuracy, not by
# this; the bound only stops a file that has nothing to do with its network.
_CHECK_TOLERANCE = {"fp32": 1e-3, "int8": 1.0}


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: the file.
        name: of the network.
        precision: `fp32`, `int8`.
        size_bytes: of the file.
        check: the finished file against the network it came from.
    """

    path: Path
    name: str
    precision: str
    size_bytes: int
    check: CheckReport


def export(
    graph: PixelGraph,
    path: str | os.PathLike[str],
    *,
    precision: Precision = "fp32",
    calibration: CalibrationSet | None = None,
    check: Sequence[Path] = (),
    progress: Callable[[int, int], None] | None = None,
) -> ExportReport:
    """Bring a graph to its precision, check it against its reference and write the model file.

    Args:
        graph: what `to_onnx` or `from_onnx` gave.
        path: the file to write; it is replaced only when everything has succeeded.
        precision: `fp32` or `int8`.
        calibration: pictures for int8.
        check: pictures for the check and the golden vectors; the package's own eight photos if empty.
        progress: called with (pictures done, pictures in all) while calibrating.

    Raises:
        OptionError: int8 without calibration pictures, or a path that cannot be written.
        ModelFileError: the file does not give its network's answers; nothing is written.
    """
    pictures = load_pictures(check or check_pictures(), graph.preprocess)
    model, chosen = _at_precision(graph, precision, calibration, progress)
    draft = pack(model, build_card(graph, precision=chosen, measured={}), pictures)
    tolerance = _CHECK_TOLERANCE[precision]
    report = check_against(draft, graph.reference, graph.reference_name, pictures, tolerance=tolerance)
    data = pack(model, build_card(graph, precision=chosen, measured={"check": report.to_dict()}), pictures)
    written = write_model_file(data, path)
    return ExportReport(written, graph.name, precision, len(data), report)


def _at_precision(
    graph: PixelGraph,
    precision: Precision,
    calibration: CalibrationSet | None,
    progress: Callable[[int, int], None] | None,
) -> tuple[onnx.ModelProto, dict[str, Any]]:
    if precision == "fp32":
        return graph.model, {"kind": "fp32", "reason": "asked for"}
    if calibration is None:
        raise OptionError("int8 needs pictures to calibrate with; give --calibrate a folder of real ones, 100 or more.")
    model = quantize_plain(graph.model, calibration, progress=progress)
    chosen = {
        "kind": "int8",
        "method": "U8S8 QDQ, weights per channel, activations by minimum and maximum",
        "calibration": {"source": calibration.source, "count": len(calibration), "sha256": calibration.digest},
    }
    return model, chosen
