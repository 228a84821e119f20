"""A folder of class folders with pictures in them, with or without train/ and test/ above."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import DataError, ImageError
from edgecnn_runtime.image import IMAGE_SUFFIXES, decode_image
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data.check import count_warnings, duplicate_warning
from edgecnn.data.dataset import (
    MEMORY_LIMIT,
    DataSet,
    Labels,
    LazyPictures,
    Pictures,
    PicturesInMemory,
    Pixels,
    fingerprint,
    hash_pictures,
)
from edgecnn.data.split import stratified_split

__all__ = ["from_folder"]

UNREADABLE_LIMIT = 0.05  # share of pictures that cannot be read above which the set itself is doubted
_TEST_NAMES = ("test", "val", "validation")


@dataclass(frozen=True)
class _Listing:
    paths: list[Path]
    labels: Labels


def from_folder(
    root: Path, *, preprocess: Preprocess, test_share: float = 0.2, seed: int = 0, workers: int = 4
) -> DataSet:
    """Make a data set of a folder; pictures go through the runtime's own loading and preprocessing.

    Args:
        root: Holds one folder a class, or train/ and test/ (or val/) that do.
        preprocess: What brings every picture to the network's size.
        test_share: Share of each class kept for the test where the folder has no split.
        seed: Seed of a split made here.
        workers: Threads that decode.

    Raises:
        DataError: No class folders, one class only, an empty class, or more than 5 % of the pictures unreadable.
    """
    test_root = next((root / name for name in _TEST_NAMES if (root / name).is_dir()), None)
    kept = (root / "train").is_dir() and test_root is not None
    train_root = root / "train" if kept else root
    names = _class_names(train_root)
    train = _list(train_root, names)
    warnings: list[str] = []
    split: tuple[tuple[str, str], ...] = ()
    if kept and test_root is not None:
        strangers = sorted(set(_class_names(test_root)) - set(names))
        if strangers:
            raise DataError(
                f"{test_root} has the class '{strangers[0]}', which {train_root} has not; expected {', '.join(names)}."
            )
        train_pictures, lost = _read(train, preprocess, workers, warnings)
        test_pictures, lost_test = _read(_list(test_root, names, empty=True), preprocess, workers, warnings)
        _complain(lost + lost_test, len(train.paths) + len(test_pictures.labels) + len(lost_test), warnings)
    else:
        every, lost = _read(train, preprocess, workers, warnings)
        _complain(lost, len(train.paths), warnings)
        count_warnings(every.labels, names)
        broken = set(lost)
        paths = [path for path in train.paths if path not in broken]
        first, second = stratified_split(every.labels, test_share=test_share, seed=seed, names=names)
        train_pictures, test_pictures = _take(every, first), _take(every, second)
        sides = np.full(len(paths), "train", dtype=object)
        sides[second] = "test"
        split = tuple((path.relative_to(root).as_posix(), str(side)) for path, side in zip(paths, sides, strict=True))
    warnings += count_warnings(train_pictures.labels, names)
    train_hashes, test_hashes = _hashes(train_pictures), _hashes(test_pictures)
    warnings += duplicate_warning(train_hashes, test_hashes)
    return DataSet(
        name=root.resolve().name,
        train=train_pictures,
        test=test_pictures,
        labels=names,
        preprocess=preprocess,
        fingerprint=fingerprint(train_hashes + test_hashes, train_pictures.labels, test_pictures.labels),
        source=str(root),
        warnings=tuple(warnings),
        split=split,
    )


def _class_names(root: Path) -> tuple[str, ...]:
    names = tuple(sorted(path.name for path in root.iterdir() if path.is_dir() and not path.name.startswith(".")))
    if not names:
        raise DataError(f"{root} holds no class folders; expected one folder of pictures for each class.")
    return names


def _pictures_below(folder: Path) -> Iterator[Path]:
    for path in sorted(folder.rglob("*")):
        if path.suffix.lower() in IMAGE_SUFFIXES and path.is_file() and not path.name.startswith("."):
            yield path


def _list(root: Path, names: tuple[str, ...], *, empty: bool = False) -> _Listing:
    paths: list[Path] = []
    labels: list[int] = []
    for index, name in enumerate(names):
        found = list(_pictures_below(root / name))
        if not found and not empty:
            raise DataError(f"Class folder {root / name} holds no picture; add some or remove the folder.")
        paths += found
        labels += [index] * len(found)
    if not paths:
        raise DataError(f"{root} holds no picture; expected some in at least one class folder.")
    return _Listing(paths, np.asarray(labels, np.int64))


def _load(path: Path, preprocess: Preprocess) -> Pixels:
    # Twice the size, as `Classifier.prepare` asks of JPEG decoding: the same pixels as when the network is deployed.
    decoded = decode_image(path, at_least=preprocess.decode_side)
    return preprocess.apply(decoded.image, box=decoded.box)


def _read(listing: _Listing, preprocess: Preprocess, workers: int, warnings: list[str]) -> tuple[Pictures, list[Path]]:
    shape = (preprocess.height, preprocess.width, 3)
    if len(listing.paths) * int(np.prod(shape)) > MEMORY_LIMIT:
        warnings.append(f"{len(listing.paths)} pictures do not fit into memory and are read anew in every epoch.")
        paths = listing.paths
        return LazyPictures(lambda number: _load(paths[number], preprocess), listing.labels, shape, workers), []

    def attempt(path: Path) -> Pixels | None:
        try:
            return _load(path, preprocess)
        except ImageError:
            return None

    with ThreadPoolExecutor(workers) as pool:
        read = list(pool.map(attempt, listing.paths))
    good = [number for number, pixels in enumerate(read) if pixels is not None]
    lost = [listing.paths[number] for number, pixels in enumerate(read) if pixels is None]
    if not good:
        raise DataError(f"None of {len(read)} pictures could be read; the first is {listing.paths[0]}.")
    pixels = np.stack([value for value in read if value is not None])
    return PicturesInMemory(pixels, listing.labels[np.asarray(good)]), lost


def _complain(lost: list[Path], total: int, warnings: list[str]) -> None:
    if not lost:
        return
    shown = ", ".join(str(path) for path in lost[:3]) + (f" and {len(lost) - 3} more" if len(lost) > 3 else "")
    if len(lost) > UNREADABLE_LIMIT * total:
        raise DataError(
            f"{len(lost)} of {total} pictures cannot be read ({shown}); "
            f"expected at most {UNREADABLE_LIMIT:.0%}: repair or remove them."
        )
    warnings.append(f"{len(lost)} of {total} pictures cannot be read and are left out: {shown}.")


def _take(pictures: Pictures, numbers: npt.NDArray[np.int64]) -> Pictures:
    labels = pictures.labels[numbers]
    if isinstance(pictures, PicturesInMemory):
        return PicturesInMemory(pictures.pixels[numbers], labels)
    assert isinstance(pictures, LazyPictures)  # noqa: S101 - there are two kinds
    read = pictures.read
    return LazyPictures(lambda number: read(int(numbers[number])), labels, pictures.shape, pictures.workers)


def _hashes(pictures: Pictures) -> list[bytes]:
    # A streamed set is not read once more just to be hashed: its labels alone tell runs apart.
    return hash_pictures(pictures) if isinstance(pictures, PicturesInMemory) else []
