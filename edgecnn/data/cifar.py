"""Read CIFAR-10 as torchvision keeps it: pickles, opened by an unpickler that builds arrays and nothing else."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Array, Pixels

__all__ = ["find_cifar", "read_cifar"]

FOLDER = "cifar-10-batches-py"
_TRAIN = tuple(f"data_batch_{number}" for number in range(1, 6))
_ALLOWED = {
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("_codecs", "encode"),
}


class _ArrayUnpickler(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def find_cifar(folder: Path) -> Path | None:
    """The folder with the pickled batches at or below `folder`, or None."""
    for candidate in (folder, folder / FOLDER):
        if (candidate / _TRAIN[0]).is_file():
            return candidate
    return None


def read_cifar(folder: Path) -> dict[str, Array]:
    """`x_train`, `y_train`, `x_test`, `y_test` of CIFAR-10 in torchvision's form; pixels `(N, 32, 32, 3)` uint8 RGB.

    Raises:
        DataError: A file is missing, damaged, or holds anything but arrays.
    """
    parts = [_read_batch(folder / name) for name in _TRAIN]
    x_test, y_test = _read_batch(folder / "test_batch")
    return {
        "x_train": np.concatenate([pixels for pixels, _ in parts]),
        "y_train": np.concatenate([labels for _, labels in parts]),
        "x_test": x_test,
        "y_test": y_test,
    }


def _read_batch(path: Path) -> tuple[Pixels, Array]:
    try:
        content = _ArrayUnpickler(io.BytesIO(path.read_bytes()), encoding="bytes").load()
        flat = content.get(b"data", content.get("data"))
        labels = np.asarray(content.get(b"labels", content.get("labels")), np.int64)
        pixels = np.ascontiguousarray(np.asarray(flat, np.uint8).reshape(-1, 3, 32, 32).transpose(0, 2, 3, 1))
    except (
        OSError,
        EOFError,
        pickle.UnpicklingError,
        ValueError,
        TypeError,
        AttributeError,
        IndexError,
        KeyError,
    ) as error:
        raise DataError(f"{path} is no batch of CIFAR-10 ({error}); fetch the data set again.") from error
    return pixels, labels
