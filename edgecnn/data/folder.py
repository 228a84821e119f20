"""Labeled pictures in a folder: a list in `labels.csv`, or one folder a class, with or without splits above."""

from __future__ import annotations

import csv
import re
import shlex
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.labeled import LabeledData, LabeledPictures, Split, normalize_name, split_of
from edgecnn.left_out import LeftOut, why_no_picture
from edgecnn.pictures import pictures_in

__all__ = ["LIST", "from_folder"]

LIST = "labels.csv"
_DEEPEST = 4  # folders in between that are entered, where a link may lead back
_NUMBERED = re.compile(r"(.*?[^\W\d])[._ -]*\(?\d+\)?")  # cat.1, dog_0002, "bird (3)"
_INDEX = re.compile(r"-?[0-9]{1,9}")


def from_folder(root: Path) -> LabeledData:
    """The data set in a folder.

    Args:
        root: Holds one folder a class; or `labels.csv` (columns `file` and `label`, the class index) and `images/`; or
            folders `train`, `validation` (or `val`) and `test` that do, or that each class folder holds. One folder in
            between is entered, and a test split without classes is left out; both are noted.

    Raises:
        DataError: Two folders for one split.
    """
    name, source = root.resolve().name, str(root)
    notes: list[str] = []
    while len(notes) < _DEEPEST and (inner := _only_folder(root)) is not None:
        notes.append(f"{root} holds one folder, {inner.name}/, whose folders are taken for the classes or splits.")
        root = inner
    folders = {} if (root / LIST).is_file() else _split_folders(root)
    for split in [split for split in folders if split != "train" and "train" in folders]:
        if not (folders[split] / LIST).is_file() and not _visible_folders(folders[split]):
            without = folders.pop(split)
            notes.append(f"{without} holds no class folders, so that nothing can be measured with it: it is left out.")
    readers: dict[Split, Callable[[], LabeledPictures]] = {
        split: partial(_read_split, folder, name) for split, folder in folders.items()
    }
    if not folders:
        inside = _splits_inside_classes(root)
        readers = {split: partial(_read_class_folders, root, name, split) for split in inside}
    if list(readers) in ([], ["train"]):  # a set that has still to be split
        readers = {"all": readers.get("train", partial(_read_split, root, name))}
    return LabeledData(name, source, splits=readers, notes=tuple(notes))


def _only_folder(root: Path) -> Path | None:
    """The folder that alone stands between `root` and its classes or splits."""
    folders = [] if (root / LIST).is_file() else _visible_folders(root)
    if len(folders) != 1 or split_of(folders[0].name) is not None or _pictures_beside(root):
        return None
    (inner,) = folders
    return inner if (inner / LIST).is_file() or _visible_folders(inner) else None


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


def _splits_inside_classes(root: Path) -> list[Split]:
    """The splits that every class folder holds; none where they hold pictures or other folders."""
    inside = [[split_of(folder.name) for folder in _visible_folders(each)] for each in _visible_folders(root)]
    if not inside or any(not splits or None in splits for splits in inside):
        return []
    return sorted({split for splits in inside for split in splits if split is not None})


def _visible_folders(root: Path) -> list[Path]:
    return sorted(path for path in root.iterdir() if path.is_dir() and not path.name.startswith("."))


def _read_split(root: Path, name: str) -> LabeledPictures:
    if not (root / LIST).is_file():
        return _read_class_folders(root, name)
    try:
        return _read_list(root, name)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{root / LIST} cannot be read as a table in UTF-8: {error}.") from error


def _read_class_folders(root: Path, name: str, inside: Split | None = None) -> LabeledPictures:
    """The pictures of every class folder, or of the folder of one split inside each."""
    folders = _visible_folders(root)
    beside = _pictures_beside(root)
    if not folders:
        raise DataError(_describe_flat(root, beside))
    class_names = sorted({normalize_name(folder.name) for folder in folders})
    indices = {class_name: index for index, class_name in enumerate(class_names)}
    left_out = [LeftOut(path, "pictures beside the class folders") for path in beside]
    pairs = [
        (indices[normalize_name(folder.name)], path)
        for folder in folders
        for place in ([folder] if inside is None else _visible_folders(folder))
        if inside is None or split_of(place.name) == inside
        for path in pictures_in(place, left_out)
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


def _pictures_beside(root: Path) -> list[Path]:
    return [
        path
        for path in sorted(root.iterdir())
        if path.is_file() and not path.name.startswith(".") and why_no_picture(path) is None
    ]


def _describe_flat(root: Path, pictures: list[Path]) -> str:
    """Why a folder without folders is no data set, and what makes one of it."""
    wanted = "expected one folder of pictures for each class."
    if not pictures:
        return f"{root} holds no class folders; {wanted}"
    numbered = [match[1] for path in pictures if (match := _NUMBERED.fullmatch(path.stem))]
    names = sorted(set(numbered))
    if len(numbered) < len(pictures) or len(names) < 2:
        return f"{root} holds {len(pictures)} pictures and no class folders; {wanted}"
    shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
    example = shlex.quote(str(root / names[0]))
    return (
        f"{root} holds {len(pictures)} pictures and no class folders; their names ({pictures[0].name}) say the classes "
        f"{shown}: move each to the folder of its class (mkdir {example} && mv {example}[._-]* {example}/)."
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
