"""`edgecnn classify`: pictures in, labels out."""

import time
from dataclasses import asdict
from typing import Annotated, Any

import typer
from edgecnn_runtime import Failure, OptionError, Result
from edgecnn_runtime.image import MAX_MEMORY_MB

from edgecnn.cli.csv_table import CsvTable
from edgecnn.cli.models import open_classifier
from edgecnn.cli.options import DEFAULT_MODEL, AllowUnbounded, Device, Exact, Json, ModelOption, Require, Top
from edgecnn.cli.output import print_json, progress, remark, say, show, shown, warn
from edgecnn.left_out import left_out_warnings
from edgecnn.pictures import find_pictures

__all__ = ["classify"]

_CSV_COLUMNS = ("path", "rank", "index", "label", "score", "provider", "error")


def classify(
    paths: Annotated[list[str], typer.Argument(help="Pictures, folders, globs, or `-` for standard input.")],
    model: ModelOption = DEFAULT_MODEL,
    device: Device = "auto",
    require: Require = False,
    top: Top = 3,
    exact: Exact = False,
    max_memory_mb: Annotated[
        int, typer.Option("--max-memory-mb", min=1, help="Most memory for decoding one picture, in MB.")
    ] = MAX_MEMORY_MB,
    workers: Annotated[
        int | None, typer.Option(min=1, help="Pictures in work at a time; one a core if not given.")
    ] = None,
    json: Json = False,
    csv: Annotated[bool, typer.Option("--csv", help="One CSV row a prediction.")] = False,
    raw: Annotated[
        bool, typer.Option("--raw", help="With --csv: cells as they are, also those that a spreadsheet would run.")
    ] = False,
    allow_unbounded: AllowUnbounded = False,
) -> None:
    """Label pictures.

    Example: edgecnn classify photo.jpg holiday/ --top 5
    """
    if json and csv:
        raise typer.BadParameter("--json and --csv exclude each other.")
    if raw and not csv:
        raise OptionError("--raw is for CSV cells; give --csv with it.")
    found = find_pictures(paths)
    sources = found.names
    # One picture gets all cores inside the network; many get a core each, which wastes nothing on waiting.
    threads = None if len(sources) == 1 else 1
    classifier = open_classifier(
        model,
        device=device,
        require=require,
        exact=exact,
        threads=threads,
        max_memory_mb=max_memory_mb,
        allow_unbounded=allow_unbounded,
    )
    for sentence in left_out_warnings(found.left_out, "the pictures"):
        warn(sentence)
    started = time.perf_counter()
    answers = classifier.stream(found.open(), workers=workers, errors="yield")
    table = CsvTable(_CSV_COLUMNS, raw=raw) if csv else None
    failures = 0
    with progress("classifying", len(sources)) as advance:
        for name, answer in zip(sources, answers, strict=True):
            failures += isinstance(answer, Failure)
            if json:
                print_json(_to_json(name, answer, top))
            elif table is not None:
                for row in _to_rows(name, answer, top):
                    table.add(row)
            else:
                _show(name, answer, top, alone=len(sources) == 1)
            advance(1)
    if len(sources) > 1 and not (json or csv):
        rate = len(sources) / (time.perf_counter() - started)
        say(f"{len(sources)} pictures, {failures} errors, {rate:.0f} pictures/s on {classifier.device}")
    if failures:
        raise typer.Exit(1)


def _to_json(name: str, answer: Result | Failure, top: int) -> dict[str, Any]:
    if isinstance(answer, Failure):
        return {"path": name, "error": str(answer.error)}
    return {
        "path": name,
        "predictions": [{"index": p.index, "label": p.label, "score": round(p.score, 6)} for p in answer.top(top)],
        "provider": answer.provider,
        "timing_ms": {stage: round(value, 3) for stage, value in asdict(answer.timing_ms).items()},
    }


def _to_rows(name: str, answer: Result | Failure, top: int) -> list[tuple[object, ...]]:
    if isinstance(answer, Failure):
        return [(name, "", "", "", "", "", str(answer.error))]
    best = enumerate(answer.top(top), 1)
    return [(name, rank, p.index, p.label, f"{p.score:.6f}", answer.provider, "") for rank, p in best]


def _show(name: str, answer: Result | Failure, top: int, *, alone: bool) -> None:
    if isinstance(answer, Failure):
        say(f"{typer.style('error:', fg='red', bold=True)} {shown(answer.error)}")
    elif alone:
        for place, prediction in enumerate(answer.top(top)):
            line = f"{prediction.score:7.1%}  {shown(prediction.label)}"
            show(typer.style(line, bold=True) if place == 0 else line)
        timing = answer.timing_ms
        remark(
            f"{shown(name)} on {answer.device} ({answer.provider}): decode {timing.decode:.1f} ms, "
            f"preprocess {timing.preprocess:.1f} ms, inference {timing.inference:.1f} ms"
        )
    else:
        best = ", ".join(f"{shown(p.label)} {p.score:.1%}" for p in answer.top(top))
        show(f"{shown(name)}: {best}")
