"""A network ready for export: the module and everything that its right answer depends on."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import Preprocess

__all__ = ["Network"]


@dataclass(frozen=True)
class Network:
    """A classifier in PyTorch with what surrounds it.

    Attributes:
        module: takes `(N, channels, height, width)` float32, normalized RGB (or gray, where `channels` is 1), gives
            `(N, classes)` logits; in evaluation mode.
        name: short name that goes into the model file.
        labels: class names in the order of the logits.
        preprocess: from an upright RGB picture to pixels.
        mean: mean of the training pictures a channel, in units of 0 to 1; three values, also for gray.
        std: standard deviation, likewise, above 0.
        license: of the weights, as an SPDX expression or a sentence.
        source: where the weights came from: `weights`, `package`, `version`, …; plain JSON values.
        channels: 3 for RGB, 1 for networks on gray pictures (the graph then averages by luma, as Pillow's "L" does).
    """

    module: torch.nn.Module
    name: str
    labels: tuple[str, ...]
    preprocess: Preprocess
    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)
    license: str = "unknown"
    source: Mapping[str, Any] = field(default_factory=dict)
    channels: int = 3

    def __post_init__(self) -> None:
        Normalization(self.mean, self.std)
        if self.channels not in (1, 3):
            raise OptionError(f"channels is {self.channels}; expected 3 (RGB) or 1 (gray).")
        if not self.labels:
            raise OptionError("the network has no labels; expected one name a class.")
        self.module.eval()
