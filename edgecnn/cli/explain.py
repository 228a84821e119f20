"""`edgecnn explain`: why the network said so."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgecnn.cli.models import open_classifier
from edgecnn.cli.options import AllowUnbounded, Classes, Device, Json, ModelOption, Top
from edgecnn.cli.output import print_json, say, show, shown

if TYPE_CHECKING:
    from edgecnn.understanding.explaining import Comparison, Explanation

__all__ = ["explain"]


def explain(
    image: Annotated[Path, typer.Argument(help="The picture.")],
    model: ModelOption = "default",
    against: Annotated[str | None, typer.Option(help="A second model file to set beside it.")] = None,
    classes: Classes = None,
    top: Top = 5,
    occlusion: Annotated[
        bool, typer.Option("--occlusion", help="Cover the picture piece by piece in place of activation maps.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write; IMAGE-explained.html if not given.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Write everything on one sheet as a PNG, too.")] = None,
    device: Device = "auto",
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
) -> None:
    """Write a page that shows what a network saw in a picture, layer by layer, and where it saw the class.

    Example: edgecnn explain photo.jpg --model model.onnx --class "tabby" -o why.html
    """
    from edgecnn.understanding import explaining
    from edgecnn.understanding.pages import file_bytes
    from edgecnn.write import check_ending, write_file

    page = output or Path(f"{image.stem}-explained.html")
    check_ending(page, "page", (".html",))
    if png is not None:
        check_ending(png, "sheet", (".png",))
    classifier = open_classifier(model, device=device, allow_unbounded=allow_unbounded)
    asked = classes or []
    explanation = explaining.explain(classifier, str(image), classes=asked, top=top, occlusion=occlusion)
    comparison = None
    if against is not None:
        second = open_classifier(against, device=device, allow_unbounded=allow_unbounded)
        shared = asked if classifier.labels == second.labels else []
        other = explaining.explain(second, str(image), classes=shared, top=top, occlusion=occlusion)
        comparison = explaining.compare(explanation, other, top=top)
    if explanation.note:
        say(shown(explanation.note))
    say(f"wrote {write_file(page, explaining.explain_page(explanation, comparison))}")
    if png is not None:
        say(f"wrote {write_file(png, file_bytes(explaining.sheet(explanation, comparison)))}")
    if json:
        print_json(_document(explanation, comparison))
    else:
        for entry in explanation.maps:
            show(f"{entry.score:7.1%}  {shown(entry.label)}")
        if comparison is not None:
            verdict = (
                "the same label" if comparison.same_label else f"another label: {shown(comparison.second.result.label)}"
            )
            show(f"{shown(against)}: {verdict}, {comparison.second.result.score:.1%}")


def _document(explanation: "Explanation", comparison: "Comparison | None") -> dict[str, Any]:
    document: dict[str, Any] = {
        "path": explanation.result.source,
        "model": explanation.model,
        "method": explanation.method,
        "classes": [
            {
                "index": entry.index,
                "label": entry.label,
                "score": round(entry.score, 6),
                "map": [[round(value, 4) for value in row] for row in entry.map.tolist()],
            }
            for entry in explanation.maps
        ],
    }
    if comparison is not None:
        document["against"] = {
            "model": comparison.second.model,
            "label": comparison.second.result.label,
            "score": round(comparison.second.result.score, 6),
            "same_label": comparison.same_label,
            "stages": {stage.name: round(stage.relative, 5) for stage in comparison.stages},
        }
    return document
