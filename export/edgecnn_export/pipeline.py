"""The whole way: network to graph to precision to checked, proven file."""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.files import replace_atomically

from edgecnn_export.export_check import CheckReport, check_against, load_pictures
from edgecnn_export.latency import layer_times
from edgecnn_export.package import build_card, load_draft, pack, write_model_file
from edgecnn_export.pixel_graph import PixelGraph, RecordedAnswers
from edgecnn_export.precision import Chosen, Demands, Precision, choose_precision
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_export.report import render_report

if TYPE_CHECKING:
    from edgecnn_export.network import Network

__all__ = ["ExportReport", "export"]


@dataclass(frozen=True)
class ExportReport:
    """What was written.

    Attributes:
        path: The file.
        name: Of the network.
        size_bytes: Of the file.
        check: The finished file against the network it came from.
        chosen: The precision and how it was chosen.
        notes: What was found in the source and changed, and the preprocessing, each a sentence without its stop.
    """

    path: Path
    name: str
    size_bytes: int
    check: CheckReport
    chosen: Chosen
    notes: tuple[str, ...] = ()

    @property
    def precision(self) -> str:
        """`fp32`, `fp16` or `int8`."""
        return self.chosen.kind

    def to_dict(self) -> dict[str, Any]:
        """What was written and measured, ready for JSON."""
        verdict = self.chosen.verdict
        return {
            "path": str(self.path),
            "name": self.name,
            "precision": self.precision,
            "size_bytes": self.size_bytes,
            "check": self.check.to_dict(),
            "verdict": verdict.summary() if verdict else None,
            "notes": list(self.notes),
        }

    def lines(self) -> list[str]:
        """The same for a terminal."""
        found = []
        if self.chosen.quantized is not None:
            before, after = self.chosen.quantized.forecast_before, self.chosen.quantized.forecast
            found.append(
                f"without VNNI: logits off by {before.logit_error:.1%} before {len(before.saturating)} layers were "
                f"made safe from saturation, {after.logit_error:.1e} after"
            )
        if self.chosen.verdict is not None:
            found += self.chosen.verdict.lines()
        check = self.check
        return [
            *found,
            *self.notes,
            f"{self.path}: {self.name}, {self.precision}, {self.size_bytes / 1e6:.2f} MB",
            f"checked against {check.reference} on {check.pictures} pictures: same label on {check.same_label}, "
            f"largest relative error of a logit {check.max_relative_error:.1e}",
        ]


def export(
    network: "Network | PixelGraph",
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
    """Bring a network to its precision, check it against its reference and write the model file.

    Args:
        network: A network in PyTorch, or its graph, as `to_onnx` or `from_onnx` gave it.
        path: The file to write; it is replaced only when everything has succeeded.
        precision: `fp32`, `fp16`, `int8`, or `auto` for the fastest that holds.
        calibration: Pictures that int8 takes its ranges from.
        evaluation: Pictures that the precisions are compared on.
        demands: What a lower precision must hold to be written.
        check: Pictures for the check and the golden vectors; the package's own eight photos if empty. A graph whose
            reference has been asked already brings its own.
        report: HTML page to write about the decision, also when nothing else is written.
        steps: Called with the name of each step as it begins.

    Raises:
        OptionError: Pictures are missing, or a path cannot be written.
        ModelFileError: The precision misses its demands, or the file does not give its network's answers; nothing is
            written then.
    """
    graph = network if isinstance(network, PixelGraph) else _graph_of(network)
    reference = graph.reference
    if not isinstance(reference, RecordedAnswers):
        reference = RecordedAnswers.of(reference, load_pictures(check, graph.preprocess))
    chosen = choose_precision(
        graph.model, precision, calibration=calibration, evaluation=evaluation, demands=demands, steps=steps
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
    card = build_card(graph, precision=chosen.precision, measured=measured)
    draft = load_draft(chosen.model, card)
    checked = check_against(draft, reference, graph.reference_name, kind=chosen.kind)
    measured["check"] = checked.to_dict()
    data = pack(chosen.model, card, reference.pictures, draft=draft)
    return ExportReport(
        path=write_model_file(data, path),
        name=graph.name,
        size_bytes=len(data),
        check=checked,
        chosen=chosen,
        notes=graph.notes,
    )


def _graph_of(network: "Network") -> PixelGraph:
    from edgecnn_export.to_onnx import to_onnx  # torch, which whoever exports a graph need not hold in memory

    return to_onnx(network)


def _write_report(graph: PixelGraph, chosen: Chosen, path: str | os.PathLike[str]) -> None:
    if chosen.verdict is None or chosen.evaluation is None:
        raise OptionError("there is nothing to report on: --report goes with --precision fp16, int8 or auto.")
    page = render_report(
        graph.name,
        chosen.verdict,
        chosen.evaluation,
        quantized=chosen.quantized,
        labels=graph.labels,
        layer_ms=layer_times(chosen.quantized.model) if chosen.quantized else None,
    )
    replace_atomically(path, page.encode())
