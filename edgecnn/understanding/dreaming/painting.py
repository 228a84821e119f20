"""Feature visualization: paint the picture that activates a channel or a class most.

Source: Olah, Mordvintsev, Schubert, "Feature Visualization", Distill 2017.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from edgecnn_export.network import Network
from edgecnn_runtime.errors import OptionError

from edgecnn.understanding.dreaming.fourier_image import FourierImage, shaken
from edgecnn.understanding.dreaming.objective import Objective

__all__ = ["Dream", "activations", "dream"]

_LOGITS = "logits"
_LEARNING_RATE = 0.06
_SILENT_AFTER = 24  # steps without any gradient after which a channel is given up


@dataclass(frozen=True, eq=False)
class Dream:
    """The picture painted for one channel or class.

    Attributes:
        layer: Name of the module; `logits` for a class.
        channel: Its channel; the class's index.
        label: What to call it.
        picture: `(size, size, 3)` uint8 RGB.
        activation: Mean activation of the channel on it; the logit of a class.
        silent: Nothing that was tried activated the channel: it is dead, or needs a start that noise does not give.
    """

    layer: str
    channel: int
    label: str
    picture: npt.NDArray[np.uint8]
    activation: float
    silent: bool


def dream(
    network: Network,
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
        network: With its torch module.
        layer: Name of a module, see `layer_names`; None means the classes.
        channels: Of the layer, or class indices.
        size: Side of the pictures in pixels.
        steps: Of Adam.
        seed: The same seed on the same machine gives the same pictures.
        advance: Called with the steps done since it was last called.

    Raises:
        OptionError: No such layer, channel or class, or a size the network cannot take.
    """
    if size < 16 or steps < 1:
        raise OptionError(f"size is {size} and steps {steps}; expected at least 16 pixels and 1 step.")
    generator = torch.Generator().manual_seed(seed)
    paint = FourierImage(len(channels), size, generator)
    objective = Objective(network, layer, channels)
    optimizer = torch.optim.Adam(paint.parameters(), lr=_LEARNING_RATE)
    moved = torch.zeros(len(channels))
    for step in range(steps):
        optimizer.zero_grad()
        (-objective(shaken(paint(), generator)).sum()).backward()
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
        values = objective(painted).tolist()
    pictures = np.asarray((255 * painted).round().to(torch.uint8).permute(0, 2, 3, 1))
    return [
        Dream(
            layer=layer or _LOGITS,
            channel=channel,
            label=network.labels[channel] if layer is None else f"{layer}, channel {channel}",
            picture=picture,
            activation=value,
            silent=not live,
        )
        for channel, picture, value, live in zip(channels, pictures, values, moved.gt(0).tolist(), strict=True)
    ]


def activations(
    network: Network, layer: str | None, channels: Sequence[int], pixels: npt.NDArray[np.uint8]
) -> list[float]:
    """Mean activation of channels (the logit of classes) on one picture, `(H, W, 3)` uint8 RGB."""
    pictures = torch.from_numpy(np.array(pixels)).permute(2, 0, 1)[None].float() / 255
    with torch.no_grad():
        values: list[float] = Objective(network, layer, channels)(pictures.expand(len(channels), -1, -1, -1)).tolist()
    return values
