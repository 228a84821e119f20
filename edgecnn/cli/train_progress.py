"""The progress bar of a training run: loss, accuracy, pictures a second, time left; on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from edgecnn.cli.output import PlainProgress, talks

if TYPE_CHECKING:
    from edgecnn.training import TrainingPlan
    from edgecnn.training.listener import StepReport

__all__ = ["TrainBar"]


class TrainBar:
    """A bar over all steps of a run; where it is not visible, lines tell how far it is."""

    def __init__(self, *, visible: bool) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not visible or not talks(),
        )
        self._visible = visible
        self._lines: PlainProgress | None = None
        self._task = TaskID(0)
        self._over = ""
        self._plan: TrainingPlan | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, plan: TrainingPlan) -> None:
        """Remember what is coming; the bar over the steps starts with the first of them."""
        self._plan = plan

    def step(self, step: StepReport) -> None:
        """Show one step."""
        if self._plan is None:
            return
        label = f"epoch {step.epoch + 1}/{self._plan.recipe.epochs}"
        if self._over != "steps":
            self._start("steps", label, self._plan.steps, completed=self._plan.steps_done)
        numbers = f"loss {step.loss:.3f}  {step.accuracy:.1%}  {step.pictures_a_second:.0f} pictures/s"
        self._bar.update(self._task, completed=step.step, label=label, numbers=numbers)
        self._advance_lines(1)

    def begin_features(self, split: str, count: int) -> None:
        """Start a bar over the pictures that go through the frozen part once."""
        self._start("features", f"features, {split}", count)

    def advance_features(self, count: int) -> None:
        """Show that `count` more pictures are done."""
        self._bar.advance(self._task, count)
        self._advance_lines(count)

    def print(self, line: str) -> None:
        """Print a line above the bar; none with `--quiet`."""
        if talks():
            self._console.print(line)

    def _advance_lines(self, count: int) -> None:
        if self._lines is not None:
            self._lines.advance(count)

    def _start(self, over: str, label: str, total: int, *, completed: int = 0) -> None:
        if self._over:
            self._bar.remove_task(self._task)
        self._over = over
        if not self._visible:
            description, unit = ("training", "steps") if over == "steps" else (label, "pictures")
            self._lines = PlainProgress(description, total - completed, unit=unit)
        self._task = self._bar.add_task(over, total=total, completed=completed, label=label, numbers="")
        self._bar.start()
