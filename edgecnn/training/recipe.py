"""How a network is trained: one frozen dataclass of settings, with good defaults by data set and network.

The defaults for `edge_cnn_*` follow Keller Jordan's airbench (MIT): Muon on the convolutions, Nesterov SGD on the
rest, strong label smoothing, mirroring that alternates, small moves, and a learning rate that falls to zero.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field, replace
from typing import Any, Literal, get_args

from edgecnn_runtime.errors import OptionError

from edgecnn.data.augment import Augment

__all__ = ["OptimizerName", "Recipe", "default_recipe", "learning_rate_factor"]

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
            kept (`edgecnn.training.distil`); 0 for never.
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
    def from_dict(cls, document: dict[str, Any]) -> Recipe:
        """Read the JSON form back."""
        return cls(**{**document, "augment": Augment(**document["augment"])})


def learning_rate_factor(step: int, steps: int, warmup: float) -> float:
    """Share of the highest learning rate at a step: a triangle that ends one step after the last at zero."""
    rise = warmup * steps
    if step < rise:
        return (step + 1) / (rise + 1)
    return (steps - step) / (steps - rise)


_DIGITS = Augment(shift=2, turn=10, scale=0.1)
_EPOCHS = {"cifar10": 11, "mnist": 6, "fashion-mnist": 8}
_BATCH = {"cifar10": 500}  # where larger steps were measured to be faster
_SKIP = {"cifar10": 0.35}  # where it was measured to pay
_REPEAT = 10  # even, as mirroring alternates
_MOST_ANSWERS = 500_000_000  # numbers that a teacher's answers of so many epochs may take: 1 GB


def default_recipe(
    data: str,
    network: str,
    *,
    size: int,
    pictures: int,
    epochs: int | None = None,
    batch: int | None = None,
    optimizer: OptimizerName | None = None,
    rate: float | None = None,
    shift: int | None = None,
    skip: float | None = None,
    teacher_classes: int | None = None,
) -> Recipe:
    """The recipe for a data set and a network; what is given wins over the default.

    Args:
        data: Name of the data set; digits are turned and scaled where photos are mirrored.
        network: Name of the network; `edge_cnn_*` take Muon, `simple_cnn` and `dnn` take AdamW, others take SGD.
        size: Side of the pictures in pixels.
        pictures: How many training pictures there are.
        epochs: Passes over the training pictures.
        batch: Pictures a step.
        optimizer: Name of the optimizer.
        rate: Highest learning rate.
        shift: Largest move of a picture in pixels.
        skip: Share of the pictures that an epoch leaves out, of those known best.
        teacher_classes: How many classes a teacher answers with; None where the labels are learned.
    """
    edge = network.startswith("edge_cnn")
    plain = network in ("simple_cnn", "dnn")
    chosen: OptimizerName = optimizer or ("muon" if edge else "adamw" if plain else "sgd")
    if chosen == "muon" and not edge:
        raise OptionError(
            f"muon needs a batch norm after every convolution, which '{network}' does not promise; use sgd."
        )
    if epochs is None:
        # A small set needs as many steps as a large one, not as many epochs.
        epochs = _EPOCHS.get(data) or max(10, min(60, 300_000 // max(pictures, 1)))
        epochs = 5 if plain and data in _EPOCHS else epochs
    if batch is None:
        many = _BATCH.get(data, 250) if edge else 128 if plain else 250
        batch = many if pictures >= 20_000 else 128 if pictures >= 2_000 else 32
    batch = min(batch, pictures)
    rates = {"muon": 0.12 if batch >= 500 else 0.08, "sgd": 0.1, "adamw": 2e-3}
    digits = data == "mnist"
    if plain:
        augment = Augment(mirror=not digits)  # as introductions train them
    else:
        augment = _DIGITS if digits else Augment(mirror=True, shift=max(1, size // 16))
    if shift is not None:
        augment = replace(augment, shift=shift)
    # Varied pictures come again only where nothing is left out, and a teacher's answers to them find room.
    kept = teacher_classes is not None and not skip and _REPEAT * pictures * teacher_classes <= _MOST_ANSWERS
    if skip is None:
        skip = _SKIP.get(data, 0.0) if edge and not kept else 0.0
    recipe = Recipe(
        epochs=epochs,
        batch=batch,
        optimizer=chosen,
        rate=rate or rates.get(chosen, 0.1),
        skip=skip,
        repeat=_REPEAT if kept else 0,
        augment=augment,
    )
    if chosen == "muon":
        return recipe
    decay = 5e-4 if chosen == "sgd" else 1e-2
    return replace(recipe, momentum=0.9, weight_decay=decay, smoothing=0.0 if plain else recipe.smoothing, warmup=0.2)
