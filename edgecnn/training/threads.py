"""How many threads torch uses for one operation, for a while."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["threads_an_operation"]


@contextmanager
def threads_an_operation(count: int) -> Iterator[None]:
    """While it lasts, an operation on a CPU is shared by `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)
