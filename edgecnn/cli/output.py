"""How commands speak: JSON lines and results on standard output, progress on standard error."""

import csv
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any

import typer
from edgecnn_runtime.errors import quoted

__all__ = ["CsvTable", "percent", "print_json", "progress", "say", "show", "shown", "steps", "warn"]

_BYTES = re.compile("([\udc80-\udcff]+)")  # of file names that are no UTF-8: no terminal takes them for orders
_OWN = re.compile("(\x1b\\[[0-9;]*m|[\n\udc80-\udcff]+)")  # line breaks and colors, which commands write themselves
_RUN_BY_SPREADSHEETS = ("=", "+", "-", "@", "\t", "\r")


def shown(text: object) -> str:
    r"""Text from outside, such as a label or a file's name, for one line of a terminal.

    Control, bidirectional and line-breaking characters become `\x1b`, `\u202e` and the like.
    """
    return _escaped(str(text), keep=_BYTES)


def show(text: str = "") -> None:
    """Lines for a person on standard output; what comes from outside went through `shown`."""
    typer.echo(_escaped(text, keep=_OWN))


def say(text: str = "") -> None:
    """Lines for a person on standard error, where they do not mix with results."""
    typer.echo(_escaped(text, keep=_OWN), err=True)


def _escaped(text: str, *, keep: re.Pattern[str]) -> str:
    if text.isprintable():
        return text
    parts = keep.split(text)  # kept ones stand between the others
    return "".join(part if index % 2 else quoted(part, sys.maxsize) for index, part in enumerate(parts))


def print_json(document: Any) -> None:
    """One JSON document on one line of standard output; file names that are no UTF-8 keep their bytes."""
    text = json.dumps(document, ensure_ascii=False, allow_nan=False)
    typer.echo(text.encode("utf-8", "surrogateescape"))


class CsvTable:
    """A CSV table on standard output.

    Args:
        columns: Their names, the first row.
        raw: Write each cell as it is. Otherwise one that a spreadsheet would run as a formula gets an apostrophe
            in front.
    """

    def __init__(self, columns: Iterable[str], *, raw: bool = False) -> None:
        self._raw = raw
        self._writer = csv.writer(sys.stdout, lineterminator="\n")
        self.add(columns)

    def add(self, cells: Iterable[object]) -> None:
        """Write a row; numbers are never formulas."""
        self._writer.writerow([cell if self._raw else _harmless(cell) for cell in cells])


def _harmless(cell: object) -> object:
    return f"'{cell}" if isinstance(cell, str) and cell.startswith(_RUN_BY_SPREADSHEETS) else cell


def warn(sentence: str) -> None:
    """A warning on standard error."""
    say(f"{typer.style('warning:', fg='yellow', bold=True)} {sentence}")


def percent(share: float, digits: int = 1) -> str:
    """`0.895` as `89.5 %`."""
    return f"{share * 100:.{digits}f} %"


@contextmanager
def progress(description: str, total: int | None = None, *, unit: str = "pictures") -> Iterator[Callable[[int], None]]:
    """A progress bar with rate and time left on standard error; silent where that is not a terminal, and for one step.

    Args:
        description: What is being done.
        total: How many steps, or None where that is not known.
        unit: What a step is.

    Yields:
        A function that takes how many steps are done since it was last called.
    """
    if total == 1 or not sys.stderr.isatty():
        yield lambda _steps: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(description, total=total, rate="")

        def advance(steps: int) -> None:
            bar.advance(task, steps)
            speed = bar.tasks[0].speed
            bar.update(task, rate=f"{speed:.0f} {unit}/s" if speed else "")

        yield advance


@contextmanager
def steps() -> Iterator[Callable[[str], None]]:
    """The step that is being done, with a spinner on standard error; silent where that is not a terminal.

    Yields:
        A function that takes the name of the step that begins.
    """
    if not sys.stderr.isatty():
        yield lambda _name: None
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
