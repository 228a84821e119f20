"""Time a few real steps before a run: which number format is faster, how long the run takes, how much memory."""

from __future__ import annotations

import contextlib
import copy
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, get_args

import torch
from edgecnn_runtime.errors import OptionError
from torch import nn

__all__ = [
    "Precision",
    "Speed",
    "choose_speed",
    "has_native_bf16",
    "is_out_of_memory",
    "median_seconds",
    "peak_memory_bytes",
]

Precision = Literal["auto", "fp32", "bf16"]

WORTH = 1.2  # how much faster bf16 must be: far from where noise could make two runs choose differently
STEPS = 3


@dataclass(frozen=True)
class Speed:
    """How the arithmetic is done, and how long the timed steps took.

    Attributes:
        bf16: Autocast to bfloat16.
        step_seconds: Median time of a step.
        teacher_seconds: Median time a teacher takes to answer the batch of a step.
        tried: Median seconds a step by format, of all that were timed.
    """

    bf16: bool
    step_seconds: float = 0.0
    teacher_seconds: float = 0.0
    tried: dict[str, float] = field(default_factory=dict)

    def context(self, device: torch.device) -> contextlib.AbstractContextManager[object]:
        """The autocast to run a step in."""
        if not self.bf16:
            return contextlib.nullcontext()
        return torch.autocast(device.type, torch.bfloat16)


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware; emulated, it only costs time."""
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    cpu = torch.cpu
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(cpu, name)()) for name in checks if hasattr(cpu, name))


def choose_speed(
    module: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, *, precision: Precision = "auto"
) -> Speed:
    """Time steps in every format this device has in hardware and take the fastest; a copy of the network is used.

    Args:
        module: The network, on its device.
        inputs: One normalized batch `(N, C, H, W)` float32.
        labels: `(N,)` int64.
        precision: `fp32` or `bf16` to decide it, `auto` to measure.

    Raises:
        OptionError: The precision is unknown.
    """
    if precision not in get_args(Precision):
        raise OptionError(f"'{precision}' is no precision; known are {', '.join(get_args(Precision))}.")
    device = inputs.device
    formats = [precision == "bf16"]
    if precision == "auto":
        formats = [False, True] if has_native_bf16(device) else [False]
    tried = {}
    for bf16 in formats:
        tried["bf16" if bf16 else "fp32"] = _time_steps(module, inputs, labels, Speed(bf16))
    best = "bf16" if "bf16" in tried and tried["bf16"] * WORTH < tried.get("fp32", float("inf")) else next(iter(tried))
    return Speed(best == "bf16", tried[best], tried=tried)


def _time_steps(module: nn.Module, inputs: torch.Tensor, labels: torch.Tensor, speed: Speed) -> float:
    trial = copy.deepcopy(module).train()
    weights = [weight for weight in trial.parameters() if weight.requires_grad]
    optimizer = torch.optim.SGD(weights, lr=1e-6, momentum=0.9)
    state = torch.get_rng_state()

    def step() -> None:
        with speed.context(inputs.device):
            loss = nn.functional.cross_entropy(trial(inputs).float(), labels)
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
        loss.item()  # waits for a GPU to finish

    try:
        return median_seconds(step)
    finally:
        torch.set_rng_state(state)


def median_seconds(step: Callable[[], object]) -> float:
    """Median time of a few steps, after one that sets things up; a step must wait for its device."""
    times = []
    for _ in range(STEPS + 1):
        began = time.perf_counter()
        step()
        times.append(time.perf_counter() - began)
    return statistics.median(times[1:])


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
