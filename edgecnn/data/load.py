"""From what a person types (a name, a folder, an `.npz`) to a `DataSet`."""

from __future__ import annotations

from pathlib import Path

from edgecnn_runtime.errors import DataError
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.data.arrays import from_arrays, read_npz
from edgecnn.data.dataset import DataSet
from edgecnn.data.folder import from_folder
from edgecnn.data.named import NAMED, find_named

__all__ = ["load_data"]

FOLDER_SIZE = 64  # side in pixels for pictures from a folder when neither a size nor a network says otherwise


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
    """Load a data set by name, from a folder of class folders, or from an `.npz`.

    Args:
        source: `cifar10`, `mnist`, `fashion-mnist`, a folder, or a path that ends in `.npz`.
        data_dir: Where local copies of named sets are.
        preprocess: What a reused network asks for; wins over `size`.
        size: Side in pixels pictures are brought to; their own for arrays and 64 for folders when None.
        test_share: Share of each class kept for the test where there is no test split.
        seed: Seed of such a split.
        workers: Threads that decode pictures.

    Raises:
        DataError: Unknown name, nothing there, or data that cannot be trained on; the message says which.
    """
    wanted = preprocess
    if wanted is None and size is not None:
        wanted = Preprocess(height=size, width=size)
    if source in NAMED:
        arrays, path = find_named(source, data_dir)
        return from_arrays(arrays, name=source, source=path, labels=NAMED[source].labels, preprocess=wanted)
    place = Path(source).expanduser()
    if place.is_dir():
        wanted = wanted or Preprocess(height=FOLDER_SIZE, width=FOLDER_SIZE)
        return from_folder(place, preprocess=wanted, test_share=test_share, seed=seed, workers=workers)
    if place.is_file() and place.suffix.lower() == ".npz":
        return from_arrays(
            read_npz(place), name=place.stem, source=str(place), preprocess=wanted, test_share=test_share, seed=seed
        )
    what = "is neither a folder nor an .npz file" if place.exists() else "does not exist"
    raise DataError(f"'{source}' {what}; expected {', '.join(NAMED)}, a folder of class folders, or an .npz file.")
