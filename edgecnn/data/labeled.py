"""What every form of data is read into: pictures with the class of each, one set for each split that the data has."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.image import ImageSource

from edgecnn.data.dataset import Labels, Pixels
from edgecnn.data.left_out import LeftOut, in_brackets

__all__ = ["LabeledData", "LabeledPictures", "Split", "normalize_name", "split_of"]

Split = Literal["train", "validation", "test", "all"]

_SPLIT_NAMES: dict[str, Split] = {
    "train": "train",
    "training": "train",
    "val": "validation",
    "valid": "validation",
    "validation": "validation",
    "test": "test",
    "testing": "test",
}
_SPLIT_ENDING = re.compile(r"[_-]?(set|data|[0-9])$")  # training_set, test1


def split_of(name: str) -> Split | None:
    """The split that a folder or an array of this name holds, or None where the name is no split's."""
    return _SPLIT_NAMES.get(_SPLIT_ENDING.sub("", name.casefold()))


def normalize_name(name: str) -> str:
    """A class name in Unicode's composed form (NFC): file systems differ in how they store an `é`."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True, eq=False)
class LabeledPictures:
    """Pictures with the class of each.

    Attributes:
        name: Name of the data set, for reports.
        sources: A path or an `(H, W, 3)` uint8 RGB array each, or all pictures as one `(N, H, W, 1 or 3)` uint8 array.
        names: A name for each picture, for reports and for the record of a split.
        labels: `(N,)` int64 class indices.
        class_names: What the indices stand for; None where the data has indices alone.
        left_out: Files that were found and are not among the pictures.
    """

    name: str
    sources: Sequence[ImageSource] | Pixels
    names: tuple[str, ...]
    labels: Labels
    class_names: tuple[str, ...] | None = None
    left_out: tuple[LeftOut, ...] = ()

    def __len__(self) -> int:
        return len(self.names)

    def image(self, number: int) -> ImageSource:
        """One picture as the runtime takes it: a gray array as RGB."""
        source = self.sources[number]
        return np.repeat(source, 3, axis=2) if isinstance(source, np.ndarray) and source.shape[2] == 1 else source

    def images(self) -> Iterator[ImageSource]:
        """Every picture as the runtime takes it, in order."""
        return map(self.image, range(len(self)))

    def take(self, numbers: npt.NDArray[np.int64]) -> LabeledPictures:
        """The pictures of these numbers, in this order."""
        sources = self.sources
        return replace(
            self,
            sources=sources[numbers] if isinstance(sources, np.ndarray) else [sources[i] for i in numbers],
            names=tuple(self.names[i] for i in numbers),
            labels=self.labels[numbers],
        )

    def with_classes(self, class_names: Sequence[str], *, owner: str = "the model") -> LabeledPictures:
        """The same pictures with the indices that `owner` gives to their classes, matched by name where there are any.

        Raises:
            DataError: A class that `owner` does not have.
        """
        if self.class_names is None:
            low, high = (int(self.labels.min()), int(self.labels.max())) if len(self) else (0, 0)
            if low < 0 or high >= len(class_names):
                raise DataError(
                    f"{self.name} has labels from {low} to {high}; the {len(class_names)} classes of {owner} go from 0 "
                    f"to {len(class_names) - 1}."
                )
            return replace(self, class_names=tuple(class_names))
        # The first of several classes of one name counts.
        indices = {normalize_name(name): index for index, name in reversed(list(enumerate(class_names)))}
        unknown = [name for name in self.class_names if normalize_name(name) not in indices]
        if unknown:
            known = ", ".join(class_names[:5]) + (", …" if len(class_names) > 5 else "")
            raise DataError(f"'{unknown[0]}' in {self.name} is no class of {owner}; expected classes named {known}")
        places = np.array([indices[normalize_name(name)] for name in self.class_names], np.int64)
        return replace(self, labels=places[self.labels], class_names=tuple(class_names))


@dataclass(frozen=True)
class LabeledData:
    """A data set before its pictures are decoded.

    Attributes:
        name: Name of the data set, for reports.
        source: Where it came from.
        splits: For each split that the data has, what lists its pictures; `all` alone where it has none.
        notes: Sentences on how its form was taken.
    """

    name: str
    source: str
    splits: Mapping[Split, Callable[[], LabeledPictures]]
    notes: tuple[str, ...] = ()

    def training(self) -> LabeledPictures:
        """The pictures to learn from: the training split, or all where there is none.

        Raises:
            DataError: There is only a split to measure with, or no picture.
        """
        return self._first("train", "all")

    def held_out(self) -> LabeledPictures:
        """The pictures to measure with: the test split, else the validation split, else all where there is none.

        Raises:
            DataError: There is only a training split, or no picture.
        """
        return self._first("test", "validation", "all")

    def _first(self, *wanted: Split) -> LabeledPictures:
        split = next((split for split in wanted if split in self.splits), None)
        if split is None:
            raise DataError(f"{self.source} has only a {next(iter(self.splits))} split; expected {wanted[0]} as well.")
        pictures = self.splits[split]()
        if not len(pictures):
            raise DataError(f"{self.source} holds no labeled pictures{in_brackets(pictures.left_out)}.")
        return pictures
