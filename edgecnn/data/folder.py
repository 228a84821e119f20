"""Labeled pictures in a folder: a list in `labels.csv`, or one folder a class, with or without splits above."""

from __future__ import annotations

import csv
import re
from functools import partial
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.labeled import LabeledData, LabeledPictures, Split, normalize_name, split_of
from edgecnn.data.left_out import LeftOut, why_no_picture
from edgecnn.data.pictures import pictures_in

__all__ = ["LIST", "from_folder"]

LIST = "labels.csv"
_INDEX = re.compile(r"-?[0-9]{1,9}")


def from_folder(root: Path) -> LabeledData:
    """The data set in a folder.

    Args:
        root: Holds one folder a class; or `labels.csv` (columns `file` and `label`, the class index) and `images/`; or
            folders `train`, `validation` (or `val`) and `test` that do.

    Raises:
        DataError: Two folders for one split.
    """
    name = root.resolve().name
    folders = {} if (root / LIST).is_file() else _split_folders(root)
    if not folders:
        return LabeledData(name, str(root), {"all": partial(_read_split, root, name)})
    if list(folders) == ["train"]:  # a set that has still to be split
        return LabeledData(name, str(root), {"all": partial(_read_split, folders["train"], name)})
    return LabeledData(name, str(root), {split: partial(_read_split, of, name) for split, of in folders.items()})


def _split_folders(root: Path) -> dict[Split, Path]:
    """The folder of each split; none where the names are those of classes, as `train` is beside `bus` and `car`."""
    visible = _visible_folders(root)
    folders: dict[Split, Path] = {}
    for folder in visible:
        split = split_of(folder.name)
        if split is None:
            continue
        if split in folders:
            raise DataError(f"{root} has two {split} splits, {folders[split].name}/ and {folder.name}/; expected one.")
        folders[split] = folder
    meant = len(folders) == len(visible) or ("train" in folders and len(folders) > 1)
    return folders if meant else {}


def _visible_folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read_split(root: Path, name: str) -> LabeledPictures:
    if not (root / LIST).is_file():
        return _read_class_folders(root, name)
    try:
        return _read_list(root, name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{root / LIST} cannot be read as a table in UTF-8: {error}.") from error


def _read_class_folders(root: Path, name: str) -> LabeledPictures:
    folders = _visible_folders(root)
    if not folders:
        raise DataError(f"{root} holds no class folders; expected one folder of pictures for each class.")
    class_names = sorted({normalize_name(folder.name) for folder in folders})
    indices = {class_name: index for index, class_name in enumerate(class_names)}
    left_out = [
        LeftOut(path, "pictures beside the class folders")
        for path in root.iterdir()
        if path.is_file() and not path.name.startswith(".") and why_no_picture(path) is None
    ]
    pairs = [
        (indices[normalize_name(folder.name)], path) for folder in folders for path in pictures_in(folder, left_out)
    ]
    pairs.sort(key=lambda pair: pair[0])  # a class may lie in two folders, whose names differ in their Unicode form
    return LabeledPictures(
        name=name,
        sources=[path for _, path in pairs],
        names=tuple(path.relative_to(root).as_posix() for _, path in pairs),
        labels=np.array([index for index, _ in pairs], np.int64),
        class_names=tuple(class_names),
        left_out=tuple(left_out),
    )


def _read_list(root: Path, name: str) -> LabeledPictures:
    listing, images = root / LIST, (root / "images").resolve()
    paths, labels = [], []
    with listing.open(newline="", encoding="utf-8-sig") as file:
        rows = csv.DictReader(file)
        missing = {"file", "label"} - set(rows.fieldnames or ())
        if missing:
            raise DataError(f"{listing} has no column {sorted(missing)[0]!r}; expected file and label.")
        for number, row in enumerate(rows, 2):
            file_name, label = row["file"] or "", row["label"]
            if "\0" in file_name:
                raise DataError(f"{listing} line {number} names {file_name!r}; expected a file name without NUL bytes.")
            path = images / file_name
            if not path.resolve().is_relative_to(images):
                raise DataError(f"{listing} line {number} names {file_name!r}, outside images/.")
            if not _INDEX.fullmatch((label or "").strip()):
                raise DataError(f"{listing} line {number} has the label {label!r}; expected an index.")
            paths.append(path)
            labels.append(int(label or ""))
    names = tuple(path.relative_to(images).as_posix() for path in paths)
    return LabeledPictures(name=name, sources=paths, names=names, labels=np.array(labels, np.int64))
