"""How a network is trained: one frozen dataclass of settings, and the learning rate that follows from it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from edgecnn_runtime.errors import OptionError

from edgecnn.data.augment import Augment
from edgecnn.zoo.typed_record import read_record

__all__ = ["OptimizerName", "Recipe", "learning_rate_factor"]

OptimizerName = Literal["muon", "sgd", "adamw"]


@dataclass(frozen=True)
class Recipe:
    """Settings of a training run.

    Attributes:
        epochs: Passes over the training pictures.
        batch: Pictures a step, over all processes together.
        optimizer: `muon` (edge_cnn only: every convolution must be followed by a batch norm), `sgd` or `adamw`.
        rate: Highest learning rate of the convolutions (and of everything else for `sgd` and `adamw`).
        head_rate: Highest learning rate of the last layer under `muon`.
        bias_rate: Highest learning rate of batch norm biases under `muon`.
        momentum: Momentum of the convolutions' optimizer.
        weight_decay: Weight decay of the last layer under `muon`, of all weights otherwise.
        smoothing: Share of the target that is spread over all classes.
        warmup: Share of the steps in which the learning rate rises; it falls in the rest.
        average: Share of the steps the averaged weights look back over; 0 keeps the last weights.
        skip: Share of the pictures that an epoch leaves out, of those known best (`edgecnn.training.selection`).
        repeat: After how many epochs the same varied pictures come again, so that a teacher's answers to them can be
            kept (`edgecnn.training.distillation`); 0 for never.
        augment: How pictures are varied.
    """

    epochs: int
    batch: int
    optimizer: OptimizerName
    rate: float
    head_rate: float = 0.3
    bias_rate: float = 0.03
    momentum: float = 0.6
    weight_decay: float = 1e-3
    smoothing: float = 0.1
    warmup: float = 0.0
    average: float = 0.03
    skip: float = 0.0
    repeat: int = 0
    augment: Augment = field(default_factory=Augment)

    def __post_init__(self) -> None:
        if self.epochs < 1 or self.batch < 2:
            raise OptionError(
                f"Training needs at least 1 epoch and 2 pictures a step, got {self.epochs} and {self.batch}."
            )
        if self.optimizer not in get_args(OptimizerName):
            raise OptionError(f"'{self.optimizer}' is no optimizer; known are {', '.join(get_args(OptimizerName))}.")
        if not self.rate > 0:
            raise OptionError(f"A learning rate is above 0, got {self.rate}.")
        if not (0 <= self.smoothing < 1 and 0 <= self.warmup < 1 and 0 <= self.average < 1):
            raise OptionError(f"smoothing, warmup and average are at least 0 and below 1, got {self}.")
        if not 0 <= self.skip <= 0.5:
            raise OptionError(f"At least half of the pictures must be shown: skip is 0 to 0.5, got {self.skip}.")
        if self.repeat < 0 or (self.repeat and self.skip):
            raise OptionError(
                f"Epochs that come again leave no pictures out: give repeat or skip, got {self.repeat} and {self.skip}."
            )

    def varied_as(self, epoch: int) -> int:
        """The epoch whose varied pictures come in `epoch`, both counted from 0."""
        return epoch % self.repeat if self.repeat else epoch

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that stands in `run.json`."""
        return asdict(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Recipe:
        """Read the JSON form back.

        Raises:
            DataError: A field is missing or of another kind.
            OptionError: A number is out of range.
        """
        return read_record(cls, document, "recipe")


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the highest learning rate at a step: a triangle that ends one step after the last at zero."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return (steps - step) / (steps - rise)
