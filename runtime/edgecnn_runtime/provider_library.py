"""Get CUDA's libraries ready for ONNX Runtime, and name the one that is missing."""

import contextlib
import ctypes
import io
import sys
from collections.abc import Iterator
from pathlib import Path

from edgecnn_runtime.devices import import_onnxruntime

__all__ = ["missing_library", "quiet", "start_cuda"]


def start_cuda() -> None:
    """Load CUDA and cuDNN from NVIDIA's wheels where they are installed; the system's are searched without this."""
    onnxruntime = import_onnxruntime()
    if not hasattr(onnxruntime, "preload_dlls"):
        return
    # It prints what it does not find to standard output, where a program's results may go.
    with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(Exception):
        onnxruntime.preload_dlls()


def missing_library(provider: str) -> str:
    """Why the library behind a provider cannot be loaded, in the loader's words; empty where it can, or is built in."""
    stem = "onnxruntime_providers_" + provider.removesuffix("ExecutionProvider").lower()
    name = f"{stem}.dll" if sys.platform == "win32" else f"lib{stem}.so"
    library = Path(import_onnxruntime().__file__).parent / "capi" / name
    if not library.is_file():
        return ""
    try:
        ctypes.CDLL(str(library))
    except OSError as error:
        return str(error)
    return ""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """Keep ONNX Runtime from logging a provider's failure to standard error; the caller tells it in a sentence."""
    onnxruntime = import_onnxruntime()
    onnxruntime.set_default_logger_severity(4)  # fatal
    try:
        yield
    finally:
        onnxruntime.set_default_logger_severity(2)  # warning, as it starts with
