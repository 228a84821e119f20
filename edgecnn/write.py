"""Write a result, whole or not at all."""

import os
from collections.abc import Sequence
from pathlib import Path

from edgecnn_runtime.errors import EdgecnnError, OptionError
from edgecnn_runtime.files import replace_atomically

__all__ = ["check_ending", "write_file"]


def check_ending(path: str | os.PathLike[str], what: str, expected: Sequence[str]) -> str:
    """The ending of a file to be written, in small letters, which says what kind of file it becomes.

    Args:
        path: Where it goes.
        what: What is written, for the message.
        expected: The endings that can be written, such as `.png`.

    Raises:
        OptionError: It has another ending, or none.
    """
    suffix = Path(path).suffix.lower()
    if suffix not in expected:
        *others, last = expected
        wanted = f"{', '.join(others)} or {last}" if others else last
        raise OptionError(f"the {what} {str(path)!r} ends in {suffix or 'nothing'}; expected {wanted}.")
    return suffix


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
