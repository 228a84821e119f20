"""Files that are whole or not there: written to a temporary name beside the target, then renamed."""

import contextlib
import errno
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_path", "replace_atomically"]


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it is renamed to `path`, on any error it is removed.

    The old file, if there is one, stays whole until the rename, so a full disk, an error or a kill
    never leaves half a file under the name that others read.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        # A rename over /dev/null, a pipe or a folder would take away what others rely on.
        raise FileExistsError(errno.EEXIST, "is no regular file", str(target))
    handle, name = tempfile.mkstemp(prefix=f".{target.stem[:80]}-", suffix=target.suffix + ".tmp", dir=target.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        # mkstemp makes private files; a finished file gets the permissions any new file would get.
        temporary.chmod(0o666 & ~_umask())
        with temporary.open("rb+") as file:
            os.fsync(file.fileno())
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)


def replace_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write `data` to `path` so that readers see either the old file or the whole new one."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(data)


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
