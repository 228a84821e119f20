"""Feature visualization: paint the picture that a channel or a class answers to most.

Source: Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import MissingPackageError, OptionError

from edgecnn.names import unknown_name

try:
    import torch
    from torch import Tensor, nn
except ImportError as error:
    raise MissingPackageError("torch", extra="train") from error

from edgecnn.understanding.dreaming.fourier_image import FourierImage, shaken

if TYPE_CHECKING:
    from edgecnn_export.network import Network

__all__ = ["Dream", "activations", "dream", "layer_names"]

_LOGITS = "logits"
_LEARNING_RATE = 0.06
_SILENT_AFTER = 24  # steps without any gradient after which a channel is given up


@dataclass(frozen=True, eq=False)
class Dream:
    """The picture painted for one channel or class.

    Attributes:
        layer: name of the module; `logits` for a class.
        channel: its channel; the class's index.
        label: what to call it.
        picture: `(size, size, 3)` uint8 RGB.
        activation: mean answer of the channel to it; the logit of a class.
        silent: the channel answered to nothing that was tried: it is dead, or needs a start that noise does not give.
    """

    layer: str
    channel: int
    label: str
    picture: npt.NDArray[np.uint8]
    activation: float
    silent: bool


class _Reached(Exception):  # noqa: N818 - not an error: the layer was reached, the rest need not run
    pass


def layer_names(network: "Network") -> list[str]:
    """Modules that can be looked at: those without children, in the order in which they were made."""
    return [name for name, module in network.module.named_modules() if name and not list(module.children())]


def dream(
    network: "Network",
    layer: str | None,
    channels: Sequence[int],
    *,
    size: int = 128,
    steps: int = 160,
    seed: int = 0,
    advance: Callable[[int], None] | None = None,
) -> list[Dream]:
    """Paint one picture a channel; all are painted at once.

    Args:
        network: with its torch module.
        layer: name of a module, see `layer_names`; None means the classes.
        channels: of the layer, or class indices.
        size: side of the pictures in pixels.
        steps: of Adam.
        seed: the same seed on the same machine gives the same pictures.
        advance: told the steps done since it was last called.

    Raises:
        OptionError: no such layer, channel or class, or a size the network cannot take.
    """
    if size < 16 or steps < 1:
        raise OptionError(f"size is {size} and steps {steps}; expected at least 16 pixels and 1 step.")
    generator = torch.Generator().manual_seed(seed)
    paint = FourierImage(len(channels), size, generator)
    answer = _Answer(network, layer, channels)
    answer(paint().detach(), check=True)
    optimizer = torch.optim.Adam(paint.parameters(), lr=_LEARNING_RATE)
    moved = torch.zeros(len(channels))
    for step in range(steps):
        optimizer.zero_grad()
        (-answer(shaken(paint(), generator)).sum()).backward()
        gradient = paint.coefficients.grad
        if gradient is not None:
            moved += gradient.detach().abs().amax(dim=(1, 2, 3, 4))
        if step + 1 == _SILENT_AFTER and not bool(moved.any()):
            break
        optimizer.step()
        if advance is not None:
            advance(1)
    with torch.no_grad():
        painted = paint()
        values = answer(painted).tolist()
    pictures = np.asarray((255 * painted).round().to(torch.uint8).permute(0, 2, 3, 1))
    name = layer or _LOGITS
    return [
        Dream(
            name,
            channel,
            network.labels[channel] if layer is None else f"{name}, channel {channel}",
            picture,
            value,
            not live,
        )
        for channel, picture, value, live in zip(channels, pictures, values, moved.gt(0).tolist(), strict=True)
    ]


def activations(
    network: "Network", layer: str | None, channels: Sequence[int], pixels: npt.NDArray[np.uint8]
) -> list[float]:
    """Mean answer of channels (the logit of classes) to one picture, `(H, W, 3)` uint8 RGB."""
    pictures = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        values: list[float] = _Answer(network, layer, channels)(pictures.expand(len(channels), -1, -1, -1)).tolist()
    return values


class _Answer:
    """Mean answer of one channel a picture."""

    def __init__(self, network: "Network", layer: str | None, channels: Sequence[int]) -> None:
        if not channels:
            raise OptionError("no channel is given; expected at least one.")
        self.network, self.layer, self.channels = network, layer, list(channels)
        self.module = network.module.eval().requires_grad_(False)
        self.mean, self.std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
        if layer is not None and layer not in dict(self.module.named_modules()):
            raise unknown_name("layer", layer, layer_names(network))

    def __call__(self, pictures: Tensor, *, check: bool = False) -> Tensor:
        values = self._run((pictures - self.mean) / self.std)
        if check:
            self._check(values)
        rows = torch.arange(len(self.channels))
        picked = values[rows, torch.tensor(self.channels)]
        return picked.flatten(1).mean(dim=1) if picked.ndim > 1 else picked

    def _run(self, x: Tensor) -> Tensor:
        if self.layer is None:
            return self._forward(x)
        kept: list[Any] = []

        def keep(_module: nn.Module, _inputs: Any, output: Any) -> None:
            kept.append(output)
            raise _Reached

        handle = self.module.get_submodule(self.layer).register_forward_hook(keep)
        try:
            self._forward(x)
        except _Reached:
            pass
        finally:
            handle.remove()
        if not kept or not isinstance(kept[0], Tensor):
            raise OptionError(f"the layer {self.layer!r} is not used for an answer; take another one.")
        return kept[0]

    def _forward(self, x: Tensor) -> Tensor:
        try:
            result: Tensor = self.module(x)
        except _Reached:
            raise
        except RuntimeError as error:
            height, width = self.network.preprocess.height, self.network.preprocess.width
            raise OptionError(
                f"the network does not take pictures of {x.shape[2]}×{x.shape[3]}; give --size {min(height, width)}."
            ) from error
        return result

    def _check(self, values: Tensor) -> None:
        if values.ndim not in (2, 4):
            raise OptionError(
                f"the layer {self.layer!r} gives shape {tuple(values.shape)}; expected maps (N, channels, h, w)."
            )
        for channel in self.channels:
            if not 0 <= channel < values.shape[1]:
                kind = "class" if self.layer is None else "channel"
                raise OptionError(f"{kind} {channel} does not exist; there are {values.shape[1]}, from 0.")
