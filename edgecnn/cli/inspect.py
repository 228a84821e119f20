"""`edgecnn inspect`: every layer of a network, what it costs and what it sees."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime import OptionError

from edgecnn.cli.output import percent, print_json, say

if TYPE_CHECKING:
    from edgecnn.understanding.inspecting.inspection import Inspection
    from edgecnn.understanding.inspecting.profile import NodeTime
    from edgecnn.understanding.pages import Picture

__all__ = ["inspect"]

_SLOWEST = 12  # nodes that the terminal shows; the page has the operators


def inspect(
    model: Annotated[
        str | None, typer.Argument(help="A model file, any .onnx, or a zoo name; the built-in model if not given.")
    ] = None,
    layer: Annotated[str | None, typer.Option(help="Show only this layer.")] = None,
    html: Annotated[Path | None, typer.Option(help="Write a page where a layer draws its field on a picture.")] = None,
    picture: Annotated[Path | None, typer.Option(help="Picture for the page; a drawn one if not given.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Tell where the time goes on this machine.")] = False,
    runs: Annotated[int, typer.Option(min=1, help="Runs that --profile takes the median of.")] = 30,
    json: Annotated[bool, typer.Option("--json", help="One JSON object a layer.")] = False,
) -> None:
    """Show a network layer by layer: shapes, parameters, cost, receptive field.

    Example: edgecnn inspect model.onnx --profile --html layers.html
    """
    from edgecnn_runtime.model_file import default_model_path

    from edgecnn.understanding.inspecting.inspection import inspect as look

    if picture is not None and html is None:
        raise OptionError("--picture is for the page; give --html FILE with it.")
    inspection = look(default_model_path() if model is None else model)
    layers = inspection.layers if layer is None else (inspection.layer(layer),)
    times = _times(inspection, runs) if profile else []
    if json:
        for row in layers:
            print_json(row.to_dict())
    else:
        from edgecnn.understanding.inspecting.text_table import layer_table

        typer.echo(layer_table(layers))
        if layer is None:
            typer.echo("\n" + "\n".join(f"{key:21}{value}" for key, value in inspection.facts()))
        _show_losses(inspection)
        if times:
            _show_times(times, runs)
    if html is not None:
        from edgecnn.understanding.inspecting.inspect_page import inspect_page
        from edgecnn.understanding.pages import write_file

        page = inspect_page(inspection, picture=_prepared(inspection, picture), times=times, runs=runs)
        say(f"wrote {write_file(html, page)}")


def _times(inspection: "Inspection", runs: int) -> "list[NodeTime]":
    from edgecnn.understanding.inspecting.profile import profile

    return profile(inspection.data, runs=runs)


def _show_losses(inspection: "Inspection") -> None:
    lost = sorted({row.unknown_since for row in inspection.layers if row.unknown_since})
    if lost:
        typer.echo(f"\nreceptive field unknown from {lost[0]}")


def _show_times(times: "list[NodeTime]", runs: int) -> None:
    from edgecnn.understanding.inspecting.profile import time_by_operator
    from edgecnn.understanding.inspecting.text_table import format_table

    groups = [[name, str(nodes), f"{ms:.3f}", percent(share)] for name, nodes, ms, share in time_by_operator(times)]
    typer.echo(f"\nTime on this machine's CPU, median of {runs} runs, by operator as ONNX Runtime runs it:\n")
    typer.echo(format_table(("operator", "nodes", "ms", "share"), groups, right=(1, 2, 3)))
    slowest = [[node.name, node.operator, f"{node.time_ms:.3f}", percent(node.share)] for node in times[:_SLOWEST]]
    typer.echo("\nSlowest nodes:\n")
    typer.echo(format_table(("node", "operator", "ms", "share"), slowest, right=(2, 3)))


def _prepared(inspection: "Inspection", path: Path | None) -> "Picture | None":
    """The picture as the network gets it; squashed to its size where the file has no preprocessing."""
    if path is None:
        return None
    from edgecnn_runtime import Preprocess
    from edgecnn_runtime.card import read_preprocess
    from edgecnn_runtime.image import load_image

    if "preprocess" in inspection.card:
        preprocess = read_preprocess(inspection.card["preprocess"])
    else:
        height = inspection.height if isinstance(inspection.height, int) else 224
        width = inspection.width if isinstance(inspection.width, int) else 224
        preprocess = Preprocess(height=height, width=width, resize="squash", kernel="bilinear")
    return preprocess.apply(load_image(path))
