"""The pictures a network is calibrated with: streamed from disk, counted, warned about, and never random noise."""

import hashlib
import os
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from edgecnn_runtime.errors import DataError, ImageError
from numpy.typing import NDArray

__all__ = ["ENOUGH_PICTURES", "PreparedPictures"]

ENOUGH_PICTURES = 32
"""Below this many pictures the ranges of the tensors depend on luck, and a warning says so."""


@dataclass(frozen=True)
class PreparedPictures:
    """Prepared pictures, ready for the network's input, with what is known about where they came from.

    Attributes:
        pixels: `(N, H, W, 3)` uint8 RGB, an array or a memory map; never copied as a whole.
        source: where the pictures came from, for reports and for the file's card.
        labels: `(N,)` integer class index of each picture, or None when they are not known.
        names: name of each picture, for reports; empty when they have none.
        unreadable: the pictures that could not be read and were left out, each with the reason.
    """

    pixels: NDArray[np.uint8]
    source: str
    labels: NDArray[np.int64] | None = None
    names: tuple[str, ...] = ()
    unreadable: tuple[str, ...] = field(default=())

    def __post_init__(self) -> None:
        if self.pixels.ndim != 4 or self.pixels.shape[-1] != 3 or self.pixels.dtype != np.uint8:
            raise DataError(
                f"calibration pictures came as {self.pixels.dtype} {self.pixels.shape}, expected uint8 (N, H, W, 3) "
                "RGB; prepare them with the model's own preprocessing"
            )
        if len(self.pixels) == 0:
            raise DataError(
                f"no calibration picture could be read from {self.source}; give --calibrate a folder or data set of "
                f"real pictures like those the model will see, at least {ENOUGH_PICTURES}"
            )
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
    ) -> "PreparedPictures":
        """Read and prepare `files` one at a time.

        Args:
            files: paths of pictures.
            prepare: what turns a path into `(H, W, 3)` uint8 RGB, e.g. `Classifier.prepare`.
            source: name for reports.
            labels: class index of each file, in the same order.

        Raises:
            DataError: no file at all, or none that can be read.
        """
        paths = [Path(f) for f in files]
        if not paths:
            raise DataError(
                f"{source} holds no pictures; give --calibrate a folder or data set of real pictures like those the "
                f"model will see, at least {ENOUGH_PICTURES}"
            )
        kept, unreadable, pixels = _load(paths, prepare)
        return cls(
            pixels=pixels,
            source=source,
            labels=None if labels is None else np.asarray(labels, np.int64)[kept],
            names=tuple(str(paths[i]) for i in kept),
            unreadable=tuple(unreadable),
        )

    def batches(self, size: int) -> Iterator[NDArray[np.uint8]]:
        """Yield `(n, H, W, 3)` uint8 pieces of at most `size` pictures, in order."""
        for start in range(0, len(self), size):
            yield np.ascontiguousarray(self.pixels[start : start + size])

    def take(self, count: int) -> "PreparedPictures":
        """Return `count` pictures spread evenly over the set (all of them when it holds no more)."""
        if count >= len(self):
            return self
        chosen = np.zeros(len(self), bool)
        chosen[np.linspace(0, len(self) - 1, count).round().astype(int)] = True
        return self.where(chosen)

    def where(self, chosen: NDArray[np.bool_]) -> "PreparedPictures":
        """Return the pictures for which `chosen`, `(N,)` bool, is true."""
        index = np.flatnonzero(chosen)
        return PreparedPictures(
            pixels=self.pixels[index],
            source=self.source,
            labels=None if self.labels is None else self.labels[index],
            names=tuple(self.names[i] for i in index) if self.names else (),
            unreadable=self.unreadable,
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
        if len(self) < ENOUGH_PICTURES:
            found.append(
                f"{self.source} gives {len(self)} calibration pictures, fewer than {ENOUGH_PICTURES}: ranges will be "
                "too narrow for some of the pictures the model will meet, and those lose accuracy"
            )
        if self.labels is not None and len(self) > 1 and len(np.unique(self.labels)) == 1:
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


def _load(
    paths: list[Path], prepare: Callable[[Any], NDArray[np.uint8]]
) -> tuple[list[int], list[str], NDArray[np.uint8]]:
    """Return the indices that could be read, the complaints about the others, and the prepared pictures."""
    pixels = np.empty((0, 1, 1, 3), np.uint8)
    kept: list[int] = []
    unreadable: list[str] = []
    for i, path in enumerate(paths):
        try:
            picture = prepare(path)
        except (ImageError, OSError) as e:
            unreadable.append(f"{path.name}: {e}")
            continue
        if not kept:
            pixels = np.empty((len(paths), *picture.shape), np.uint8)
        pixels[len(kept)] = picture
        kept.append(i)
    return kept, unreadable, pixels[: len(kept)]
