"""How commands speak: JSON lines and results on standard output, progress on standard error."""

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import typer

__all__ = ["percent", "print_json", "progress", "say", "steps", "warn"]


def print_json(document: Any) -> None:
    """One JSON document on one line of standard output; file names that are no UTF-8 keep their bytes."""
    text = json.dumps(document, ensure_ascii=False)
    typer.echo(text.encode("utf-8", "surrogateescape"))


def say(text: str = "") -> None:
    """One line for a person on standard error, where it does not mix with results."""
    typer.echo(text, err=True)


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
