"""Small networks that are trained from scratch: what the lecture compares, and what is worth deploying.

All take normalized pictures `(N, channels, size, size)` float32 and give logits `(N, classes)` float32. The `edge_cnn`
family is this project's own, made to lose nothing in int8: plain 3×3 convolutions, batch norm that folds away,
ReLU, global average pooling and one linear layer (so a class activation map is one matrix product). Its first
layer is a fixed whitening filter bank, set from the training pictures before the first step
(after Keller Jordan's airbench, MIT, https://github.com/KellerJordan/cifar10-airbench).
"""

from __future__ import annotations

import difflib
from collections.abc import Callable
from dataclasses import dataclass

import torch
from edgecnn_runtime.errors import OptionError
from torch import Tensor, nn

__all__ = ["SMALL_NETWORKS", "EdgeCNN", "NetworkSize", "SmallNetwork", "check_name", "create", "measure_size"]

PATCH = 2
"""Side of the whitening filters in pixels."""


class EdgeCNN(nn.Module):
    """Whitening filters, then blocks of two 3×3 convolutions, each block at half the resolution of the one before.

    Args:
        classes: How many classes.
        channels: 3 for color, 1 for gray pictures.
        widths: Filters of each block.
    """

    def __init__(self, classes: int, *, channels: int, widths: tuple[int, ...]) -> None:
        super().__init__()
        before = 2 * channels * PATCH * PATCH  # every principal direction of a patch gives a filter for each sign
        # Fixed and without a border or a bias: nothing before the first block has to be differentiated.
        self.whiten = nn.Conv2d(channels, before, PATCH, bias=False).requires_grad_(False)
        self.blocks = nn.Sequential()
        for width in widths:
            self.blocks.append(_block(before, width))
            before = width
        self.pool = nn.AdaptiveAvgPool2d(1)
        self.head = nn.Linear(before, classes)

    def forward(self, x: Tensor) -> Tensor:
        """Logits `(N, classes)` of normalized pictures `(N, channels, H, W)`."""
        x = torch.relu(self.whiten(x))
        x = self.blocks(x)
        return self.head(self.pool(x).flatten(1))  # type: ignore[no-any-return]


class _ConvNorm(nn.Sequential):
    """3×3 convolution, batch norm whose scale stays 1 (only its bias learns), ReLU."""

    def __init__(self, inputs: int, outputs: int) -> None:
        convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
        norm = nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.3)
        norm.weight.requires_grad_(False)
        super().__init__(convolution, norm, nn.ReLU())


def _block(inputs: int, outputs: int) -> nn.Sequential:
    convolution = nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)
    norm = nn.BatchNorm2d(outputs, eps=1e-5, momentum=0.3)
    norm.weight.requires_grad_(False)
    return nn.Sequential(convolution, nn.MaxPool2d(2), norm, nn.ReLU(), _ConvNorm(outputs, outputs))


