"""What a dream maximizes: the mean activation of one channel of a layer, or the logit of a class."""

from collections.abc import Sequence
from typing import Any

import torch
from edgecnn_export.network import Network, PixelModule
from edgecnn_runtime import OptionError
from torch import Tensor, nn

from edgecnn.names import unknown_name

__all__ = ["Objective", "layer_names"]


class _Reached(Exception):  # noqa: N818 - not an error: the layer was reached, the rest need not run
    pass


def layer_names(network: Network) -> list[str]:
    """Modules that can be looked at: those without children, in the order in which they were made."""
    return [name for name, module in network.module.named_modules() if name and not list(module.children())]


class Objective:
    """Mean activation of one channel a picture.

    Args:
        network: With its torch module.
        layer: Name of a module, see `layer_names`; None means the classes.
        channels: One for each picture of a batch.

    Raises:
        OptionError: No such layer, or no channel.
    """

    def __init__(self, network: Network, layer: str | None, channels: Sequence[int]) -> None:
        if not channels:
            raise OptionError("no channel is given; expected at least one.")
        self.network, self.layer, self.channels = network, layer, list(channels)
        self.module = network.module.eval().requires_grad_(False)
        self.normalize = PixelModule(network).normalize
        if layer is not None and layer not in dict(self.module.named_modules()):
            raise unknown_name("layer", layer, layer_names(network))

    def __call__(self, pictures: Tensor) -> Tensor:
        """`(N,)` activations of `(N, 3, H, W)` float32 RGB pictures from 0 to 1.

        Raises:
            OptionError: The layer gives no maps or lacks a channel; or the network does not take pictures of this size.
        """
        values = self._run(pictures)
        picked = values[torch.arange(len(self.channels)), torch.tensor(self.channels)]
        return picked.flatten(1).mean(dim=1) if picked.ndim > 1 else picked

    def _run(self, pictures: Tensor) -> Tensor:
        kept: list[Any] = []

        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            kept.append(output)
            raise _Reached

        handle = self.module.get_submodule(self.layer or "").register_forward_hook(keep)
        try:
            self.module(self.normalize(255 * pictures))
        except _Reached:
            pass
        except RuntimeError as error:
            size = min(self.network.preprocess.height, self.network.preprocess.width)
            raise OptionError(
                f"the network does not take pictures of {pictures.shape[2]}×{pictures.shape[3]}; give --size {size}."
            ) from error
        finally:
            handle.remove()
        if not kept or not isinstance(kept[0], Tensor):
            raise OptionError(f"the layer {self.layer!r} is not used for an answer; take another one.")
        values = kept[0]
        if values.ndim not in (2, 4):
            raise OptionError(
                f"the layer {self.layer!r} gives shape {tuple(values.shape)}; expected maps (N, channels, h, w)."
            )
        for channel in self.channels:
            if not 0 <= channel < values.shape[1]:
                kind = "class" if self.layer is None else "channel"
                raise OptionError(f"{kind} {channel} does not exist; there are {values.shape[1]}, from 0.")
        return values
