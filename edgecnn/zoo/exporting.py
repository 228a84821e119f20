"""From the name of a network and folders of pictures to a proven model file: what `edgecnn export` does."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from edgecnn_runtime import MissingPackageError, Normalization, OptionError

from edgecnn.data.prepared import calibration_pictures, evaluation_pictures
from edgecnn.data.split import read_split, sketch
from edgecnn.pictures import find_pictures
from edgecnn.write import check_ending
from edgecnn.zoo.preprocessing_note import preprocessing_note
from edgecnn.zoo.request import NetworkRequest

if TYPE_CHECKING:
    from edgecnn_export import ExportReport, PixelGraph

__all__ = ["ExportOptions", "export_source"]

_PACKAGES = ("edgecnn_export", "torch", "onnx", "onnx_ir", "onnxscript", "onnxruntime")


@dataclass(frozen=True)
class ExportOptions:
    """How a network becomes a file.

    Attributes:
        precision: `fp32`, `fp16`, `int8`, or `auto` for the fastest that holds.
        calibrate: Folder or data set of real pictures that int8 takes its ranges from.
        calibrate_count: Pictures to take from it, spread evenly.
        evaluate: Labeled data set that the precisions are compared on, without what calibration saw.
        max_drop: Points of top-1 that a lower precision may lose.
        min_speedup: Times that it must be faster than fp32 on this machine.
        force: Write what was asked for even if it misses.
        check: Folder of pictures to check with; None for those of the export package.
        report: HTML page to write about the decision.
    """

    precision: Literal["fp32", "fp16", "int8", "auto"] = "fp32"
    calibrate: Path | None = None
    calibrate_count: int = 256
    evaluate: Path | None = None
    max_drop: float = 0.5
    min_speedup: float = 1.1
    force: bool = False
    check: Path | None = None
    report: Path | None = None

    def __post_init__(self) -> None:
        for path in (self.calibrate, self.evaluate, self.check):
            if path is not None and not path.exists():
                raise OptionError(f"{path} does not exist; expected a folder or data set of pictures.")
        if self.precision == "fp32" and (self.calibrate or self.evaluate):
            raise OptionError("--calibrate and --evaluate go with --precision fp16, int8 or auto; fp32 needs neither.")
        if self.precision == "fp32" and self.report:
            raise OptionError("there is nothing to report on: --report goes with --precision fp16, int8 or auto.")
        if self.report is not None:
            check_ending(self.report, "report", (".html",))


def export_source(
    source: str,
    output: Path,
    request: NetworkRequest,
    options: ExportOptions,
    *,
    warn: Callable[[str], None],
    steps: Callable[[str], None],
) -> ExportReport:
    """Load a network, bring it to its precision, check it and write the file.

    Args:
        source: What `edgecnn.zoo.load` takes, or an `.onnx` file.
        output: The file to write.
        request: What to fill in or replace of what the source says about itself.
        options: How it becomes a file.
        warn: Called with each sentence about what is doubtful about the pictures.
        steps: Called with the name of each step as it begins.

    Raises:
        OptionError: A path cannot be used, or options do not go together.
        MissingPackageError: A package of the extra `export` is not installed.
        EdgecnnError: Whatever loading, preparing and exporting say.
    """
    _check_output(output)
    check = [Path(name) for name in find_pictures([str(options.check)]).names] if options.check else []
    try:
        graph = _load_graph(source, request, check)
        from edgecnn_export import Demands, export
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in _PACKAGES:
            raise MissingPackageError(package, extra="export") from error
        raise
    taken = graph.source.get("weights_note")
    note = preprocessing_note(graph, request, otherwise=_said_by(source, request))
    graph = replace(graph, notes=(*graph.notes, *([taken] if taken else []), note))
    run = Path(source) if Path(source).is_dir() else None
    if run is not None and (learned := sketch(read_split(run))):
        graph = replace(graph, source={**graph.source, "learned_from": " ".join(learned)})
    calibration = evaluation = None
    if options.calibrate:
        steps("preparing the calibration pictures")
        calibration = calibration_pictures(
            options.calibrate, graph.preprocess, graph.labels, count=options.calibrate_count, warn=warn
        )
        for warning in calibration.warnings:
            warn(f"{warning}.")
    if options.evaluate:
        steps("preparing the evaluation pictures")
        evaluation = evaluation_pictures(
            options.evaluate, graph.preprocess, graph.labels, without=calibration, run=run, warn=warn
        )
    return export(
        graph,
        output,
        precision=options.precision,
        calibration=calibration,
        evaluation=evaluation,
        demands=Demands(options.max_drop, options.min_speedup, options.force),
        check=check,
        report=options.report,
        steps=steps,
    )


def _load_graph(source: str, request: NetworkRequest, check: list[Path]) -> PixelGraph:
    if not source.lower().endswith(".onnx"):
        from edgecnn.zoo.export_process import load_graph

        return load_graph(source, request, check)
    from edgecnn_export import from_onnx

    if request.weights or request.random_weights:
        raise OptionError("an .onnx file brings its own weights; --weights and --random-weights go with a network.")
    normalization = None
    if request.mean or request.std:
        normalization = Normalization(request.mean or (0.0, 0.0, 0.0), request.std or (1.0, 1.0, 1.0))
    about_size = (request.size, request.resize, request.resize_to, request.kernel)
    return from_onnx(
        source,
        labels=request.labels,
        preprocess=request.preprocess(None) if any(about_size) else None,
        normalization=normalization,
        scores=request.scores,
        name=request.name,
        license=request.license,
    )


def _said_by(source: str, request: NetworkRequest) -> str:
    """Who says what was not given on the command line."""
    if not source.lower().endswith(".onnx"):
        return "from the network"
    return "from the file" if request.labels is None else "assumed"


def _check_output(output: Path) -> None:
    """Say at once what would otherwise fail after minutes of work."""
    if not output.parent.is_dir():
        raise OptionError(f"the folder {output.parent} does not exist; make it, or choose another for {output.name}.")
    if output.is_dir():
        raise OptionError(f"{output} is a folder; expected the file to write, such as {output / 'model.onnx'}.")
    if not os.access(output.parent, os.W_OK):
        raise OptionError(f"the folder {output.parent} cannot be written to; choose another for {output.name}.")
