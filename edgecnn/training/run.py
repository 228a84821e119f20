"""One training run: what stays the same from its first step to its last, whether from scratch or by transfer."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import torch
from edgecnn_runtime.normalization import Normalization
from torch import nn

from edgecnn.data.dataset import DataSet
from edgecnn.training.distillation import Teacher
from edgecnn.training.frozen_features import BATCH
from edgecnn.training.listener import Listener, StepTime, TrainingPlan
from edgecnn.training.number_format import NumberFormat
from edgecnn.training.recipe import Recipe
from edgecnn.training.resources import peak_memory_bytes
from edgecnn.training.selection import count_steps
from edgecnn.training.train_options import TrainOptions, Transfer
from edgecnn.training.world import World
from edgecnn.zoo.run_record import NetworkRecord, TransferRecord
from edgecnn.zoo.small import measure_size

__all__ = ["Run"]


@dataclass(frozen=True)
class Run:
    """A network, its data, and how it is trained.

    Attributes:
        data: Training and test pictures.
        module: The network, on `world.device`; trained in place.
        normalization: From pixels to its input.
        network: What `run.json` says of the network.
        title: The network's name, and which part of it is trained.
        license: Of the weights that come out.
        recipe: How steps are taken.
        options: What a person decided.
        folder: The run folder.
        world: The processes that train together.
        listener: Told what happens; says nothing in all processes but the first.
        teacher: A network whose answers are learned instead of the labels.
        transfer: What is reused and trained; None from scratch.
        transfer_record: What `run.json` says of that.
    """

    data: DataSet
    module: nn.Module
    normalization: Normalization
    network: NetworkRecord
    title: str
    license: str
    recipe: Recipe
    options: TrainOptions
    folder: Path
    world: World
    listener: Listener
    teacher: Teacher | None = None
    transfer: Transfer | None = None
    transfer_record: TransferRecord | None = None

    @property
    def takes_steps(self) -> bool:
        """Whether the network itself is trained, not only a part of it on frozen features."""
        return self.transfer is None or self.transfer.unfreeze > 0

    def plan(self, step_time: StepTime, number_format: NumberFormat | None, *, epochs_done: int) -> TrainingPlan:
        """The plan of a run that has `epochs_done` behind it, reckoned from its timed steps."""
        recipe, pictures = self.recipe, len(self.data.train.labels)
        steps = count_steps(pictures, recipe) if self.takes_steps else 0
        steps_done = count_steps(pictures, recipe, epochs=epochs_done) if self.takes_steps else 0
        # A teacher answers no batch twice, unless the run was stopped and its answers are lost.
        asked_until = min(epochs_done + recipe.repeat, recipe.epochs) if recipe.repeat else recipe.epochs
        asked = count_steps(pictures, recipe, epochs=asked_until) - steps_done if self.teacher is not None else 0
        features = 0 if self.transfer is None or epochs_done else pictures + len(self.data.test.labels)
        frozen_seconds = step_time.features_seconds * features / BATCH / torch.get_num_threads()
        height, _, channels = self.data.train.shape
        return TrainingPlan(
            network=self.title,
            size=measure_size(self.module, height, channels),
            data=self.data.name,
            pictures=pictures,
            features=features,
            recipe=recipe,
            steps=steps,
            steps_done=steps_done,
            resumed_at=epochs_done,
            seconds=step_time.step_seconds * (steps - steps_done) + step_time.teacher_seconds * asked + frozen_seconds,
            memory_bytes=peak_memory_bytes(self.world.device),
            step_time=step_time,
            number_format=number_format,
            device=str(self.world.device),
            threads=torch.get_num_threads(),
        )
