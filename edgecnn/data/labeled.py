"""Labeled pictures from disk: a list in `labels.csv`, a folder of class folders, or an `.npz` of arrays."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import DataError
from edgecnn_runtime.image import ImageSource

from edgecnn.data.npz import open_npz
from edgecnn.data.pictures import pictures_in

Part = Literal["train", "test"]

__all__ = ["LabeledPictures", "read_labeled"]

_INDEX = re.compile(r"-?[0-9]{1,9}")


@dataclass(frozen=True, eq=False)
class LabeledPictures:
    """Pictures with the class of each.

    Attributes:
        name: name of the data set, for reports.
        sources: paths or `(H, W, 3)` uint8 arrays.
        names: a name a picture, for reports.
        labels: `(N,)` class index a picture.
    """

    name: str
    sources: Sequence[ImageSource]
    names: tuple[str, ...]
    labels: npt.NDArray[np.int64]

    def __len__(self) -> int:
        return len(self.names)


def read_labeled(path: Path, class_names: Sequence[str], *, part: Part = "test") -> LabeledPictures:
    """Read a data set in one of three forms.

    Args:
        path: a folder with `labels.csv` (columns `file` and `label`, the class index) and `images/`; a folder of class
            folders, whose names are matched with `class_names`; or an `.npz` with `x_test` and `y_test`.
        class_names: the model's labels, by index.
        part: which part to take where the data set is split (folders `train` and `test` or `val`; arrays `x_train` and
            `x_test`); a data set that is not split is taken whole, an `.npz` must have `x_test` for `test`.

    Raises:
        DataError: missing, empty, damaged, or labels that the model does not have.
    """
    if path.suffix == ".npz":
        data = _read_npz(path, part)
    elif not path.is_dir():
        raise DataError(
            f"{path} does not exist or is no folder; expected a folder with labels.csv and images/, a folder of class "
            "folders, or an .npz with x_test and y_test."
        )
    elif (path / "labels.csv").is_file():
        data = _read_list(path)
    else:
        data = _read_class_folders(path, class_names, part)
    if not len(data):
        raise DataError(f"{path} holds no labeled pictures.")
    low, high = int(data.labels.min()), int(data.labels.max())
    if low < 0 or high >= len(class_names):
        raise DataError(
            f"{path} has labels from {low} to {high}; the model's {len(class_names)} classes go from 0 to "
            f"{len(class_names) - 1}."
        )
    return data


def _read_list(folder: Path) -> LabeledPictures:
    try:
        return _read_rows(folder)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{folder / 'labels.csv'} cannot be read as a table in UTF-8: {error}.") from error


def _read_rows(folder: Path) -> LabeledPictures:
    paths, labels = [], []
    with (folder / "labels.csv").open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(f"{folder / 'labels.csv'} has no column {sorted(missing)[0]!r}; expected file and label.")
        root = (folder / "images").resolve()
        for number, row in enumerate(rows, 2):
            path = root / (row["file"] or "")
            if not path.resolve().is_relative_to(root):
                raise DataError(f"{folder / 'labels.csv'} line {number} names {row['file']!r}, outside images/.")
            if not _INDEX.fullmatch((row["label"] or "").strip()):
                raise DataError(
                    f"{folder / 'labels.csv'} line {number} has the label {row['label']!r}; expected an index."
                )
            paths.append(path)
            labels.append(int(row["label"]))
    return LabeledPictures(folder.name, paths, tuple(p.name for p in paths), np.array(labels, np.int64))


def _read_class_folders(folder: Path, class_names: Sequence[str], part: Part) -> LabeledPictures:
    parts = ("test", "val") if part == "test" else ("train",)
    root = next((folder / name for name in parts if (folder / name).is_dir()), folder)
    indexes = {name: index for index, name in reversed(list(enumerate(class_names)))}
    paths: list[Path] = []
    labels: list[int] = []
    for class_folder in sorted(p for p in root.iterdir() if p.is_dir() and not p.name.startswith(".")):
        if class_folder.name not in indexes:
            known = ", ".join(list(class_names)[:5]) + (", …" if len(class_names) > 5 else "")
            raise DataError(f"the folder {class_folder} is no class of the model; expected folders named {known}")
        found = pictures_in(class_folder)
        paths += found
        labels += [indexes[class_folder.name]] * len(found)
    names = tuple(str(p.relative_to(root)) for p in paths)
    return LabeledPictures(folder.name, paths, names, np.array(labels, np.int64))


def _read_npz(path: Path, part: Part) -> LabeledPictures:
    with open_npz(path) as archive:
        suffix = "train" if part == "train" and {"x_train", "y_train"} <= set(archive.files) else "test"
        missing = {f"x_{suffix}", f"y_{suffix}"} - set(archive.files)
        if missing:
            raise DataError(f"{path} has no {sorted(missing)[0]!r}; expected x_test and y_test.")
        pictures, labels = archive[f"x_{suffix}"], archive[f"y_{suffix}"]
    if pictures.ndim == 3:
        pictures = pictures[..., None]
    if pictures.dtype != np.uint8 or pictures.ndim != 4 or pictures.shape[3] not in (1, 3):
        raise DataError(
            f"{path} has x_{suffix} {pictures.dtype} {pictures.shape}; expected uint8 (N, H, W, 3) or (N, H, W)."
        )
    if labels.shape != pictures.shape[:1] or labels.dtype.kind not in "iu":
        raise DataError(f"{path} has y_{suffix} {labels.dtype} {labels.shape}; expected one whole number a picture.")
    if pictures.shape[3] == 1:
        pictures = np.repeat(pictures, 3, axis=3)
    names = tuple(f"x_{suffix}[{index}]" for index in range(len(pictures)))
    return LabeledPictures(path.name, list(pictures), names, labels.astype(np.int64))