def _simple_cnn(classes: int, size: int, channels: int) -> nn.Module:
    # 32×32: 15, 6 and 4 pixels wide after each convolution and its pooling; 167,075 parameters for ten classes.
    side = ((size - 2) // 2 - 2) // 2 - 2
    return nn.Sequential(
        nn.Conv2d(channels, 32, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(32, 64, 3),
        nn.ReLU(),
        nn.MaxPool2d(2),
        nn.Conv2d(64, 64, 3),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(64 * side * side, 107),
        nn.ReLU(),
        nn.Linear(107, classes),
    )


def _dnn(classes: int, size: int, channels: int) -> nn.Module:
    # As many parameters as simple_cnn has for the same pictures, in three dense layers.
    wanted = sum(p.numel() for p in _simple_cnn(classes, size, channels).parameters())
    inputs = channels * size * size

    def count(width: int) -> int:
        return (inputs + 1) * width + (width + 1) * width + (width + 1) * classes

    width = min(range(4, 1024), key=lambda w: abs(count(w) - wanted))
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(inputs, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, classes),
    )


class _Residual(nn.Module):
    """Two 3×3 convolutions beside the identity, or beside a 1×1 convolution where the shape changes."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(),
            nn.Conv2d(outputs, outputs, 3, padding=1, bias=False),
            nn.BatchNorm2d(outputs),
        )
        same = inputs == outputs and stride == 1
        self.side = nn.Identity() if same else nn.Conv2d(inputs, outputs, 1, stride=stride)

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(self.body(x) + self.side(x))


def _resnet8(classes: int, size: int, channels: int) -> nn.Module:
    # MLPerf Tiny's image classifier (https://github.com/mlcommons/tiny): 78,000 parameters.
    return nn.Sequential(
        nn.Conv2d(channels, 16, 3, padding=1, bias=False),
        nn.BatchNorm2d(16),
        nn.ReLU(),
        _Residual(16, 16, 1),
        _Residual(16, 32, 2),
        _Residual(32, 64, 2),
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(64, classes),
    )


def _edge_cnn(widths: tuple[int, ...]) -> Callable[[int, int, int], nn.Module]:
    def build(classes: int, _size: int, channels: int) -> nn.Module:
        return EdgeCNN(classes, channels=channels, widths=widths)

    return build


@dataclass(frozen=True)
class SmallNetwork:
    """One architecture of the registry: its name, one line about it, and how it is built."""

    name: str
    about: str
    build: Callable[[int, int, int], nn.Module]
    min_size: int = 16  # three halvings must leave a feature map of at least 2×2


SMALL_NETWORKS: dict[str, SmallNetwork] = {
    network.name: network
    for network in (
        SmallNetwork(name="simple_cnn", about="the introduction's CNN", build=_simple_cnn, min_size=18),
        SmallNetwork(name="dnn", about="dense layers alone", build=_dnn, min_size=18),
        SmallNetwork("resnet8", "MLPerf Tiny's classifier", _resnet8),
        SmallNetwork("edge_cnn_nano", "smallest worth deploying", _edge_cnn((24, 40, 48))),
        SmallNetwork("edge_cnn_small", "default, for a laptop", _edge_cnn((32, 80, 104))),
        SmallNetwork("edge_cnn_base", "for a GPU, or patience", _edge_cnn((64, 192, 256))),
    )
}


def check_name(name: str) -> None:
    """Refuse a name that none of `SMALL_NETWORKS` has.

    Raises:
        OptionError: There is no such network; the sentence has the nearest name.
    """
    if name not in SMALL_NETWORKS:
        near = difflib.get_close_matches(name, SMALL_NETWORKS, n=1)
        hint = f"did you mean {near[0]}, or one of" if near else "known are"
        raise OptionError(f"{name[:60]!r} is no network of edgecnn; {hint} {', '.join(SMALL_NETWORKS)}.")


def create(name: str, classes: int, size: int, channels: int = 3) -> nn.Module:
    """A fresh network with random weights from torch's current seed.

    Args:
        name: One of `SMALL_NETWORKS`.
        classes: How many classes, at least 2.
        size: Side of the square pictures in pixels, at least the network's `min_size`.
        channels: 3 for color, 1 for gray pictures.

    Raises:
        OptionError: The name is unknown, or a number is out of range.
    """
    check_name(name)
    if classes < 2:
        raise OptionError(f"A classifier needs at least 2 classes, got {classes}.")
    least = SMALL_NETWORKS[name].min_size
    if size < least:
        raise OptionError(f"'{name}' needs pictures of at least {least}×{least} pixels, got {size}×{size}.")
    if channels not in (1, 3):
        raise OptionError(f"Pictures have 1 or 3 channels, got {channels}.")
    return SMALL_NETWORKS[name].build(classes, size, channels)


@dataclass(frozen=True)
class NetworkSize:
    """Parameters, multiply-accumulates for one picture, and bytes of the weights in float32 and int8."""

    parameters: int
    macs: int
    bytes_fp32: int
    bytes_int8: int


def measure_size(module: nn.Module, size: int, channels: int = 3) -> NetworkSize:
    """Count what one picture of `size`×`size` costs; convolutions and dense layers count, the rest is negligible.

    int8 keeps one byte a weight of those layers and four a bias; the file around it adds 20 to 30 KB.
    """
    macs = weights = biases = 0
    hooks = []

    def count(layer: nn.Module, _inputs: object, output: Tensor) -> None:
        nonlocal macs, weights, biases
        assert isinstance(layer, nn.Conv2d | nn.Linear)  # noqa: S101 - hooked on nothing else
        positions = output[0, 0].numel() if isinstance(layer, nn.Conv2d) else 1
        macs += positions * layer.weight.numel()
        weights += layer.weight.numel()
        biases += layer.weight.shape[0]  # every layer has one once its batch norm is folded in

    for layer in module.modules():
        if isinstance(layer, nn.Conv2d | nn.Linear):
            hooks.append(layer.register_forward_hook(count))
    training = module.training
    try:
        with torch.inference_mode():
            module.eval()(torch.zeros(1, channels, size, size, device=next(module.parameters()).device))
    finally:
        module.train(training)
        for hook in hooks:
            hook.remove()
    parameters = sum(p.numel() for p in module.parameters())
    return NetworkSize(
        parameters=parameters, macs=macs, bytes_fp32=4 * (weights + biases), bytes_int8=weights + 4 * biases
    )
