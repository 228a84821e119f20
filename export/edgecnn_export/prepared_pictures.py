"""Pictures that a network is calibrated with or evaluated on: counted, warned about, never random noise."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from edgecnn_runtime.errors import DataError, ImageError
from numpy.typing import NDArray

__all__ = ["ENOUGH_PICTURES", "PreparedPictures", "Purpose"]

Purpose = Literal["calibration", "evaluation"]

ENOUGH_PICTURES = 32
"""Below this many pictures the ranges of the tensors depend on luck, and a warning says so."""

_ADVICE = {
    "calibration": "give --calibrate a folder or data set of real pictures like those the model will see, at least "
    f"{ENOUGH_PICTURES}",
    "evaluation": "give --evaluate a labeled data set of real pictures like those the model will see",
}


@dataclass(frozen=True)
class PreparedPictures:
    """Prepared pictures, ready for the network's input, with what is known about where they came from.

    Attributes:
        pixels: `(N, H, W, 3)` uint8 RGB, an array or a memory map; never copied as a whole.
        source: Where the pictures came from, for reports and for the file's card.
        labels: `(N,)` integer class index of each picture, or None when they are not known.
        names: Name of each picture, for reports; empty when they have none.
        unreadable: The pictures that could not be read and were left out, each with the reason.
        purpose: What they are for, for messages: `calibration` or `evaluation`.

    Raises:
        DataError: There are none, or an array has not the shape that it must have.
    """

    pixels: NDArray[np.uint8]
    source: str
    labels: NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = ()
    purpose: Purpose = "calibration"

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.shape[-1] != 3 or self.pixels.dtype != np.uint8:
            raise DataError(
                f"{self.purpose} pictures came as {self.pixels.dtype} {self.pixels.shape}, expected uint8 "
                "(N, H, W, 3) RGB; prepare them with the model's own preprocessing"
            )
        if len(self.pixels) == 0:
            raise DataError(f"no {self.purpose} picture could be read from {self.source}; {_ADVICE[self.purpose]}")
        for name, values in (("labels", self.labels), ("names", self.names or None)):
            if values is not None and len(values) != len(self.pixels):
                raise DataError(
                    f"{len(values)} {name} came with {len(self.pixels)} pictures; give one for each picture"
                )

    def __len__(self) -> int:
        return len(self.pixels)

    @classmethod
    def from_files(
        cls,
        files: Sequence[str | os.PathLike[str]],
        prepare: Callable[[Any], NDArray[np.uint8]],
        *,
        source: str,
        labels: Sequence[int] | None = None,
        purpose: Purpose = "calibration",
    ) -> "PreparedPictures":
        """Read and prepare files one at a time.

        Args:
            files: Paths of pictures.
            prepare: What turns a path into `(H, W, 3)` uint8 RGB, e.g. `Classifier.prepare`.
            source: Name for reports.
            labels: Class index of each file, in the same order.
            purpose: What the pictures are for.

        Raises:
            DataError: No file at all, or none that can be read.
        """
        if not files:
            raise DataError(f"{source} holds no pictures; {_ADVICE[purpose]}")
        pixels = np.empty((0, 1, 1, 3), np.uint8)
        kept: list[int] = []
        unreadable: list[str] = []
        for i, path in enumerate(map(Path, files)):
            try:
                picture = prepare(path)
            except (ImageError, OSError) as error:
                unreadable.append(f"{path.name}: {error}")
                continue
            if not kept:
                pixels = np.empty((len(files), *picture.shape), np.uint8)
            pixels[len(kept)] = picture
            kept.append(i)
        return cls(
            pixels=pixels[: len(kept)],
            source=source,
            labels=None if labels is None else np.asarray(labels, np.int64)[kept],
            names=tuple(os.fspath(files[i]) for i in kept),
            unreadable=tuple(unreadable),
            purpose=purpose,
        )

    def batches(self, size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield `(n, H, W, 3)` uint8 pieces of at most `size` pictures, in order."""
        for start in range(0, len(self), size):
            yield np.ascontiguousarray(self.pixels[start : start + size])

    def take(self, count: int) -> "PreparedPictures":
        """`count` pictures spread evenly over the set (all of them when it holds no more)."""
        if count >= len(self):
            return self
        chosen = np.zeros(len(self), bool)
        chosen[np.linspace(0, len(self) - 1, count).round().astype(int)] = True
        return self.where(chosen)

    def where(self, chosen: NDArray[np.bool_]) -> "PreparedPictures":
        """The pictures for which `chosen`, `(N,)` bool, is true."""
        index = np.flatnonzero(chosen)
        return replace(
            self,
            pixels=self.pixels[index],
            labels=None if self.labels is None else self.labels[index],
            names=tuple(self.names[i] for i in index) if self.names else (),
        )

    @property
    def digest(self) -> str:
        """SHA-256 of the pictures' bytes, to tell one calibration from another."""
        sha = hashlib.sha256()
        for batch in self.batches(32):
            sha.update(batch.tobytes())
        return sha.hexdigest()

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is doubtful about this set, each a sentence with the risk."""
        found = []
        calibrates = self.purpose == "calibration"
        if calibrates and len(self) < ENOUGH_PICTURES:
            found.append(
                f"{self.source} gives {len(self)} calibration pictures, fewer than {ENOUGH_PICTURES}: ranges will be "
                "too narrow for some of the pictures the model will meet, and those lose accuracy"
            )
        if calibrates and self.labels is not None and len(self) > 1 and len(np.unique(self.labels)) == 1:
            found.append(
                f"all {len(self)} calibration pictures from {self.source} are of class {int(self.labels[0])}: the "
                "ranges of the other classes' features are unknown, and those classes may lose accuracy"
            )
        if self.unreadable:
            shown = "; ".join(self.unreadable[:3]) + ("; …" if len(self.unreadable) > 3 else "")
            found.append(
                f"{len(self.unreadable)} pictures from {self.source} could not be read and were left out: {shown}"
            )
        return tuple(found)
