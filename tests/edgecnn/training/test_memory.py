import platform

import pytest
import torch

from edgecnn.training.memory import freed_memory_kept

MEGABYTES = 64


def new_pages() -> int:
    """Pages the system has given this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def fill_and_free(times: int) -> int:
    before = new_pages()
    for _ in range(times):
        torch.ones(MEGABYTES * 2**18)
    return new_pages() - before


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this setting")
def test_memory_is_used_again_while_it_lasts_and_given_back_afterwards():
    pages = MEGABYTES * 256  # of 4 KiB; larger pages only make it fewer on both sides
    with freed_memory_kept():
        fill_and_free(3)  # until it has as much as it needs
        kept = fill_and_free(5)
    assert kept < pages / 10
    assert fill_and_free(5) > 10 * kept
