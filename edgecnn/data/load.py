"""A data set to train on: named, read, split where it has to be, its pictures decoded once and judged."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import prepare
from edgecnn_runtime.errors import DataError, ImageError
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data.arrays import from_arrays
from edgecnn.data.check import count_warnings, duplicate_warnings, unreadable_warnings
from edgecnn.data.dataset import (
    DataSet,
    LazyPictures,
    Pictures,
    PicturesInMemory,
    Pixels,
    SplitEntry,
    fingerprint,
    hash_pictures,
    hash_pixels,
)
from edgecnn.data.labeled import LabeledData, LabeledPictures
from edgecnn.data.left_out import left_out_warnings
from edgecnn.data.named import NAMED, find_named
from edgecnn.data.read import read_labeled
from edgecnn.data.split import record_split, stratified_split

__all__ = ["load_data"]

MEMORY_LIMIT = 2 * 1024**3  # bytes of pixels above which a set is streamed instead of kept
FOLDER_SIZE = 64  # side in pixels for picture files when neither a size nor a network says otherwise


def load_data(
    source: str,
    *,
    data_dir: Path | None = None,
    preprocess: Preprocess | None = None,
    size: int | None = None,
    test_share: float = 0.2,
    seed: int = 0,
    workers: int = 4,
) -> DataSet:
    """Load a data set by name, from a folder, or from an `.npz`.

    Args:
        source: `cifar10`, `mnist`, `fashion-mnist`, or a path that `read_labeled` takes.
        data_dir: Where local copies of named sets are.
        preprocess: What a reused network asks for; wins over `size`.
        size: Side in pixels pictures are brought to; their own for arrays and 64 for files when None.
        test_share: Share of each class kept for the test where the data has no split.
        seed: Seed of such a split.
        workers: Threads that decode pictures.

    Raises:
        DataError: Unknown name, nothing there, or data that cannot be trained on; the message says which.
    """
    data = _read(source, data_dir)
    listed = [data.training()]
    labels = listed[0].class_names or tuple(str(index) for index in range(int(listed[0].labels.max()) + 1))
    if "all" not in data.splits:
        listed.append(data.held_out().with_classes(labels, owner="the training split"))
    left_out = [entry for part in listed for entry in part.left_out]
    wanted = preprocess or _preprocess(listed[0], size)
    parts = [_decode(part, wanted, workers) for part in listed]
    failures = [failure for part in parts for failure in part.failures]
    warnings = [*data.notes, *left_out_warnings(left_out, data.name)]
    warnings += unreadable_warnings(failures, sum(map(len, listed)), data.name)
    split: tuple[SplitEntry, ...] = ()
    if "all" in data.splits:
        (whole,) = parts
        count_warnings(whole.pictures.labels, labels, left_out)
        train, test = stratified_split(whole.pictures.labels, test_share=test_share, seed=seed, names=labels)
        split = record_split(whole.labeled, test)
        parts = [whole.take(train), whole.take(test)]
    first, second = parts
    if first.pictures.shape[2] != second.pictures.shape[2]:
        raise DataError(f"{data.source} holds gray pictures in one split and color in the other; expected one kind.")
    warnings += count_warnings(first.pictures.labels, labels, left_out)
    warnings += duplicate_warnings(first.hashes, second.hashes)
    if isinstance(first.labeled.sources, list) and isinstance(first.pictures, LazyPictures):
        warnings.append(f"{len(listed[0])} pictures do not fit into memory and are read anew in every epoch.")
    return DataSet(
        name=data.name,
        train=first.pictures,
        test=second.pictures,
        labels=labels,
        preprocess=wanted,
        fingerprint=fingerprint(first.hashes + second.hashes, first.pictures.labels, second.pictures.labels),
        source=data.source,
        warnings=tuple(warnings),
        split=split,
        test_share=test_share if split else None,
    )


def _read(source: str, data_dir: Path | None) -> LabeledData:
    if source in NAMED:
        arrays, path = find_named(source, data_dir)
        return from_arrays(arrays, name=source, source=path, class_names=NAMED[source].labels)
    return read_labeled(Path(source).expanduser(), names=tuple(NAMED))


def _preprocess(pictures: LabeledPictures, size: int | None) -> Preprocess:
    sources = pictures.sources
    if size is None and isinstance(sources, np.ndarray):
        return Preprocess(height=sources.shape[1], width=sources.shape[2])
    return Preprocess(height=size or FOLDER_SIZE, width=size or FOLDER_SIZE)


@dataclass(frozen=True, eq=False)
class _Decoded:
    """Those pictures that can be read: as they were listed, at the network's size, and a hash of each."""

    labeled: LabeledPictures
    pictures: Pictures
    hashes: list[bytes]
    failures: tuple[ImageError, ...] = ()

    def take(self, numbers: npt.NDArray[np.int64]) -> _Decoded:
        return _Decoded(
            self.labeled.take(numbers), self.pictures.take(numbers), [self.hashes[number] for number in numbers]
        )


def _decode(labeled: LabeledPictures, preprocess: Preprocess, workers: int) -> _Decoded:
    sources = labeled.sources
    if not isinstance(sources, np.ndarray):
        return _decode_files(labeled, preprocess, workers)
    own = PicturesInMemory(sources, labeled.labels)
    height, width, _ = own.shape
    same = (height, width) == (preprocess.height, preprocess.width) and preprocess.short_side == min(height, width)
    # At its own size a picture would come back from `prepare` as it went in, and gray ones with three channels.
    pictures = own if same else _lazy(labeled, preprocess, workers)
    return _Decoded(labeled, pictures, hash_pictures(own))


def _decode_files(labeled: LabeledPictures, preprocess: Preprocess, workers: int) -> _Decoded:
    """Decode every file once, to find those that cannot be read; kept in memory where they fit into it."""
    shape = (preprocess.height, preprocess.width, 3)
    fits = len(labeled) * int(np.prod(shape)) <= MEMORY_LIMIT
    pixels = np.empty((len(labeled) if fits else 0, *shape), np.uint8)
    sources = labeled.sources

    def attempt(number: int) -> bytes | ImageError:
        try:
            picture = prepare(sources[number], preprocess)
        except ImageError as error:
            return error
        if fits:
            pixels[number] = picture
        return hash_pixels(picture)

    with ThreadPoolExecutor(workers) as pool:
        answers = list(pool.map(attempt, range(len(labeled))))
    failures = tuple(answer for answer in answers if isinstance(answer, ImageError))
    hashes = [answer for answer in answers if isinstance(answer, bytes)]
    if not hashes:
        raise DataError(f"None of the {len(labeled)} pictures in {labeled.name} can be read; the first: {failures[0]}")
    if failures:
        good = np.flatnonzero([isinstance(answer, bytes) for answer in answers])
        labeled, pixels = labeled.take(good), pixels[good] if fits else pixels
    pictures = PicturesInMemory(pixels, labeled.labels) if fits else _lazy(labeled, preprocess, workers)
    return _Decoded(labeled, pictures, hashes=hashes, failures=failures)


def _lazy(labeled: LabeledPictures, preprocess: Preprocess, workers: int) -> LazyPictures:
    def read(number: int) -> Pixels:
        pixels: Pixels = prepare(labeled.image(number), preprocess)
        return pixels

    return LazyPictures(
        read=read, labels=labeled.labels, shape=(preprocess.height, preprocess.width, 3), workers=workers
    )
