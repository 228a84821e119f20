"""What a picture comes from: a path, bytes, an open file or a pipe, made into something to seek in."""

import io
import os
import selectors
import stat
from pathlib import Path
from typing import Any, BinaryIO

from edgecnn_runtime.errors import ImageError, quoted

__all__ = ["PictureFile", "seekable", "source_name"]

PictureFile = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO

_MAX_PIPE_BYTES = 512 << 20
_WRITER_WAIT_S = 10.0


def seekable(source: PictureFile) -> Path | BinaryIO:
    """A path or file in which one can seek; what cannot is read into memory, 512 MB at most.

    Args:
        source: A path (of a file or a named pipe), the bytes of a file, or an open binary file. A named pipe that
            nobody opens for writing is given up after 10 seconds.

    Raises:
        ImageError: The source is missing, unreadable, empty, too large for memory or of a wrong type.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        if not len(source):
            raise ImageError("got 0 bytes; expected the content of a picture file.")
        return io.BytesIO(source)
    if isinstance(source, (str, os.PathLike)):
        return _checked_path(Path(source))
    if hasattr(source, "read"):
        can_seek = getattr(source, "seekable", None)
        return source if can_seek is not None and can_seek() else _in_memory(source, source_name(source))
    raise ImageError(
        f"got {type(source).__name__}; expected a path, bytes, an open file, a Pillow picture or an (H, W, 3) uint8 "
        "RGB array."
    )


def source_name(source: object) -> str:
    """A short name of a picture source for messages and results."""
    if isinstance(source, (str, os.PathLike)):
        return os.fspath(source)
    if isinstance(source, (bytes, bytearray, memoryview)):
        return f"<{len(source)} bytes>"
    # An open file's name is a number where it was opened by its descriptor.
    name = getattr(source, "name", None) or getattr(source, "filename", None)
    return str(name) if name else f"<{type(source).__name__}>"


def _checked_path(path: Path) -> Path | BinaryIO:
    try:
        status = path.stat()
        if stat.S_ISDIR(status.st_mode):
            raise ImageError(f"{quoted(path)} is a folder; expected a picture file.")
        if stat.S_ISREG(status.st_mode) and not status.st_size:
            raise ImageError(f"{quoted(path)} is empty; expected a picture file.")
        if stat.S_ISFIFO(status.st_mode):
            return _read_named_pipe(path)
        with path.open("rb"):
            return path
    except ImageError:
        raise
    # ValueError: a NUL in the name.
    except (OSError, ValueError) as error:
        raise ImageError(f"{quoted(path)} cannot be read: {getattr(error, 'strerror', None) or error}.") from error


def _read_named_pipe(path: Path) -> BinaryIO:
    """Everything that comes through a named pipe or `<(command)`, whose writer may come late or take its time."""
    # Opened in the usual way it would wait for a writer without end.
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    with os.fdopen(descriptor, "rb", buffering=0) as pipe, selectors.DefaultSelector() as selector:
        selector.register(pipe, selectors.EVENT_READ)
        first = None
        while first is None and not selector.select(_WRITER_WAIT_S):
            # None while somebody holds the other end and says nothing, the end of the file where nobody does.
            first = pipe.read(1)
        if first == b"":
            raise ImageError(
                f"{quoted(path)} is a pipe into which nobody writes; expected a picture within {_WRITER_WAIT_S:.0f} s."
            )
        os.set_blocking(pipe.fileno(), True)
        return _in_memory(pipe, str(path), first or b"")


def _in_memory(stream: Any, name: str, first: bytes = b"") -> BinaryIO:
    content = io.BytesIO()
    content.write(first)
    while part := stream.read(1 << 20):
        if not isinstance(part, bytes):
            raise ImageError(f"{quoted(name)} gives {type(part).__name__}; expected a file that is open in mode 'rb'.")
        content.write(part)
        if content.tell() > _MAX_PIPE_BYTES:
            raise ImageError(f"{quoted(name)} gives more than {_MAX_PIPE_BYTES >> 20} MB; expected one picture.")
    if not content.tell():
        raise ImageError(f"{quoted(name)} is empty; expected the content of a picture file.")
    content.seek(0)
    return content
