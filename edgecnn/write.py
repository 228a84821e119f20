"""Write a result, whole or not at all."""

import os
from pathlib import Path

from edgecnn_runtime.errors import EdgecnnError
from edgecnn_runtime.files import replace_atomically

__all__ = ["write_file"]


def write_file(path: str | os.PathLike[str], content: bytes | str) -> Path:
    """Put a file where it was asked for.

    Args:
        path: Where; an existing file is replaced.
        content: The file's bytes, or text to be written as UTF-8.

    Raises:
        EdgecnnError: The folder does not exist or cannot be written to.
    """
    target = Path(path)
    try:
        replace_atomically(target, content.encode() if isinstance(content, str) else content)
    except OSError as error:
        reason = error.strerror or str(error)
        raise EdgecnnError(
            f"{str(target)!r} cannot be written: {reason}; give a path in an existing folder."
        ) from error
    return target
