"""The progress bar of a training run: loss, accuracy, pictures a second, time left; on standard error."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

if TYPE_CHECKING:
    from edgecnn.training.loop import Progress as Step

__all__ = ["TrainBar"]


class TrainBar:
    """A bar over all steps of a run; where it is not visible, only the printed lines appear."""

    def __init__(self, *, visible: bool) -> None:
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._bar = Progress(
            TextColumn("{task.fields[label]}"),
            BarColumn(),
            TextColumn("{task.fields[numbers]}"),
            TimeRemainingColumn(),
            console=self._console,
            transient=True,
            disable=not visible,
        )
        self._task: TaskID | None = None
        self._epochs = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()

    def begin(self, epochs: int, epochs_done: int, steps: int, steps_done: int) -> None:
        """Start the bar of a run that has some epochs and their steps behind it."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._epochs = epochs
        label = f"epoch {epochs_done + 1}/{epochs}"
        self._task = self._bar.add_task("train", total=steps, completed=steps_done, label=label, numbers="")
        self._bar.start()

    def step(self, step: Step) -> None:
        """Show one step."""
        if self._task is not None:
            numbers = f"loss {step.loss:.3f}  {step.accuracy:.1%}  {step.pictures_a_second:.0f} pictures/s"
            self._bar.update(
                self._task, completed=step.step, label=f"epoch {step.epoch + 1}/{self._epochs}", numbers=numbers
            )

    def begin_features(self, split: str, count: int) -> None:
        """Start a bar over the pictures that go through the frozen part once."""
        if self._task is not None:
            self._bar.remove_task(self._task)
        self._task = self._bar.add_task(split, total=count, label=f"features, {split}", numbers="")
        self._bar.start()

    def advance_features(self, count: int) -> None:
        """Show that `count` more pictures are done."""
        if self._task is not None:
            self._bar.advance(self._task, count)

    def print(self, line: str) -> None:
        """Print a line above the bar."""
        self._console.print(line)
