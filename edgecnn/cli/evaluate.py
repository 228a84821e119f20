"""`edgecnn evaluate`: how right a model file is on labeled pictures."""

from pathlib import Path
from typing import Annotated

import typer

from edgecnn.cli.models import open_classifier
from edgecnn.cli.options import AllowUnbounded, Device, Exact, Json, ModelArgument, Require
from edgecnn.cli.output import percent, print_json, progress, show, shown, warn
from edgecnn.data.read import read_held_out
from edgecnn.evaluation.score import EvaluationReport
from edgecnn.evaluation.score import evaluate as measure

__all__ = ["evaluate"]

_SHOWN_FLIPS = 20


def evaluate(
    model: ModelArgument,
    data: Annotated[
        Path,
        typer.Argument(help="Folder of class folders, or with labels.csv and images/, or .npz with x_test, y_test."),
    ],
    reference: Annotated[str | None, typer.Option(help="Another model file to compare the labels with.")] = None,
    run: Annotated[
        Path | None, typer.Option(help="Folder of the run that trained the model: its training pictures are left out.")
    ] = None,
    device: Device = "auto",
    require: Require = False,
    exact: Exact = False,
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
) -> None:
    """Measure accuracy on labeled pictures, and agreement with another model file.

    Example: edgecnn evaluate model_int8.onnx photos/ --reference model_fp32.onnx
    """
    options = {
        "device": device, "require": require, "threads": 1, "exact": exact, "allow_unbounded": allow_unbounded,
    }  # fmt: skip
    classifier = open_classifier(model, **options)
    other = open_classifier(reference, **options) if reference else None
    source = classifier.model.card.source
    pictures = read_held_out(
        data,
        classifier.labels,
        run=run,
        trained_on=source.get("data"),
        learned_from=str(source.get("learned_from", "")).split(),
        warn=warn,
    )
    with progress("evaluating", len(pictures) * (2 if other else 1)) as advance:
        result = measure(classifier, pictures, reference=other, advance=advance)
    if json:
        print_json(
            {
                "model": model,
                "count": result.count,
                "top1": result.top1,
                "top5": result.top5,
                "agreement": result.agreement,
                "images_per_second": round(result.images_per_second, 2),
                "provider": result.provider,
            }
        )
    else:
        _show(result, reference)


def _show(result: EvaluationReport, reference: str | None) -> None:
    show(f"{shown(result.model)} on {shown(result.data)}: {result.count} pictures, {result.provider}")
    if result.unreadable:
        show(f"  {result.unreadable} pictures could not be read and are left out")
    show(f"  top-1      {percent(result.top1, 2)}")
    show(f"  top-5      {percent(result.top5, 2)}")
    show(f"  speed      {result.images_per_second:.1f} images/s, decoding included")
    if result.confused:
        show("  most confused")
        for truth, label, count in result.confused:
            show(f"    {count:3d} × {shown(truth)} taken for {shown(label)}")
    if result.agreement is not None:
        show(f"  agreement  {percent(result.agreement, 2)} with {shown(reference)}, {len(result.flips)} labels differ")
        for flip in result.flips[:_SHOWN_FLIPS]:
            show(
                f"    {shown(flip.name)}: {shown(flip.label)}, the reference says {shown(flip.reference_label)} "
                f"(truth: {shown(flip.truth)})"
            )
        if len(result.flips) > _SHOWN_FLIPS:
            show(f"    … and {len(result.flips) - _SHOWN_FLIPS} more")
