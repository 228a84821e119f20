import platform

import pytest
import torch
from torch import nn

from edgecnn.training.resources import freed_memory_kept
from edgecnn.zoo.small import create


def new_pages() -> int:
    """Pages the system has given this process so far."""
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt


def pages_of_a_step(module: nn.Module, pictures: torch.Tensor) -> int:
    """Fewest new pages that one of some training steps needed."""
    counts = []
    for _ in range(6):
        before = new_pages()
        module(pictures).square().sum().backward()
        counts.append(new_pages() - before)
    return min(counts)


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc has this setting")
def test_a_training_step_uses_memory_again_while_it_lasts():
    module = create("edge_cnn_nano", 10, 32).to(memory_format=torch.channels_last).train()
    pictures = torch.randn(600, 3, 32, 32).to(memory_format=torch.channels_last)
    with freed_memory_kept():
        kept = pages_of_a_step(module, pictures)
    fresh = pages_of_a_step(module, pictures)
    assert kept < fresh / 10  # none against some 27,000 of 4 KB
