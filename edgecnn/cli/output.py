"""How commands speak: results on standard output; progress, remarks and warnings on standard error."""

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import IntEnum
from typing import Any

import typer

from edgecnn.cli.escape import escaped, escaped_json, shown

__all__ = [
    "PlainProgress", "Verbosity", "complain", "detail", "percent", "print_json", "progress", "remark", "say",
    "set_verbosity", "show", "shown", "steps", "talks", "warn",
]  # fmt: skip

_PAUSE_S = 10.0  # between two plain lines of progress, so that short work says nothing
_LONGEST_PAUSE_S = 60.0  # without one, so that who watches a log knows that it goes on


class Verbosity(IntEnum):
    """How much a command says beside its results, its warnings and its errors."""

    QUIET = 0
    NORMAL = 1
    VERBOSE = 2


class _Chosen:
    verbosity = Verbosity.NORMAL


def set_verbosity(verbosity: Verbosity) -> None:
    """Choose for the whole process."""
    _Chosen.verbosity = verbosity


def talks(at_least: Verbosity = Verbosity.NORMAL) -> bool:
    """Whether as much as this is to be said."""
    return _Chosen.verbosity >= at_least


def print_json(document: Any) -> None:
    """One JSON document on one line of standard output; file names that are no UTF-8 keep their bytes."""
    text = escaped_json(json.dumps(document, ensure_ascii=False, allow_nan=False))
    typer.echo(text.encode("utf-8", "surrogateescape"))


def show(text: str = "") -> None:
    """Results for a person on standard output; what comes from outside went through `shown`."""
    typer.echo(escaped(text))


def remark(text: str) -> None:
    """A line beside a result on standard output, such as the next command to type; none with `--quiet`."""
    if talks():
        show(text)


def say(text: str = "", *, always: bool = False) -> None:
    """One line for a person on standard error, where it does not mix with results; with `--quiet` none but `always`."""
    if always or talks():
        typer.echo(escaped(text), err=True)


def detail(text: str) -> None:
    """What was assumed or chosen, on standard error, with `--verbose` alone."""
    if talks(Verbosity.VERBOSE):
        typer.echo(escaped(text), err=True)


def warn(sentence: object) -> None:
    """A warning on standard error, also with `--quiet`."""
    typer.echo(escaped(f"{typer.style('warning:', fg='yellow', bold=True)} {shown(sentence)}"), err=True)


def complain(sentence: str) -> None:
    """An error on standard error, also with `--quiet`."""
    typer.echo(escaped(f"{typer.style('error:', fg='red', bold=True)} {shown(sentence)}"), err=True)


def percent(share: float, digits: int = 1) -> str:
    """`0.895` as `89.5 %`."""
    return f"{share * 100:.{digits}f} %"


class PlainProgress:
    """Progress in lines, for a log: one at every tenth of the work, ten seconds apart at least and a minute at most.

    Args:
        description: What is being done.
        total: How many steps, or None where that is not known.
        unit: What a step is.
        clock: The time in seconds.
    """

    def __init__(
        self, description: str, total: int | None, *, unit: str, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._description, self._total, self._unit, self._clock = description, total, unit, clock
        self._done = self._shown = 0
        self._began = self._spoke = clock()

    def advance(self, steps: int) -> None:
        """Count steps that are done, and say so when it is time."""
        self._done += steps
        now = self._clock()
        tenth = self._total is not None and self._done - self._shown >= self._total / 10
        if now - self._spoke >= (_PAUSE_S if tenth else _LONGEST_PAUSE_S):
            self._shown, self._spoke = self._done, now
            done = f"{self._done}" if self._total is None else f"{self._done} of {self._total}"
            say(f"{self._description}: {done} {self._unit}, {self._done / (now - self._began):.1f} a second")


@contextmanager
def progress(description: str, total: int | None = None, *, unit: str = "pictures") -> Iterator[Callable[[int], None]]:
    """A progress bar with rate and time left on standard error; plain lines where that is not a terminal.

    It says nothing for one step and with `--quiet`.

    Args:
        description: What is being done.
        total: How many steps, or None where that is not known.
        unit: What a step is.

    Yields:
        A function that takes how many steps are done since it was last called.
    """
    if total == 1 or not talks():
        yield lambda _steps: None
        return
    if not sys.stderr.isatty():
        yield PlainProgress(description, total, unit=unit).advance
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
    """The step that is being done: with a spinner on standard error, or in lines where that is not a terminal.

    Yields:
        A function that takes the name of the step that begins.
    """
    if not talks() or not sys.stderr.isatty():
        yield say
        return
    from rich.console import Console

    with Console(stderr=True).status("starting") as status:
        yield status.update
