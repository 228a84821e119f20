"""What training takes of the machine: threads, memory, and how to know that memory has run out."""

from __future__ import annotations

import ctypes
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import torch

__all__ = ["freed_memory_kept", "intra_op_threads", "is_out_of_memory", "peak_memory_bytes"]

# From glibc's <malloc.h>. Setting any of them ends glibc's own rule, which raises both thresholds as large blocks are
# freed; what is set at the end is where that rule stops (mallopt(3)), since it cannot be turned on again.
_TRIM_THRESHOLD, _TRIM_USUAL = -1, 64 * 2**20
_MMAP_THRESHOLD, _MMAP_USUAL = -3, 32 * 2**20
_MMAP_MAX, _MMAP_MAX_USUAL = -4, 65_536
_NEVER = 2**31 - 1


@contextmanager
def intra_op_threads(count: int) -> Iterator[None]:
    """While it lasts, an operation on a CPU is shared by `count` threads."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


@contextmanager
def freed_memory_kept() -> Iterator[None]:
    """While it lasts, freed memory stays with the process; at the end it goes back to the system.

    A training step takes and frees the same gigabyte of tensors again and again. glibc gets every large block anew from
    the system, which has to fill each of its pages with zeros first: a third of the time of a step on two cores (see
    the figures in `benchmarks/results/train.md`). Does nothing where the C library is not glibc.
    """
    if not (sys.platform.startswith("linux") and platform.libc_ver()[0] == "glibc"):
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


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ran out: torch uses a plain RuntimeError on CPUs."""
    if isinstance(error, MemoryError | torch.OutOfMemoryError):
        return True
    text = str(error)
    return isinstance(error, RuntimeError) and ("can't allocate memory" in text or "not enough memory" in text)


def peak_memory_bytes(device: torch.device) -> int:
    """The most memory this process has held so far, in bytes."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    try:
        import resource
    except ImportError:  # Windows has no such module
        return 0
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024
