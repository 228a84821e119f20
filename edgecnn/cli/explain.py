"""`edgecnn explain`: why the network said so."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime import Classifier

from edgecnn.cli.output import print_json, say

if TYPE_CHECKING:
    from edgecnn.understanding.explaining.comparison import Comparison
    from edgecnn.understanding.explaining.explanation import Explanation

__all__ = ["explain"]


def explain(
    image: Annotated[Path, typer.Argument(help="The picture.")],
    model: Annotated[Path | None, typer.Option(help="Model file; the built-in ImageNet model if not given.")] = None,
    against: Annotated[Path | None, typer.Option(help="A second model file to set beside it.")] = None,
    classes: Annotated[
        list[str] | None, typer.Option("--class", help="A further class to map; repeat for more.")
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="Most probable classes to map.")] = 5,
    occlusion: Annotated[
        bool, typer.Option("--occlusion", help="Cover the picture piece by piece in place of activation maps.")
    ] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Page to write; IMAGE-explained.html if not given.")
    ] = None,
    png: Annotated[Path | None, typer.Option(help="Write everything on one sheet as a PNG, too.")] = None,
    device: Annotated[str, typer.Option(help="auto, cpu, cuda[:n], dml[:n], openvino, coreml, qnn.")] = "auto",
    json: Annotated[bool, typer.Option("--json", help="The classes and their maps as one JSON object.")] = False,
) -> None:
    """Write a page that shows what a network saw in a picture, layer by layer, and where it saw the class.

    Example: edgecnn explain photo.jpg --model model.onnx --class "tabby" -o why.html
    """
    from edgecnn.understanding.explaining.comparison import compare
    from edgecnn.understanding.explaining.explain_page import explain_page
    from edgecnn.understanding.explaining.explanation import explain as take_apart
    from edgecnn.understanding.pages import write_file

    classifier = Classifier(model, device=device)
    asked = classes or []
    explanation = take_apart(classifier, str(image), classes=asked, top=top, occlusion=occlusion)
    comparison = None
    if against is not None:
        second = Classifier(against, device=device)
        shared = [name for name in asked if classifier.labels == second.labels]
        other = take_apart(second, str(image), classes=shared, top=top, occlusion=occlusion)
        comparison = compare(explanation, other, top=top)
    if explanation.note:
        say(explanation.note)
    page = output or Path(f"{image.stem}-explained.html")
    say(f"wrote {write_file(page, explain_page(explanation, comparison))}")
    if png is not None:
        _write_sheet(png, explanation, comparison)
    if json:
        print_json(_document(explanation, comparison))
    else:
        for entry in explanation.maps:
            typer.echo(f"{entry.score:7.1%}  {entry.label}")
        if comparison is not None:
            verdict = "the same label" if comparison.same_label else f"another label: {comparison.second.result.label}"
            typer.echo(f"{against}: {verdict}, {comparison.second.result.score:.1%}")


def _write_sheet(path: Path, explanation: "Explanation", comparison: "Comparison | None") -> None:
    import io

    from edgecnn.understanding.explaining.explain_pictures import sheet
    from edgecnn.understanding.pages import write_file

    buffer = io.BytesIO()
    sheet(explanation, comparison).save(buffer, "PNG")
    say(f"wrote {write_file(path, buffer.getvalue())}")


def _document(explanation: "Explanation", comparison: "Comparison | None") -> dict[str, object]:
    document: dict[str, object] = {
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
