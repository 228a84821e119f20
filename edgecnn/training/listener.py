"""What a run tells while it goes on: its plan, every step and epoch, and what it leaves in the end."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from edgecnn.training.checkpoint import Epoch
from edgecnn.training.number_format import NumberFormat
from edgecnn.training.predict import Predictions
from edgecnn.training.recipe import Recipe
from edgecnn.zoo.small import NetworkSize

__all__ = ["Listener", "Outcome", "StepReport", "StepTime", "TrainingPlan"]


@dataclass(frozen=True)
class StepTime:
    """Medians in seconds; 0 for what a run does not do.

    Attributes:
        batch: Pictures of a step, fewer than the recipe's where memory ran out.
        step_seconds: Of a training step.
        teacher_seconds: Of a teacher's answer to the batch of a step.
        features_seconds: Of a small batch's way through a frozen part, on one thread.
    """

    batch: int
    step_seconds: float = 0.0
    teacher_seconds: float = 0.0
    features_seconds: float = 0.0


@dataclass(frozen=True)
class TrainingPlan:
    """What a run is going to do, told before it starts.

    Attributes:
        network: The network's name, and which part of it is trained.
        size: What the network costs.
        data: Name of the data set.
        pictures: How many training pictures there are.
        features: How many pictures go once through a frozen part; 0 for none.
        recipe: How the steps are taken.
        steps: Steps of the whole run; 0 where only a head is fitted.
        steps_done: Steps of them that a resumed run has behind it.
        resumed_at: Epochs likewise.
        seconds: How long the rest will take, reckoned from timed steps; features that are kept take none of it.
        memory_bytes: The most memory this process has held so far.
        step_time: The timed steps.
        number_format: Format of the steps; None where there are none.
        device: Where the network is trained.
        threads: Threads of an operation.
    """

    network: str
    size: NetworkSize
    data: str
    pictures: int
    features: int
    recipe: Recipe
    steps: int
    steps_done: int
    resumed_at: int
    seconds: float
    memory_bytes: int
    step_time: StepTime
    number_format: NumberFormat | None
    device: str
    threads: int


@dataclass(frozen=True)
class StepReport:
    """Where a run stands after a step; `loss` and `accuracy` are of the epoch so far."""

    epoch: int
    step: int
    loss: float
    accuracy: float
    pictures_a_second: float


@dataclass(frozen=True)
class Outcome:
    """A finished run.

    Attributes:
        folder: The run folder.
        evaluation: What the network says about the test pictures, one view each.
        history: What happened in each epoch.
        views_accuracy: Accuracy over several views of each picture, where asked for.
    """

    folder: Path
    evaluation: Predictions
    history: tuple[Epoch, ...]
    views_accuracy: float | None = None


@dataclass(frozen=True)
class Listener:
    """Whom a run tells what it does; every call does nothing unless it is set.

    Attributes:
        on_plan: Before the first step.
        on_step: After every step.
        on_epoch: After every epoch.
        on_features: Before the pictures of a split go through a frozen part: the split's name and their count.
        on_pictures: How many more of them have.
        on_note: A sentence that is good to know.
        on_warning: A sentence to read before trusting the accuracy.
    """

    on_plan: Callable[[TrainingPlan], None] = field(default=lambda plan: None)
    on_step: Callable[[StepReport], None] = field(default=lambda step: None)
    on_epoch: Callable[[Epoch], None] = field(default=lambda epoch: None)
    on_features: Callable[[str, int], None] = field(default=lambda split, count: None)
    on_pictures: Callable[[int], None] = field(default=lambda count: None)
    on_note: Callable[[str], None] = field(default=lambda note: None)
    on_warning: Callable[[str], None] = field(default=lambda warning: None)
