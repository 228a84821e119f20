"""Arrays from `.npz` archives of strangers: plain ones alone, their sizes checked before anything is unpacked."""

from __future__ import annotations

import contextlib
import math
import zipfile
import zlib
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import IO

import numpy as np
from edgecnn_runtime.errors import DataError

from edgecnn.data.dataset import Array

__all__ = ["list_npz", "read_npz"]

# zipfile says NotImplementedError for a compression it does not know and RuntimeError for an encrypted member.
_DAMAGED = (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, NotImplementedError, RuntimeError)

# Photos shrink to a third and digits to a sixth: what is large and shrinks far more was made to fill the memory.
_UNSUSPICIOUS_BYTES = 1 << 30
_MAX_RATIO = 100


def list_npz(path: Path) -> tuple[str, ...]:
    """Names of the arrays in an archive.

    Raises:
        DataError: The file is missing, damaged or no archive.
    """
    with _open_npz(path) as archive:
        return tuple(archive.files)


def read_npz(path: Path, names: Collection[str]) -> dict[str, Array]:
    """The arrays of these names.

    Raises:
        DataError: One is damaged, pickled, too large, or not of the size that its header promises.
    """
    with _open_npz(path) as archive, zipfile.ZipFile(path) as members:
        for name in names:
            _check_size(members, name, path)
        return {name: archive[name] for name in names}


@contextlib.contextmanager
def _open_npz(path: Path) -> Iterator[np.lib.npyio.NpzFile]:
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise DataError(f"{path} is no .npz archive; expected arrays such as x_test and y_test in one.")
        with archive:
            yield archive
    except DataError:
        raise
    except MemoryError as error:
        raise DataError(f"{path} needs more memory than there is; give fewer pictures, or a folder.") from error
    except _DAMAGED as error:
        raise DataError(f"{path} cannot be read as an .npz of plain arrays: {error}.") from error


def _check_size(archive: zipfile.ZipFile, name: str, path: Path) -> None:
    member = archive.getinfo(f"{name}.npy")
    with archive.open(member) as file:
        promised = _promised_bytes(file)
        held = member.file_size - file.tell()
    if promised is not None and promised != held:
        raise DataError(f"{name} in {path} promises {promised} bytes and holds {held}; the file is damaged.")
    if held > _UNSUSPICIOUS_BYTES and held > _MAX_RATIO * member.compress_size:
        raise DataError(
            f"{name} in {path} would unpack from {member.compress_size} to {held} bytes, which pictures do not; "
            f"write it with numpy.savez, or give a folder."
        )


def _promised_bytes(file: IO[bytes]) -> int | None:
    """Bytes of an array by its header; None for pickles, which are refused when they are read."""
    version = np.lib.format.read_magic(file)
    header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = header(file)
    return None if dtype.hasobject else math.prod(shape) * dtype.itemsize
