"""The number format of a run, chosen by rule: equal commands on equal hardware give equal weights."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from typing import Literal, get_args

import torch
from edgecnn_runtime.errors import OptionError
from torch import nn

__all__ = ["NumberFormat", "Precision", "choose_format", "has_native_bf16"]

Precision = Literal["auto", "fp32", "bf16"]


@dataclass(frozen=True)
class NumberFormat:
    """The format that matrix products and convolutions are computed in; weights are always kept in fp32.

    Attributes:
        name: `fp32` or `bf16`.
        reason: Why this one, for the plan and `run.json`.
    """

    name: Literal["fp32", "bf16"]
    reason: str

    def autocast(self, device: torch.device) -> contextlib.AbstractContextManager[object]:
        """The context to compute a loss in."""
        if self.name == "fp32":
            return contextlib.nullcontext()
        return torch.autocast(device.type, torch.bfloat16)


def choose_format(module: nn.Module, device: torch.device, precision: Precision = "auto") -> NumberFormat:
    """The number format by rule: bf16 where the hardware multiplies it, except for grouped convolutions on a CPU.

    On CPUs with AVX512-BF16 a step of plain convolutions took 0.5 to 0.65 of the time in bf16, a step of
    EfficientNet-Lite0, most of whose convolutions are grouped, 1.2 times (`docs/training.md`).

    Args:
        module: The network.
        device: Where it is trained.
        precision: `fp32` or `bf16` to decide it, `auto` for the rule.

    Raises:
        OptionError: The precision is unknown.
    """
    if precision not in get_args(Precision):
        raise OptionError(f"'{precision}' is no precision; known are {', '.join(get_args(Precision))}.")
    if precision != "auto":
        return NumberFormat(precision, "as asked for")
    if not has_native_bf16(device):
        return NumberFormat("fp32", "bf16 is not in the hardware")
    if device.type == "cpu" and any(isinstance(part, nn.Conv2d) and part.groups > 1 for part in module.modules()):
        return NumberFormat("fp32", "grouped convolutions are slower in bf16 on a CPU")
    return NumberFormat("bf16", "bf16 is in the hardware")


def has_native_bf16(device: torch.device) -> bool:
    """Whether the device multiplies bfloat16 in hardware, and nothing forbids it; emulated, it only costs time.

    On CPUs `ATEN_CPU_CAPABILITY` and `ONEDNN_MAX_CPU_ISA` forbid it when they name something older.
    """
    if device.type == "cuda":
        return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    limit = os.environ.get("ONEDNN_MAX_CPU_ISA", "DEFAULT").upper()
    allowed = limit in ("", "DEFAULT", "ALL") or any(word in limit for word in ("BF16", "FP16", "AMX", "AVX10"))
    if not allowed or not torch.backends.cpu.get_cpu_capability().startswith(("AVX512", "AMX")):
        return False
    checks = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")  # torch has no public name for them
    return any(bool(getattr(torch.cpu, name)()) for name in checks if hasattr(torch.cpu, name))
