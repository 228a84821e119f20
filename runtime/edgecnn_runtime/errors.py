"""The one family of errors, each also a builtin, each saying what came, what was expected and what to do next."""

import unicodedata
from functools import partial
from typing import Any

__all__ = [
    "DataError",
    "DeviceError",
    "EdgecnnError",
    "ImageError",
    "MissingPackageError",
    "ModelFileError",
    "OptionError",
    "SourceError",
    "UnknownDeviceError",
    "quoted",
]

_LONGEST_SENTENCE = 600
# Control (Cc), invisible and bidirectional (Cf), half a pair (Cs), line and paragraph separators (Zl, Zp).
_UNFIT = frozenset(("Cc", "Cf", "Cs", "Zl", "Zp"))
_JOINERS = "\u200c\u200d"  # Persian and emoji are written with them


def quoted(text: object, length: int = 200) -> str:
    r"""Make text from outside fit for a message on one line: a path, a label, a format, another library's words.

    Args:
        text: Anything; its `str` counts.
        length: Most characters that come back. Longer text loses its middle, as paths and sentences end in what
            matters most.

    Returns:
        Text without control, bidirectional and line-breaking characters, which become `\x1b`, `\u202e` and the like.
    """
    # Escaping makes text longer, never shorter, so nothing beyond these characters could be shown.
    whole = str(text)
    if len(whole) > length:
        half = (length - 1) // 2
        whole = f"{whole[: length - 1 - half]}…{whole[-half:]}"
    escaped = "".join(_fit(character) for character in whole)
    return escaped if len(escaped) <= length else quoted(escaped, length)


def _fit(character: str) -> str:
    unfit = unicodedata.category(character) in _UNFIT and character not in _JOINERS
    return character.encode("unicode_escape").decode() if unfit else character


class EdgecnnError(Exception):
    """Base of every error that edgecnn raises on purpose; its text is one sentence for a person.

    Args:
        message: The sentence. Control characters in it are escaped, and its middle is cut where it is over 600
            characters long: a file's words must neither steer a terminal nor fill it.
    """

    def __init__(self, message: object = "") -> None:
        super().__init__(quoted(message, _LONGEST_SENTENCE))


class ImageError(EdgecnnError, ValueError):
    """A picture could not be read, or an array is not `(H, W, 3)` uint8 RGB."""


class ModelFileError(EdgecnnError, ValueError):
    """A model file is damaged, foreign, unsafe or misses something the answer depends on."""


class DeviceError(EdgecnnError, RuntimeError):
    """The device that was asked for cannot run here."""


class OptionError(EdgecnnError, ValueError):
    """An argument or a command-line option has a value that cannot work."""


class UnknownDeviceError(DeviceError, OptionError):
    """No device is called so."""


class DataError(EdgecnnError, ValueError):
    """A data set is missing, empty or does not fit what is asked of it."""


class SourceError(EdgecnnError, OSError):
    """A live source (camera, stream, file) could not be opened or went away for good."""


class MissingPackageError(EdgecnnError, ImportError):
    """A package that comes with an extra is not installed; the message is the line to type."""

    def __init__(self, package: str, *, extra: str, distribution: str = "edgecnn") -> None:
        super().__init__(f'{package} is not installed; type: pip install "{distribution}[{extra}]"')
        self.package = package
        self.extra = extra
        self.distribution = distribution

    def __reduce__(self) -> tuple[Any, ...]:
        """Exceptions are pickled by their text, which is not what this one is made from."""
        return partial(type(self), extra=self.extra, distribution=self.distribution), (self.package,)
