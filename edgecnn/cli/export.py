"""`edgecnn export`: a network in, one model file out, checked against the network on the way."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer
from edgecnn_runtime import MissingPackageError, Normalization, OptionError

from edgecnn.cli.output import print_json, steps, warn
from edgecnn.zoo.request import NetworkRequest, read_labels

if TYPE_CHECKING:
    from edgecnn_export.export import ExportReport
    from edgecnn_export.pixel_graph import PixelGraph
    from edgecnn_export.prepared import PreparedPictures

__all__ = ["export"]

Channels = tuple[float, float, float]


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="efficientnet_lite0, torchvision:NAME, timm:NAME, package.module:factory, an .onnx file, "
            "or the folder of an `edgecnn train` run."
        ),
    ],
    output: Annotated[Path, typer.Option("--output", "-o", help="The model file to write.")],
    precision: Annotated[
        Literal["fp32", "fp16", "int8", "auto"],
        typer.Option(help="Arithmetic of the file; auto takes the fastest that holds."),
    ] = "fp32",
    calibrate: Annotated[
        Path | None, typer.Option(help="Folder or data set of real pictures that int8 takes its ranges from.")
    ] = None,
    calibrate_count: Annotated[int, typer.Option(min=1, help="Pictures to take from it, spread evenly.")] = 256,
    evaluate: Annotated[
        Path | None,
        typer.Option(help="Labeled data set to compare the precisions on; what calibration saw is left out."),
    ] = None,
    max_drop: Annotated[float, typer.Option(min=0, help="Points of top-1 that a lower precision may lose.")] = 0.5,
    min_speedup: Annotated[float, typer.Option(min=0, help="Times it must be faster than fp32 here.")] = 1.1,
    force: Annotated[bool, typer.Option("--force", help="Write the precision asked for even if it misses.")] = False,
    report: Annotated[Path | None, typer.Option(help="HTML page to write about the decision.")] = None,
    check: Annotated[
        Path | None, typer.Option(help="Folder of pictures to check with; eight built-in ones if not given.")
    ] = None,
    labels: Annotated[Path | None, typer.Option(help="Class names, one a line, in the order of the logits.")] = None,
    size: Annotated[str | None, typer.Option(help="Input size, 224 or HEIGHTxWIDTH.")] = None,
    resize: Annotated[Literal["short-side", "squash", "letterbox"] | None, typer.Option(help="Resize rule.")] = None,
    resize_to: Annotated[int | None, typer.Option(min=1, help="Short side before the crop, in pixels.")] = None,
    kernel: Annotated[
        Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"] | None,
        typer.Option(help="Resampling kernel."),
    ] = None,
    mean: Annotated[str | None, typer.Option(help="Mean a channel in units of 0 to 1, as 0.485,0.456,0.406.")] = None,
    std: Annotated[str | None, typer.Option(help="Standard deviation a channel, as 0.229,0.224,0.225.")] = None,
    weights: Annotated[Path | None, typer.Option(help="State dict to load, .safetensors or .pth.")] = None,
    random_weights: Annotated[bool, typer.Option("--random-weights", help="No download; weights from seed 0.")] = False,
    name: Annotated[str | None, typer.Option(help="Name in the file.")] = None,
    license: Annotated[str | None, typer.Option(help="License of the weights, in the file.")] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object about what was written.")] = False,
) -> None:
    """Make a model file of a network and prove that it gives the network's answers.

    Example: edgecnn export torchvision:mobilenet_v2 -o mobilenet.onnx --precision auto --calibrate photos/
    """
    request = NetworkRequest(
        random_weights=random_weights,
        weights=weights,
        labels=read_labels(labels) if labels else None,
        size=_read_size(size),
        resize=resize,
        resize_to=resize_to,
        kernel=kernel,
        mean=_read_channels("--mean", mean),
        std=_read_channels("--std", std),
        name=name,
        license=license,
    )
    _check_paths(output, calibrate, evaluate, check)
    check_with = _pictures(check) if check else []
    graph = _load_graph(source, request, check_with)
    from edgecnn_export.export import export as export_graph
    from edgecnn_export.precision import Demands

    calibration, evaluation = _load_pictures(graph, source, precision, calibrate, calibrate_count, evaluate)
    with steps() as step:
        written = export_graph(
            graph,
            output,
            precision=precision,
            calibration=calibration,
            evaluation=evaluation,
            demands=Demands(max_drop, min_speedup, force),
            check=check_with,
            report=report,
            steps=step,
        )
    if json:
        _print_json(written)
    else:
        _show(written, report)


def _print_json(written: "ExportReport") -> None:
    document = {"path": str(written.path), "name": written.name, "precision": written.precision}
    verdict = written.chosen.verdict
    measured = {"check": written.check.to_dict(), "verdict": verdict.summary() if verdict else None}
    print_json({**document, "size_bytes": written.size_bytes, **measured})


def _show(written: "ExportReport", report: Path | None) -> None:
    check = written.check
    if written.chosen.quantized is not None:
        forecast, cured = written.chosen.quantized.forecast, written.chosen.quantized.forecast_before
        typer.echo(
            f"without VNNI: logits off by {cured.logit_error:.1%} before the cure of {len(cured.guilty)} layers, "
            f"{forecast.logit_error:.1e} after"
        )
    for line in written.chosen.verdict.lines() if written.chosen.verdict else ():
        typer.echo(line)
    typer.echo(f"{written.path}: {written.name}, {written.precision}, {written.size_bytes / 1e6:.2f} MB")
    typer.echo(
        f"checked against {check.reference} on {check.pictures} pictures: same label on {check.same_label}, "
        f"largest relative error of a logit {check.max_relative_error:.1e}"
    )
    if report is not None:
        typer.echo(f"report: {report}")
    typer.echo(f"next: edgecnn classify photo.jpg --model {written.path}")


def _load_graph(source: str, request: NetworkRequest, check: list[Path]) -> "PixelGraph":
    try:
        if source.lower().endswith(".onnx"):
            return _load_onnx(Path(source), request)
        from edgecnn.zoo.graph import load_graph

        return load_graph(source, request, check)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in ("edgecnn_export", "torch", "onnx", "onnxscript", "onnxruntime"):
            raise MissingPackageError(package, extra="export") from error
        raise


def _load_onnx(path: Path, request: NetworkRequest) -> "PixelGraph":
    from edgecnn_export.passes.fold import from_onnx

    if request.weights or request.random_weights:
        raise OptionError("an .onnx file brings its own weights; --weights and --random-weights go with a network.")
    normalization = None
    if request.mean or request.std:
        normalization = Normalization(request.mean or (0.0, 0.0, 0.0), request.std or (1.0, 1.0, 1.0))
    about_size = (request.size, request.resize, request.resize_to, request.kernel)
    return from_onnx(
        path,
        labels=request.labels,
        preprocess=request.preprocess(None) if any(about_size) else None,
        normalization=normalization,
        name=request.name,
        license=request.license,
    )


def _load_pictures(
    graph: "PixelGraph", source: str, precision: str, calibrate: Path | None, count: int, evaluate: Path | None
) -> tuple["PreparedPictures | None", "PreparedPictures | None"]:
    """Calibration and evaluation pictures, with a word on whatever is doubtful about them."""
    from edgecnn.data.prepared import calibration_pictures, evaluation_pictures

    if precision == "fp32":
        if calibrate or evaluate:
            raise OptionError("--calibrate and --evaluate go with --precision fp16, int8 or auto; fp32 needs neither.")
        return None, None
    about = (graph.preprocess, graph.labels)
    calibration = calibration_pictures(calibrate, *about, count, warn=warn) if calibrate else None
    for warning in calibration.warnings if calibration else ():
        warn(f"{warning}.")
    if evaluate is None:
        return calibration, None
    run = Path(source) if Path(source).is_dir() else None
    return calibration, evaluation_pictures(evaluate, *about, without=calibration, run=run, warn=warn)


def _pictures(folder: Path) -> list[Path]:
    from edgecnn.data.pictures import find_pictures

    return [Path(name) for name in find_pictures([str(folder)]).names]


def _check_paths(output: Path, *inputs: Path | None) -> None:
    """Say at once what would otherwise fail after minutes of work."""
    for path in inputs:
        if path is not None and not path.exists():
            raise OptionError(f"{path} does not exist; expected a folder or data set of pictures.")
    if not output.parent.is_dir():
        raise OptionError(f"the folder {output.parent} does not exist; make it, or choose another for {output.name}.")
    if output.is_dir():
        raise OptionError(f"{output} is a folder; expected the file to write, such as {output / 'model.onnx'}.")
    if not os.access(output.parent, os.W_OK):
        raise OptionError(f"the folder {output.parent} cannot be written to; choose another for {output.name}.")


def _read_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise OptionError(f"--size is {text!r}; expected 224, or HEIGHTxWIDTH such as 160x120.")
    return int(parts[0]), int(parts[-1])


def _read_channels(option: str, text: str | None) -> Channels | None:
    if text is None:
        return None
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError as error:
        raise OptionError(f"{option} is {text!r}; expected three numbers such as 0.485,0.456,0.406.") from error
    if len(values) == 1:
        values *= 3
    if len(values) != 3:
        raise OptionError(f"{option} has {len(values)} numbers; expected three, or one for all channels.")
    return values[0], values[1], values[2]
