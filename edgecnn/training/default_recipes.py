"""Good recipes by data set and network, changed where a person says so.

Those for `edge_cnn_*` follow Keller Jordan's airbench (MIT): Muon on the convolutions, Nesterov SGD on the rest, strong
label smoothing, mirroring that alternates, small moves, and a learning rate that falls to zero.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from edgecnn_runtime.errors import OptionError

from edgecnn.data.augment import Augment
from edgecnn.training.recipe import OptimizerName, Recipe

__all__ = ["RecipeChanges", "default_recipe", "fine_tuning_recipe"]

_DIGITS = Augment(shift=2, turn=10, scale=0.1)
_EPOCHS = {"cifar10": 11, "mnist": 6, "fashion-mnist": 8}
_BATCH = {"cifar10": 500}  # where larger steps were measured to be faster
_SKIP = {"cifar10": 0.35}  # where it was measured to pay
_REPEAT = 10  # even, as mirroring alternates
_MOST_LOGITS = 500_000_000  # numbers that a teacher's answers of so many epochs may take: 1 GB


@dataclass(frozen=True)
class RecipeChanges:
    """What of a recipe a person decides; None leaves the default.

    Attributes:
        epochs: Passes over the training pictures.
        batch: Pictures a step, over all processes together.
        optimizer: `muon` (edge_cnn only), `sgd` or `adamw`.
        rate: Highest learning rate.
        shift: Largest move of a picture in pixels.
        skip: Share of the pictures that most epochs leave out, of those known best.
    """

    epochs: int | None = None
    batch: int | None = None
    optimizer: OptimizerName | None = None
    rate: float | None = None
    shift: int | None = None
    skip: float | None = None


def default_recipe(
    data: str,
    network: str,
    *,
    size: int,
    pictures: int,
    changes: RecipeChanges = RecipeChanges(),
    teacher_classes: int | None = None,
) -> Recipe:
    """The recipe of a training from scratch.

    Args:
        data: Name of the data set; digits are turned and scaled where photos are mirrored.
        network: Name of the network; `edge_cnn_*` take Muon, `simple_cnn` and `dnn` take AdamW, others take SGD.
        size: Side of the pictures in pixels.
        pictures: How many training pictures there are.
        changes: What wins over the defaults.
        teacher_classes: How many classes a teacher answers with; None where the labels are learned.

    Raises:
        OptionError: Settings that do not fit together.
    """
    edge = network.startswith("edge_cnn")
    plain = network in ("simple_cnn", "dnn")
    chosen: OptimizerName = changes.optimizer or ("muon" if edge else "adamw" if plain else "sgd")
    if chosen == "muon" and not edge:
        raise OptionError(
            f"muon needs a batch norm after every convolution, which '{network}' does not promise; use sgd."
        )
    batch = min(changes.batch or _batch(data, edge=edge, plain=plain, pictures=pictures), pictures)
    rates = {"muon": 0.12 if batch >= 500 else 0.08, "sgd": 0.1, "adamw": 2e-3}
    # Varied pictures come again only where nothing is left out, and a teacher's answers to them find room.
    kept = teacher_classes is not None and not changes.skip and _REPEAT * pictures * teacher_classes <= _MOST_LOGITS
    skip = changes.skip
    if skip is None:
        skip = _SKIP.get(data, 0.0) if edge and not kept else 0.0
    recipe = Recipe(
        epochs=changes.epochs or _epochs(data, plain=plain, pictures=pictures),
        batch=batch,
        optimizer=chosen,
        rate=changes.rate or rates.get(chosen, 0.1),
        skip=skip,
        repeat=_REPEAT if kept else 0,
        augment=_augment(data, plain=plain, size=size, shift=changes.shift),
    )
    if chosen == "muon":
        return recipe
    decay = 5e-4 if chosen == "sgd" else 1e-2
    return replace(recipe, momentum=0.9, weight_decay=decay, smoothing=0.0 if plain else recipe.smoothing, warmup=0.2)


def _epochs(data: str, *, plain: bool, pictures: int) -> int:
    if plain and data in _EPOCHS:
        return 5
    # A small set needs as many steps as a large one, not as many epochs.
    return _EPOCHS.get(data) or max(10, min(60, 300_000 // max(pictures, 1)))


def _batch(data: str, *, edge: bool, plain: bool, pictures: int) -> int:
    many = _BATCH.get(data, 250) if edge else 128 if plain else 250
    return many if pictures >= 20_000 else 128 if pictures >= 2_000 else 32


def _augment(data: str, *, plain: bool, size: int, shift: int | None) -> Augment:
    digits = data == "mnist"
    if plain:
        augment = Augment(mirror=not digits)  # as introductions train them
    else:
        augment = _DIGITS if digits else Augment(mirror=True, shift=max(1, size // 16))
    return augment if shift is None else replace(augment, shift=shift)


def fine_tuning_recipe(size: int, pictures: int, changes: RecipeChanges = RecipeChanges()) -> Recipe:
    """Few epochs at a low rate: what a trained network needs to bend, not to break.

    Args:
        size: Side of the pictures in pixels.
        pictures: How many training pictures there are.
        changes: What wins over the defaults.

    Raises:
        OptionError: Settings that do not fit together.
    """
    if changes.optimizer == "muon":
        raise OptionError("muon is for edge_cnn from scratch; fine-tune with sgd or adamw.")
    chosen: OptimizerName = changes.optimizer or "sgd"
    return Recipe(
        epochs=changes.epochs or 3,
        batch=min(changes.batch or 32, pictures),
        optimizer=chosen,
        rate=changes.rate or (5e-3 if chosen == "sgd" else 1e-4),
        momentum=0.9,
        weight_decay=1e-4,
        smoothing=0.1,
        warmup=0.2,
        average=0.05,
        skip=changes.skip or 0.0,
        augment=_augment("photos", plain=False, size=size, shift=changes.shift),
    )
