"""Where the bytes of a model file come from: a path, memory, or the model in the wheel."""

import os
import pkgutil
from pathlib import Path

from edgecnn_runtime.errors import ModelFileError

__all__ = ["default_model_path", "read_default_model", "read_model_bytes"]

_MAX_FILE_BYTES = (2 << 30) - 1  # protobuf's own limit
_DEFAULT = "models/default.onnx"


def default_model_path() -> Path:
    """The model that comes with the wheel: EfficientNet-Lite0, 1000 ImageNet classes, int8.

    There is no such file where the package is imported out of a zip archive; `read_default_model` works there, too.
    """
    return Path(__file__).parent / _DEFAULT


def read_default_model() -> bytes:
    """The bytes of the model that comes with the wheel.

    Raises:
        ModelFileError: The package was installed or packed without its data files.
    """
    try:
        # importlib.resources does the same, but takes 20 ms to load.
        data = pkgutil.get_data("edgecnn_runtime", _DEFAULT)
    except OSError as error:
        raise ModelFileError(
            f"the built-in model cannot be read: {error.strerror or error}; a program that was packed must hold the "
            "data files of edgecnn_runtime, models/default.onnx among them."
        ) from error
    if data is None:
        raise ModelFileError("the built-in model cannot be read: the package was imported by a loader without files.")
    return data


def read_model_bytes(source: str | os.PathLike[str] | bytes) -> tuple[bytes, str]:
    """The bytes of a model file, and what to call it in a message.

    Raises:
        ModelFileError: Missing, unreadable, empty, or larger than ONNX allows.
    """
    if isinstance(source, (bytes, bytearray, memoryview)):
        return bytes(source), "<bytes>"
    path = Path(source)
    if "\0" in str(path):
        raise ModelFileError(f"the path {str(path)!r} holds a zero byte; expected the name of an .onnx model file.")
    try:
        size = path.stat().st_size
        if path.is_dir():
            raise ModelFileError(f"{path} is a folder; expected an .onnx model file.")
        if size > _MAX_FILE_BYTES:
            raise ModelFileError(f"{path} is {size} bytes; expected at most {_MAX_FILE_BYTES}, ONNX's own limit.")
        data = path.read_bytes()
    except OSError as error:
        raise ModelFileError(f"{path} cannot be read: {error.strerror}; expected an .onnx model file.") from error
    if not data:
        raise ModelFileError(f"{path} is empty; expected an .onnx model file.")
    return data, str(path)
