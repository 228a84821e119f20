"""Read the IDX files of MNIST and Fashion-MNIST, plain or gzipped."""

from __future__ import annotations

import gzip
import struct
import zlib
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Pixels

__all__ = ["find_idx", "read_idx"]

_UNSIGNED_BYTE = 8
_FILES = {
    "x_train": "train-images-idx3-ubyte",
    "y_train": "train-labels-idx1-ubyte",
    "x_test": "t10k-images-idx3-ubyte",
    "y_test": "t10k-labels-idx1-ubyte",
}


def find_idx(folder: Path) -> dict[str, Path] | None:
    """The four files of a data set in a folder, or None when one is missing."""
    found = {}
    for key, stem in _FILES.items():
        dotted = stem.replace("-idx", ".idx")  # some mirrors unpack to this name
        names = [folder / name for name in (stem, stem + ".gz", dotted, dotted + ".gz")]
        existing = [path for path in names if path.is_file()]
        if not existing:
            return None
        found[key] = existing[0]
    return found


def read_idx(path: Path) -> Pixels:
    """The array in an IDX file of unsigned bytes.

    Raises:
        DataError: The file is no IDX file of unsigned bytes, is cut short, or is too long.
    """
    try:
        raw = path.read_bytes()
        data = gzip.decompress(raw) if raw[:2] == b"\x1f\x8b" else raw
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{path} cannot be read ({error}); fetch it again.") from error
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] != _UNSIGNED_BYTE or not 1 <= data[3] <= 4:
        raise DataError(f"{path} is no IDX file of unsigned bytes; expected one of MNIST's or Fashion-MNIST's files.")
    dimensions = data[3]
    start = 4 + 4 * dimensions
    if len(data) < start:
        raise DataError(f"{path} ends inside its header; fetch it again.")
    shape = struct.unpack(f">{dimensions}I", data[4:start])
    expected = start + int(np.prod(shape, dtype=np.uint64))
    if len(data) != expected:
        raise DataError(f"{path} holds {len(data)} bytes where its header promises {expected}; fetch it again.")
    return np.frombuffer(data, np.uint8, offset=start).reshape(shape)
