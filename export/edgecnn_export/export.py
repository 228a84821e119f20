"""The whole way: graph to precision to checked, proven file."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.files import replace_atomically

from edgecnn_export.card import build_card
from edgecnn_export.check import CheckReport, check_against, check_pictures, load_pictures
from edgecnn_export.latency import layer_times
from edgecnn_export.package import pack, write_model_file
from edgecnn_export.pixel_graph import PixelGraph
from edgecnn_export.precision import Chosen, Demands, Precision, choose_precision
from edgecnn_export.prepared import PreparedPictures
from edgecnn_export.report import render_report

__all__ = ["ExportReport", "export"]

# Largest relative error of a logit that the export's own check lets through. int8 is judged by its accuracy, not by
# this; the bound only stops a file that has nothing to do with its network.
_CHECK_TOLERANCE = {"fp32": 1e-3, "fp16": 5e-2, "int8": 1.0}


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: the file.
        name: of the network.
        size_bytes: of the file.
        check: the finished file against the network it came from.
        chosen: the precision and how it was chosen.
    """

    path: Path
    name: str
    size_bytes: int
    check: CheckReport
    chosen: Chosen

    @property
    def precision(self) -> str:
        """`fp32`, `fp16` or `int8`."""
        return self.chosen.kind


def export(
    graph: PixelGraph,
    path: str | os.PathLike[str],
    *,
    precision: Precision = "fp32",
    calibration: PreparedPictures | None = None,
    evaluation: PreparedPictures | None = None,
    demands: Demands | None = None,
    check: Sequence[Path] = (),
    report: str | os.PathLike[str] | None = None,
    steps: Callable[[str], None] = lambda _: None,
) -> ExportReport:
    """Bring a graph to its precision, check it against its reference and write the model file.

    Args:
        graph: what `to_onnx` or `from_onnx` gave.
        path: the file to write; it is replaced only when everything has succeeded.
        precision: `fp32`, `fp16`, `int8`, or `auto` for the fastest that holds.
        calibration: pictures that int8 takes its ranges from.
        evaluation: pictures that the precisions are compared on.
        demands: what a lower precision must hold to be written.
        check: pictures for the check and the golden vectors; the package's own eight photos if empty.
        report: HTML page to write about the decision, also when nothing else is written.
        steps: called with the name of each step as it begins.

    Raises:
        OptionError: pictures are missing, or a path cannot be written.
        ModelFileError: the precision misses its demands, or the file does not give its network's answers; nothing is
            written then.
    """
    pictures = load_pictures(check or check_pictures(), graph.preprocess)
    chosen = choose_precision(
        graph, precision, calibration=calibration, evaluation=evaluation, demands=demands, steps=steps
    )
    if report is not None:
        _write_report(graph, chosen, report)
    if chosen.model is None:
        raise ModelFileError(
            f"{graph.name} was not written as {precision}: {chosen.precision['reason']}. "
            "--precision auto writes the best that holds, --force writes it all the same."
        )
    steps("checking the file against its network")
    measured = {"verdict": chosen.verdict.summary()} if chosen.verdict else {}
    draft = pack(chosen.model, build_card(graph, precision=chosen.precision, measured=measured), pictures)
    tolerance = _CHECK_TOLERANCE[chosen.kind]
    checked = check_against(draft, graph.reference, graph.reference_name, pictures, tolerance=tolerance)
    measured["check"] = checked.to_dict()
    data = pack(chosen.model, build_card(graph, precision=chosen.precision, measured=measured), pictures)
    return ExportReport(write_model_file(data, path), graph.name, len(data), checked, chosen)


def _write_report(graph: PixelGraph, chosen: Chosen, path: str | os.PathLike[str]) -> None:
    if chosen.verdict is None or chosen.evaluation is None:
        raise ModelFileError("there is nothing to report on: --report goes with --precision fp16, int8 or auto.")
    page = render_report(
        graph.name,
        chosen.verdict,
        chosen.evaluation,
        quantized=chosen.quantized,
        labels=graph.labels,
        answers={name: measured.answers for name, measured in chosen.verdict.measured.items()},
        layer_ms=layer_times(chosen.quantized.model) if chosen.quantized else None,
    )
    replace_atomically(path, page.encode())
