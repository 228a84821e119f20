"""Keep the memory that a training step frees for the next step, instead of giving it back to the system.

A step takes and frees the same gigabyte of tensors again and again. glibc gets every large block anew from the system,
which has to fill each of its pages with zeros first: a third of the time of a step on two cores (see the figures in
`benchmarks/results/train.md`).
"""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = ["freed_memory_kept"]

# From glibc's <malloc.h>. Setting any of them ends glibc's own rule, which raises both thresholds as large blocks are
# freed; what is set at the end is where that rule stops (mallopt(3)), since it cannot be turned on again.
_TRIM_THRESHOLD, _TRIM_USUAL = -1, 64 * 2**20
_MMAP_THRESHOLD, _MMAP_USUAL = -3, 32 * 2**20
_MMAP_MAX, _MMAP_MAX_USUAL = -4, 65_536
_NEVER = 2**31 - 1


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """While it lasts, freed memory stays with the process; at the end it goes back to the system.

    Does nothing where the C library is not glibc.
    """
    if not _has_glibc():
        yield
        return
    libc = ctypes.CDLL(None)
    libc.mallopt(_MMAP_MAX, 0)
    libc.mallopt(_TRIM_THRESHOLD, _NEVER)
    try:
        yield
    finally:
        libc.mallopt(_MMAP_MAX, _MMAP_MAX_USUAL)
        libc.mallopt(_MMAP_THRESHOLD, _MMAP_USUAL)
        libc.mallopt(_TRIM_THRESHOLD, _TRIM_USUAL)
        libc.malloc_trim(0)


def _has_glibc() -> bool:
    return sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"
