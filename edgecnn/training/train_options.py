"""What a person may decide about a training: the data, the network that is reused, and everything else."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data import DataSet, load_data
from edgecnn.training.default_recipes import RecipeChanges
from edgecnn.training.distillation import Teacher
from edgecnn.training.number_format import Precision
from edgecnn.training.recipe import Recipe

__all__ = ["CACHE", "DataRequest", "TrainOptions", "Transfer"]

CACHE = Path("~/.cache/edgecnn/features")


@dataclass(frozen=True)
class DataRequest:
    """A data set that has still to be loaded.

    Attributes:
        source: As `edgecnn.data.load_data` takes it.
        size: Side of the pictures in pixels; the network's, or the data's own, when None.
        test_share: Share of each class kept for the test where the data has no split.
        data_dir: Where local copies of named sets are.
    """

    source: str
    size: int | None = None
    test_share: float = 0.2
    data_dir: Path | None = None

    def load(self, *, preprocess: Preprocess | None, seed: int) -> DataSet:
        """Load the pictures, brought to a network's `preprocess` or else to `size`; `seed` decides the split."""
        return load_data(
            self.source,
            data_dir=self.data_dir,
            preprocess=preprocess,
            size=self.size,
            test_share=self.test_share,
            seed=seed,
        )


@dataclass(frozen=True)
class Transfer:
    """A trained network that is reused for new classes.

    Attributes:
        source: As `edgecnn.zoo.load` takes it.
        train_last: Blocks trained on frozen features; 1 is the head alone.
        unfreeze: Blocks fine-tuned on varied pictures afterwards, the head included; 0 for none.
        cache: Folder for frozen features; None keeps none.
    """

    source: str
    train_last: int = 1
    unfreeze: int = 0
    cache: Path | None = CACHE


@dataclass(frozen=True)
class TrainOptions(RecipeChanges):
    """How a network is trained; what is None follows from data and network.

    Attributes:
        recipe: The whole recipe, instead of a default one with changes.
        teacher: A run folder whose network's answers are learned instead of the labels; from scratch only.
        seed: Decides everything random.
        precision: `fp32`, `bf16`, or `auto` for the rule of `edgecnn.training.number_format`.
        device: `cpu`, `cuda`, or `auto` for CUDA where there is one.
        resume: Go on after the folder's last finished epoch; a run that has not begun is begun.
        views: Also measure the accuracy averaged over several views; reported apart.
        like: A run folder whose number format and threads are taken, and which this one must equal in all that it
            records (`edgecnn.training.repetition`).
    """

    recipe: Recipe | None = None
    teacher: str | Path | Teacher | None = None
    seed: int = 0
    precision: Precision = "auto"
    device: str = "auto"
    resume: bool = False
    views: bool = False
    like: Path | None = None
