"""Split pictures into those to learn from and those to measure with, and know them again by their content."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import DataError, OptionError
from edgecnn_runtime.files import replace_atomically
from edgecnn_runtime.image import ImageSource

from edgecnn.data.dataset import Labels, SplitEntry, hash_pixels
from edgecnn.data.labeled import LabeledPictures

__all__ = [
    "SPLIT_FILE",
    "holds_any_of",
    "read_split",
    "record_split",
    "sketch",
    "stratified_split",
    "without_training",
    "write_split",
]

SPLIT_FILE = "split.csv"
_COLUMNS = ("split", "file", "content")
_SKETCHED = 64  # of a copy with a twentieth of the training pictures, 96 % still hold one of so many
_DIGITS = 16


def stratified_split(
    labels: Labels, *, test_share: float, seed: int, names: tuple[str, ...]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]:
    """Numbers of the training and of the test pictures; every class gives the same share, at least one to each side.

    Args:
        labels: `(N,)` class indices.
        test_share: Share of each class that is kept for the test, between 0 and 1.
        seed: The same seed gives the same split.
        names: Class names, for messages.

    Raises:
        DataError: A class has fewer than two pictures.
        OptionError: The share is not between 0 and 1.
    """
    if not 0 < test_share < 1:
        raise OptionError(f"The share of test pictures lies between 0 and 1, got {test_share}.")
    random = np.random.default_rng(seed)
    train, test = [], []
    for index, name in enumerate(names):
        members = np.flatnonzero(labels == index)
        if len(members) < 2:
            raise DataError(
                f"Class '{name}' has {len(members)} readable picture(s); a split needs at least 2: "
                f"add pictures or remove the class."
            )
        members = random.permutation(members)
        count = min(max(1, round(len(members) * test_share)), len(members) - 1)
        test.append(members[:count])
        train.append(members[count:])
    return np.sort(np.concatenate(train)), np.sort(np.concatenate(test))


def record_split(pictures: LabeledPictures, test: npt.NDArray[np.int64]) -> tuple[SplitEntry, ...]:
    """The side of every picture, given the numbers of those kept for the test."""
    kept = set(test.tolist())
    return tuple(
        SplitEntry(name, "test" if number in kept else "train", _content(source))
        for number, (name, source) in enumerate(zip(pictures.names, pictures.sources, strict=True))
    )


def write_split(folder: Path, split: Sequence[SplitEntry]) -> None:
    """Write `split.csv` into a run folder.

    Raises:
        OSError: It cannot be written.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(_COLUMNS)
    writer.writerows((entry.side, entry.name, entry.content) for entry in split)
    replace_atomically(folder / SPLIT_FILE, text.getvalue().encode("utf-8", "surrogateescape"))


def read_split(folder: Path) -> tuple[SplitEntry, ...]:
    """The split that a run recorded; `()` where it made none.

    Raises:
        DataError: The folder is not there, or its `split.csv` is damaged.
    """
    path = folder / SPLIT_FILE
    if not folder.is_dir():
        raise DataError(f"{folder} is no folder; expected that of a run of edgecnn train.")
    if not path.is_file():
        return ()
    try:
        with path.open(newline="", encoding="utf-8", errors="surrogateescape") as file:
            rows = list(csv.reader(file))
    except (OSError, csv.Error) as error:
        raise DataError(f"{path} cannot be read: {error}.") from error
    header = tuple(rows[0]) if rows else ()
    if header not in (_COLUMNS, _COLUMNS[:2]) or any(len(row) != len(header) for row in rows):
        raise DataError(f"{path} is no table of {', '.join(_COLUMNS)}; train again to record the split.")
    # Runs of earlier versions recorded no content; their pictures are known by their names alone.
    return tuple(
        SplitEntry(name, "train" if side == "train" else "test", "".join(content)) for side, name, *content in rows[1:]
    )


def without_training(pictures: LabeledPictures, split: Sequence[SplitEntry]) -> LabeledPictures:
    """The pictures that a network did not learn from, known by their content.

    Args:
        pictures: Of whatever folder or archive.
        split: What the network's run recorded.

    Raises:
        DataError: It learned from all of them.
    """
    learned = {entry.content or entry.name for entry in split if entry.side == "train"}
    if not learned:
        return pictures
    named = enumerate(zip(pictures.names, pictures.sources, strict=True))
    kept = [number for number, (name, source) in named if name not in learned and _content(source) not in learned]
    if not kept:
        raise DataError(f"The network was trained on every picture of {pictures.name}; none is left to evaluate on.")
    return pictures.take(np.array(kept, np.int64))


def sketch(split: Sequence[SplitEntry]) -> tuple[str, ...]:
    """A sample of the training pictures that fits into a model file: the least of their content's hashes."""
    return tuple(
        sorted(entry.content[:_DIGITS] for entry in split if entry.side == "train" and entry.content)[:_SKETCHED]
    )


def holds_any_of(pictures: LabeledPictures, sketched: Sequence[str]) -> bool:
    """Whether one of the pictures is in a `sketch`; whatever their folder and files are called now."""
    known = frozenset(sketched)
    return bool(known) and any(_content(source)[:_DIGITS] in known for source in pictures.sources)


def _content(source: ImageSource) -> str:
    """Hash of a file's bytes or of an array's pixels; a file that cannot be read, and says so elsewhere, has none."""
    if isinstance(source, np.ndarray):
        return hash_pixels(source).hex()
    if not isinstance(source, Path):
        return ""
    try:
        with source.open("rb") as file:
            return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=16)).hexdigest()
    except OSError:
        return ""
