"""`edgecnn export`: a network in, one model file out, checked against the network on the way."""

from pathlib import Path
from typing import Annotated, Literal

import typer
from edgecnn_runtime import OptionError

from edgecnn.cli.options import Json, RandomWeights
from edgecnn.cli.output import detail, print_json, remark, show, shown, steps, warn
from edgecnn.zoo.channel_units import NORMALIZATIONS, in_units_of_one
from edgecnn.zoo.exporting import ExportOptions, export_source
from edgecnn.zoo.request import NetworkRequest, read_labels

__all__ = ["export"]


def export(
    source: Annotated[
        str,
        typer.Argument(
            help="efficientnet_lite0, torchvision:NAME, timm:NAME, package.module:factory, an .onnx file, "
            "a file of weights with --network, or the folder of an `edgecnn train` run."
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
    preprocess: Annotated[
        Literal["imagenet", "zero-one", "minus-one-one", "none"] | None,
        typer.Option(
            help="For --mean and --std: ImageNet's, pixels from 0 to 1, from -1 to 1, or from 0 to 255 as they are."
        ),
    ] = None,
    weights: Annotated[
        Path | None, typer.Option(help="Weights of your own for the network: a state dict or checkpoint.")
    ] = None,
    network: Annotated[
        str | None, typer.Option(help="Where the source is a file of weights: the network that they belong to.")
    ] = None,
    scores: Annotated[
        str | None, typer.Option(help="Name of the output with the scores, where an .onnx file has several.")
    ] = None,
    random_weights: RandomWeights = False,
    name: Annotated[str | None, typer.Option(help="Name in the file.")] = None,
    license: Annotated[str | None, typer.Option(help="License of the weights, in the file.")] = None,
    json: Json = False,
) -> None:
    """Make a model file of a network and prove that it gives the network's answers.

    Example: edgecnn export torchvision:mobilenet_v2 -o mobilenet.onnx --precision auto --calibrate photos/
    """
    statistics = in_units_of_one(_read_channels("--mean", mean), _read_channels("--std", std))
    if statistics.note:
        warn(statistics.note)
    if preprocess is not None:
        if mean or std:
            raise OptionError("--preprocess stands for --mean and --std; give one or the other.")
        statistics = NORMALIZATIONS[preprocess]
    request = NetworkRequest(
        random_weights=random_weights,
        weights=weights,
        network=network,
        labels=read_labels(labels) if labels else None,
        size=_read_size(size),
        resize=resize,
        resize_to=resize_to,
        kernel=kernel,
        mean=statistics.mean,
        std=statistics.std,
        said_by=f"--preprocess {preprocess}" if preprocess else None,
        scores=scores,
        name=name,
        license=license,
    )
    options = ExportOptions(
        precision=precision,
        calibrate=calibrate,
        calibrate_count=calibrate_count,
        evaluate=evaluate,
        max_drop=max_drop,
        min_speedup=min_speedup,
        force=force,
        check=check,
        report=report,
    )
    detail(f"{source} becomes {output.absolute()}, checked with {check or 'the eight photos of the package'}")
    with steps() as step:
        written = export_source(source, output, request, options, warn=warn, steps=step)
    if json:
        print_json(written.to_dict())
        return
    for line in written.lines():
        show(shown(line))
    if report is not None:
        show(f"report: {shown(report)}")
    remark(f"next: edgecnn classify photo.jpg --model {written.path}")


def _read_size(text: str | None) -> tuple[int, int] | None:
    if text is None:
        return None
    parts = text.lower().split("x")
    if len(parts) > 2 or not all(part.isdecimal() and int(part) > 0 for part in parts):
        raise OptionError(f"--size is {text!r}; expected 224, or HEIGHTxWIDTH such as 160x120.")
    return int(parts[0]), int(parts[-1])


def _read_channels(option: str, text: str | None) -> tuple[float, float, float] | None:
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
