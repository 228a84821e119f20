"""Files that are whole or not there: written to a temporary name beside the target, then renamed."""

import contextlib
import errno
import glob
import os
import platform
import re
import tempfile
import time
import zlib
from collections.abc import Iterator
from pathlib import Path

__all__ = ["atomic_path", "replace_atomically"]

_FORGOTTEN_S = 3600.0  # since a temporary file was last written to


@contextlib.contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary path beside `path`; on success it is renamed to `path`, on any error it is removed.

    The old file, if there is one, stays whole until the rename, so a full disk, an error or a kill
    never leaves half a file under the name that others read. What an earlier kill has left beside it is removed.
    """
    target = Path(path)
    if target.exists() and not target.is_file():
        # A rename over /dev/null, a pipe or a folder would take away what others rely on.
        raise FileExistsError(errno.EEXIST, "is no regular file", str(target))
    start, end = f".{target.stem[:80]}-", f"{target.suffix}.tmp"
    _sweep(target.parent, start, end)
    handle, name = tempfile.mkstemp(prefix=f"{start}{os.getpid()}-{_machine()}-", suffix=end, dir=target.parent)
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


def _sweep(folder: Path, start: str, end: str) -> None:
    """Remove temporary files of writers that are gone; one that is still written is left alone."""
    for path in folder.glob(f"{glob.escape(start)}*{glob.escape(end)}"):
        writer = re.fullmatch(rf"([0-9]+)-{_machine()}-.*", path.name[len(start) : -len(end)])
        with contextlib.suppress(OSError):
            if (writer and not _is_alive(int(writer[1]))) or time.time() - path.stat().st_mtime > _FORGOTTEN_S:
                path.unlink()


def _is_alive(process: int) -> bool:
    if os.name == "nt":
        return True  # where the only way to ask without a further package would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        pass
    return True


def _machine() -> str:
    """Processes are numbered by each machine, and a folder may be shared by several."""
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
