"""The one family of errors, each also a builtin, each saying what came, what was expected and what to do next."""

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
]


class EdgecnnError(Exception):
    """Base of every error that edgecnn raises on purpose; its text is one sentence for a person."""


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
