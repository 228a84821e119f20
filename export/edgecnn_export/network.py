"""A network ready for export: the module, everything that its right answer depends on, and the same from pixels on."""

import contextlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import LUMA, Pixels, Preprocess
from torch import Tensor, nn

__all__ = ["Network", "PixelModule"]


@dataclass(frozen=True)
class Network:
    """A classifier in PyTorch with what surrounds it.

    Attributes:
        module: Takes `(N, channels, height, width)` float32, normalized RGB (or gray, where `channels` is 1), gives
            `(N, classes)` logits; in evaluation mode.
        name: Short name that goes into the model file.
        labels: Class names in the order of the logits.
        preprocess: From an upright RGB picture to pixels.
        mean: Mean of the training pictures a channel, in units of 0 to 1; three values, also for gray.
        std: Standard deviation, likewise, above 0.
        license: Of the weights, as an SPDX expression or a sentence.
        source: Where the weights came from: `weights`, `package`, `version`, …; plain JSON values.
        channels: 3 for RGB, 1 for networks on gray pictures (the graph then averages by luma, as Pillow's "L" does).
    """

    module: nn.Module
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
        with contextlib.suppress(NotImplementedError):  # an exported program's module has one mode only
            self.module.eval()

    @property
    def normalization(self) -> Normalization:
        """What stands between pixels and the module: three channels, or one for gray."""
        return Normalization(self.mean[: self.channels], self.std[: self.channels])

    def logits(self, pixels: Pixels) -> npt.NDArray[np.float32]:
        """Answers of the module itself, after the textbook normalization: what an exported file must reproduce.

        Args:
            pixels: `(N, height, width, 3)` uint8 RGB.

        Returns:
            `(N, classes)` float32.
        """
        normalized = torch.from_numpy(self.normalization.apply(np.asarray(pixels), channels_last=False))
        with torch.inference_mode():
            return np.asarray(_logits(self.module(normalized)).float().numpy(), np.float32)


class PixelModule(nn.Module):
    """A network that starts at pixels: uint8 `(N, H, W, 3)` RGB in, logits out.

    The input stays exact: `(pixel - 255 mean) / (255 std)` is one multiplication and one addition a channel.

    Args:
        network: What to wrap.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module = network.module
        self.channels = network.channels
        normalization = network.normalization
        self.register_buffer("scale", torch.from_numpy(normalization.scale.copy()).view(1, -1, 1, 1))
        self.register_buffer("offset", torch.from_numpy(normalization.offset.copy()).view(1, -1, 1, 1))
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))

    def forward(self, pixels: Tensor) -> Tensor:
        """`(N, H, W, 3)` uint8 to `(N, classes)` float32 logits."""
        return _logits(self.module(self.normalize(pixels.permute(0, 3, 1, 2).to(torch.float32))))

    def normalize(self, planes: Tensor) -> Tensor:
        """`(N, 3, H, W)` float32 RGB from 0 to 255 to what the wrapped module takes."""
        if self.channels == 1:
            planes = (planes * self.get_buffer("luma")).sum(dim=1, keepdim=True)
        return planes * self.get_buffer("scale") + self.get_buffer("offset")


def _logits(output: Any) -> Tensor:
    """The logits of what a module gives: a tensor, or an object that holds them, as some libraries do."""
    logits: Tensor = output.logits if hasattr(output, "logits") else output
    return logits
