"""Open `.npz` archives from outside: plain arrays alone, and every way in which one can be damaged is a `DataError`."""

from __future__ import annotations

import contextlib
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from edgecnn_runtime.errors import DataError

__all__ = ["open_npz"]

# zipfile says NotImplementedError for a compression it does not know and RuntimeError for an encrypted member.
_DAMAGED = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)


@contextlib.contextmanager
def open_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    """The archive, closed at the end; arrays are read when they are asked for.

    Raises:
        DataError: The file, or an array that is read while it is open, is damaged or pickled.
    """
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(f"{path} is no .npz archive; expected arrays such as x_test and y_test in one.")
        with archive:
            yield archive
    except DataError:
        raise
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as an .npz of plain arrays: {error}.") from error
