"""Data sets by name, from a local copy in any of the forms they come in, else through torchvision's download."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgecnn_runtime.errors import DataError, MissingPackageError

from edgecnn.data.cifar import find_cifar, read_cifar
from edgecnn.data.dataset import Array
from edgecnn.data.idx import find_idx, read_idx
from edgecnn.data.npz import list_npz, read_npz

__all__ = ["NAMED", "NamedSet", "find_named"]

DOWNLOADS = Path("~/.cache/edgecnn/data")


@dataclass(frozen=True)
class NamedSet:
    """A public data set: its class names, torchvision's name for it and its folder, and where a system may keep it."""

    labels: tuple[str, ...]
    torchvision: str
    folders: tuple[str, ...]
    system: str | None = None


NAMED = {
    "cifar10": NamedSet(
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "CIFAR10",
        ("cifar10", "cifar-10", "cifar-10-batches-py"),
    ),
    "mnist": NamedSet(tuple("0123456789"), "MNIST", ("MNIST/raw", "mnist")),
    "fashion-mnist": NamedSet(
        ("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
        "FashionMNIST",
        ("FashionMNIST/raw", "fashion-mnist"),
        "/usr/share/datasets/fashion-mnist",  # Debian's package dataset-fashion-mnist
    ),
}


def find_named(name: str, data_dir: Path | None) -> tuple[dict[str, Array], str]:
    """The arrays of a named data set and the path they came from.

    Looks in `data_dir`, in the system's own folder and in the download folder for an `.npz`, IDX files or CIFAR-10's
    batches; what is nowhere is downloaded by torchvision.

    Raises:
        DataError: Nothing there and the download failed, or a file is damaged.
        MissingPackageError: A download is needed and torchvision is not installed.
    """
    entry = NAMED[name]
    roots = [data_dir] if data_dir is not None else []
    if entry.system is not None:
        roots.append(Path(entry.system))
    downloads = DOWNLOADS.expanduser()
    for root in (*roots, downloads):
        found = _look(root, name, entry)
        if found is not None:
            return found
    target = data_dir or downloads
    _download(entry, target, name)
    found = _look(target, name, entry)
    if found is None:
        raise DataError(f"torchvision downloaded {name} to {target}, but its files are not where they are expected.")
    return found


def _look(root: Path, name: str, entry: NamedSet) -> tuple[dict[str, Array], str] | None:
    places = [root, *(root / folder for folder in entry.folders)]
    for file in (place / f"{name}.npz" for place in places):
        if file.is_file():
            return read_npz(file, list_npz(file)), str(file)
    # Files called train-images-idx3-ubyte may be either data set's: right in the root only if the root is named for it.
    named = {Path(folder).name for folder in entry.folders} | {name}
    for place in places:
        if name == "cifar10":
            batches = find_cifar(place)
            if batches is not None:
                return read_cifar(batches), str(batches)
        elif place != root or place.name in named or _named_above(place, entry):
            files = find_idx(place)
            if files is not None:
                return {key: read_idx(path) for key, path in files.items()}, str(place)
    return None


def _named_above(place: Path, entry: NamedSet) -> bool:
    return any(place.as_posix().endswith("/" + folder) for folder in entry.folders)


def _download(entry: NamedSet, target: Path, name: str) -> None:
    try:
        from torchvision import datasets
    except ImportError as error:
        raise MissingPackageError("torchvision", extra="train") from error
    try:
        target.mkdir(parents=True, exist_ok=True)
        getattr(datasets, entry.torchvision)(str(target), download=True)
    except (OSError, RuntimeError) as error:
        raise DataError(
            f"{name} is not in {target} and could not be downloaded ({error}); "
            f"give --data-dir a folder that holds it as {name}.npz or in torchvision's form."
        ) from error
