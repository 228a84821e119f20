"""Text from outside on its way to a terminal, which it must neither steer nor fill with lines of its own."""

import json
import re
import sys

from edgecnn_runtime.errors import quoted

__all__ = ["escaped", "escaped_json", "shown"]

_BYTES = re.compile("([\udc80-\udcff]+)")  # of file names that are no UTF-8: no terminal takes them for orders
_OWN = re.compile("(\x1b\\[[0-9;]*m|[\n\udc80-\udcff]+)")  # line breaks and colors, which commands write themselves


def shown(text: object) -> str:
    r"""Text from outside, such as a label or a file's name, for one line of a terminal.

    Control, bidirectional and line-breaking characters become `\x1b`, `\u202e` and the like.
    """
    return _escaped(str(text), keep=_BYTES)


def escaped(text: str) -> str:
    """Lines that a command wrote, in which something from outside may have been forgotten."""
    return _escaped(text, keep=_OWN)


def escaped_json(text: str) -> str:
    """The same JSON document on one line, in which escapes stand for what a terminal could take for orders."""
    if text.isprintable():
        return text
    parts = _BYTES.split(text)
    return "".join(part if index % 2 or part.isprintable() else _in_ascii(part) for index, part in enumerate(parts))


def _in_ascii(text: str) -> str:
    return "".join(letter if letter.isprintable() else json.dumps(letter)[1:-1] for letter in text)


def _escaped(text: str, *, keep: re.Pattern[str]) -> str:
    if text.isprintable():
        return text
    parts = keep.split(text)  # kept ones stand between the others
    return "".join(part if index % 2 else quoted(part, sys.maxsize) for index, part in enumerate(parts))
