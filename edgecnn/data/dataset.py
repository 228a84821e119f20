"""What training learns from: two splits of uint8 pictures with labels, and what must be told about them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Literal, Protocol

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.preprocess import Preprocess

__all__ = [
    "Array",
    "DataSet",
    "Labels",
    "LazyPictures",
    "Pictures",
    "PicturesInMemory",
    "Pixels",
    "SplitEntry",
    "fingerprint",
    "hash_pictures",
    "hash_pixels",
]

Array = npt.NDArray[np.generic]  # of a kind that has still to be checked
Pixels = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class Pictures(Protocol):
    """One split: `labels` `(N,)` int64 and pictures of one size, `shape` `(H, W, C)`, read by number."""

    @property
    def labels(self) -> Labels:
        """Class indices `(N,)`."""
        ...

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of every picture."""
        ...

    def batch(self, numbers: npt.NDArray[np.int64]) -> Pixels:
        """Pictures `(n, H, W, C)` uint8 of the given numbers, in their order."""
        ...

    def take(self, numbers: npt.NDArray[np.int64]) -> Pictures:
        """The split that consists of the given numbers, in their order."""
        ...


@dataclass(frozen=True)
class PicturesInMemory:
    """A split that fits into memory: `pixels` `(N, H, W, C)` uint8, C being 1 (gray) or 3 (RGB)."""

    pixels: Pixels
    labels: Labels

    @property
    def shape(self) -> tuple[int, int, int]:
        """`(H, W, C)` of every picture."""
        _, height, width, channels = self.pixels.shape
        return height, width, channels

    def batch(self, numbers: npt.NDArray[np.int64]) -> Pixels:
        """Pictures `(n, H, W, C)` uint8 of the given numbers, in their order."""
        return self.pixels[numbers]

    def take(self, numbers: npt.NDArray[np.int64]) -> PicturesInMemory:
        """The split that consists of the given numbers, in their order."""
        return PicturesInMemory(self.pixels[numbers], self.labels[numbers])


@dataclass(frozen=True)
class LazyPictures:
    """A split that is read picture by picture, by several threads (decoding releases Python's lock)."""

    read: Callable[[int], Pixels]
    labels: Labels
    shape: tuple[int, int, int]
    workers: int = 4
    _pool: list[ThreadPoolExecutor] = field(default_factory=list, repr=False)

    def batch(self, numbers: npt.NDArray[np.int64]) -> Pixels:
        """Pictures `(n, H, W, C)` uint8 of the given numbers, in their order."""
        if not self._pool:
            self._pool.append(ThreadPoolExecutor(self.workers, thread_name_prefix="edgecnn-read"))
        return np.stack(list(self._pool[0].map(self.read, numbers.tolist())))

    def take(self, numbers: npt.NDArray[np.int64]) -> LazyPictures:
        """The split that consists of the given numbers, in their order."""
        return LazyPictures(
            read=lambda number: self.read(int(numbers[number])),
            labels=self.labels[numbers],
            shape=self.shape,
            workers=self.workers,
        )


@dataclass(frozen=True)
class SplitEntry:
    """Where a split put one picture.

    Attributes:
        name: Path below the data set's folder, or name and place of an array.
        side: To learn from, or to measure with.
        content: Hash of the file's bytes or of the array's pixels, in hex, by which it is known under other names.
    """

    name: str
    side: Literal["train", "test"]
    content: str


@dataclass(frozen=True)
class DataSet:
    """A data set ready to train on.

    Attributes:
        name: The name it is known by, for reports.
        train: Pictures to learn from.
        test: Pictures to measure with; nothing is chosen by them.
        labels: Class names by index.
        preprocess: How a picture of any size becomes one of these, the same when the network is deployed.
        fingerprint: Hash of pixels and labels of both splits.
        source: Where the pictures came from, for `run.json`.
        warnings: Sentences a person should read before trusting the accuracy.
        split: Of a split made here, each picture's side; `()` where the data set came with one.
        test_share: Share of each class that such a split kept for the test.
    """

    name: str
    train: Pictures
    test: Pictures
    labels: tuple[str, ...]
    preprocess: Preprocess
    fingerprint: str
    source: str
    warnings: tuple[str, ...] = ()
    split: tuple[SplitEntry, ...] = ()
    test_share: float | None = None

    @property
    def channels(self) -> int:
        """1 for gray pictures, 3 for RGB."""
        return self.train.shape[2]


def hash_pictures(pictures: Pictures, *, step: int = 512) -> list[bytes]:
    """A 16-byte hash of every picture's pixels, for fingerprints, caches and finding duplicates."""
    hashes: list[bytes] = []
    for start in range(0, len(pictures.labels), step):
        batch = pictures.batch(np.arange(start, min(start + step, len(pictures.labels))))
        hashes.extend(map(hash_pixels, batch))
    return hashes


def hash_pixels(pixels: Pixels) -> bytes:
    """A 16-byte hash of one picture's pixels."""
    return hashlib.blake2b(np.ascontiguousarray(pixels).data, digest_size=16).digest()


def fingerprint(hashes: Sequence[bytes], *labels: Labels) -> str:
    """One hash of a whole data set from its pictures' hashes and its labels."""
    whole = hashlib.blake2b(digest_size=16)
    for value in hashes:
        whole.update(value)
    for part in labels:
        whole.update(part.astype("<i8").tobytes())
    return whole.hexdigest()
