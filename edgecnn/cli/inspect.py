"""`edgecnn inspect`: every layer of a network, what it costs and what it sees."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from edgecnn_runtime import OptionError

from edgecnn.cli.isolation import Isolated, MemoryLimit, TimeLimit, run_isolated
from edgecnn.cli.options import AllowUnbounded, Json, Runs
from edgecnn.cli.output import percent, print_json, say, show, shown

if TYPE_CHECKING:
    from edgecnn.understanding.inspecting import NodeTime

__all__ = ["inspect"]

_SLOWEST = 12  # nodes that the terminal shows; the page has the operators


def inspect(
    model: Annotated[
        str, typer.Argument(help="A model file, any .onnx, a name of `edgecnn zoo`, or the built-in `default`.")
    ] = "default",
    layer: Annotated[str | None, typer.Option(help="Show only this layer.")] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", "--html", help="Write a page where a layer draws its field on a picture."),
    ] = None,
    picture: Annotated[Path | None, typer.Option(help="Picture for the page; a drawn one if not given.")] = None,
    profile: Annotated[bool, typer.Option("--profile", help="Tell where the time goes on this machine.")] = False,
    runs: Runs = 30,
    json: Json = False,
    allow_unbounded: AllowUnbounded = False,
    isolated: Isolated = False,
    time_limit: TimeLimit = 60,
    memory_limit: MemoryLimit = 4000,
) -> None:
    """Show a network layer by layer: shapes, parameters, cost, receptive field.

    Example: edgecnn inspect model.onnx --profile -o layers.html
    """
    if isolated:
        run_isolated(time_limit=time_limit, memory_limit=memory_limit)
    from edgecnn.understanding import inspecting
    from edgecnn.write import check_ending, write_file

    if picture is not None and output is None:
        raise OptionError("--picture is for the page; give --output FILE with it.")
    if output is not None:
        check_ending(output, "page", (".html",))
    inspection = inspecting.inspect(model)
    layers = inspection.layers if layer is None else (inspection.layer(layer),)
    times = inspecting.profile(inspection.data, runs=runs, allow_unbounded=allow_unbounded) if profile else []
    if json:
        for row in layers:
            print_json(row.to_dict())
    else:
        show(inspecting.layer_table(layers))
        if layer is None:
            show("\n" + "\n".join(f"{key:21}{shown(value)}" for key, value in inspection.facts()))
        lost = sorted({row.unknown_since for row in inspection.layers if row.unknown_since})
        if lost:
            show(f"\nreceptive field unknown from {shown(lost[0])}")
        if times:
            _show_times(times, runs)
    if output is not None:
        prepared = None if picture is None else inspection.prepare(picture)
        page = inspecting.inspect_page(inspection, picture=prepared, times=times, runs=runs)
        say(f"wrote {write_file(output, page)}")


def _show_times(times: "list[NodeTime]", runs: int) -> None:
    from edgecnn.understanding.inspecting import time_by_operator
    from edgecnn.understanding.tables import format_table

    groups = [
        [row.operator, str(row.nodes), f"{row.time_ms:.3f}", percent(row.share)] for row in time_by_operator(times)
    ]
    show(f"\nTime on this machine's CPU, median of {runs} runs, by operator as ONNX Runtime runs it:\n")
    show(format_table(("operator", "nodes", "ms", "share"), groups, right=(1, 2, 3)))
    slowest = [[node.name, node.operator, f"{node.time_ms:.3f}", percent(node.share)] for node in times[:_SLOWEST]]
    show("\nSlowest nodes:\n")
    show(format_table(("node", "operator", "ms", "share"), slowest, right=(2, 3)))
