"""A network that starts at pixels: uint8 `(N, H, W, 3)` RGB in, logits out."""

import torch
from edgecnn_runtime.preprocess import LUMA
from torch import Tensor, nn

from edgecnn_export.network import Network

__all__ = ["PixelModule"]


class PixelModule(nn.Module):
    """The network with its normalization inside.

    The input stays exact: `(pixel - 255 mean) / (255 std)` is one subtraction and one multiplication a channel.

    Args:
        network: what to wrap.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module = network.module
        self.channels = network.channels
        mean = torch.tensor(network.mean, dtype=torch.float64)
        std = torch.tensor(network.std, dtype=torch.float64)
        self.register_buffer("scale", (1 / (255 * std)).float().view(1, 3, 1, 1))
        self.register_buffer("offset", (-mean / std).float().view(1, 3, 1, 1))
        self.register_buffer("luma", torch.tensor(LUMA).view(1, 3, 1, 1))

    def normalize(self, pixels: Tensor) -> Tensor:
        """`(N, H, W, 3)` uint8 to the float input of the wrapped module."""
        channels_first = pixels.permute(0, 3, 1, 2).to(torch.float32)
        if self.channels == 1:
            gray = (channels_first * self.get_buffer("luma")).sum(dim=1, keepdim=True)
            return gray * self.get_buffer("scale")[:, :1] + self.get_buffer("offset")[:, :1]
        return channels_first * self.get_buffer("scale") + self.get_buffer("offset")

    def forward(self, pixels: Tensor) -> Tensor:
        """`(N, H, W, 3)` uint8 to `(N, classes)` float32 logits."""
        output = self.module(self.normalize(pixels))
        logits: Tensor = output.logits if hasattr(output, "logits") else output
        return logits
