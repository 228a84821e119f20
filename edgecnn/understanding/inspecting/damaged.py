"""Graphs that nobody could foresee: whatever goes wrong inside a reader of graphs becomes one sentence."""

from collections.abc import Iterator
from contextlib import contextmanager

from edgecnn_runtime.errors import EdgecnnError, ModelFileError

__all__ = ["one_sentence"]


@contextmanager
def one_sentence(what: str) -> Iterator[None]:
    """Say that a part of a graph cannot be understood, in place of the hundred ways in which reading it may fail.

    Args:
        what: The part, such as `layer conv1`.

    Raises:
        ModelFileError: Something failed inside.
    """
    try:
        yield
    except EdgecnnError:
        raise
    # A damaged graph breaks every rule of ONNX in turn: attributes of other types, missing inputs, huge sizes.
    except Exception as error:
        raise ModelFileError(
            f"{what} cannot be understood ({type(error).__name__}: {str(error)[:200]}); the file is damaged or unusual."
        ) from error
