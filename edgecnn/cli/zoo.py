"""`edgecnn zoo`: the known networks from LeNet-5 to today."""

from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgecnn.cli.options import Json, Runs
from edgecnn.cli.output import percent, print_json, progress, say, show
from edgecnn.zoo.catalog import CatalogEntry, find_entries

if TYPE_CHECKING:
    from edgecnn.zoo.measure import Measurement

__all__ = ["zoo"]


def zoo(
    names: Annotated[list[str] | None, typer.Argument(help="Only these; all if not given.")] = None,
    measure: Annotated[bool, typer.Option("--measure", help="Export each and time it on this machine's CPU.")] = False,
    runs: Runs = 30,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", "--chart", help="Draw accuracy over cost: .png, .svg or .pdf.")
    ] = None,
    json: Json = False,
) -> None:
    """List the networks of the zoo: year, idea, size, cost and published accuracy.

    Example: edgecnn zoo -o zoo.png
    """
    entries = find_entries(names or [])
    measured = _measure(entries, runs) if measure else {}
    if json:
        for entry in entries:
            found = measured.get(entry.name)
            print_json({**asdict(entry), **(asdict(found) if found else {})})
    else:
        _print(entries, measured)
    if output is not None:
        from edgecnn.zoo.chart import draw_zoo

        say(f"wrote {draw_zoo(entries, output)}")


def _measure(entries: list[CatalogEntry], runs: int) -> "dict[str, Measurement]":
    from edgecnn.zoo.measure import measure

    buildable = [entry for entry in entries if entry.source]
    found = {}
    with progress("measuring", len(buildable), unit="networks") as advance:
        for entry in buildable:
            found[entry.name] = measure(entry.source, runs=runs)
            advance(1)
    return found


def _print(entries: list[CatalogEntry], measured: "dict[str, Measurement]") -> None:
    from edgecnn.understanding.tables import format_table, short_number

    header = ["network", "year", "parameters", "MACs", "top-1", "data", "load as", "idea"]
    if measured:
        header[5:5] = ["ms here", "file"]
    rows = []
    for entry in entries:
        row = [
            entry.name,
            str(entry.year),
            short_number(entry.parameters),
            short_number(entry.macs),
            percent(entry.top1),
            entry.data,
            entry.source or "history",
            entry.idea,
        ]
        found = measured.get(entry.name)
        if measured:
            row[5:5] = [f"{found.latency_ms:.1f}", f"{found.size_bytes / 1e6:.1f} MB"] if found else ["", ""]
        rows.append(row)
    show(format_table(header, rows, right=(1, 2, 3, 4, 5, 6) if measured else (1, 2, 3, 4)))
    show("\nPublished in:")
    for published in dict.fromkeys(entry.published for entry in entries):
        show(f"  {published}: {', '.join(entry.name for entry in entries if entry.published == published)}")
