"""A convolution or max pooling of a picture, and what there is to show of it."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product
from typing import Any

import numpy as np
from edgecnn_runtime.errors import OptionError

from edgecnn.understanding.convolving.arithmetic import ChannelMaps, Slide, convolve_channels, max_pool
from edgecnn.understanding.convolving.steps import Step, trace
from edgecnn.understanding.drawing import Matrix

__all__ = ["Convolution"]

_MOST_CELLS = 20  # a side; beyond, numbers would not be readable


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution or max pooling and its result.

    Attributes:
        image: `(H, W, C)`, whole numbers or floats.
        kernels: One `(kernel height, kernel width)` matrix a channel; empty for max pooling.
        pool: Side of the pooling's window; 0 for a convolution.
        slide: How the window moves.
        bias: Added to every cell of a convolution.
    """

    image: Matrix
    kernels: tuple[Matrix, ...]
    pool: int
    slide: Slide
    bias: float = 0

    def __post_init__(self) -> None:
        if bool(self.kernels) == bool(self.pool):
            raise OptionError("give either a kernel or the size of a max pooling.")
        if self.pool and self.channels != 1:
            raise OptionError("max pooling is shown on one channel; make the picture gray.")
        if not math.isfinite(self.bias):
            raise OptionError(f"the bias is {self.bias}; expected a number.")

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the window, without dilation."""
        return (self.pool, self.pool) if self.pool else (self.kernels[0].shape[0], self.kernels[0].shape[1])

    def maps(self) -> ChannelMaps:
        """The result, and what each channel gave to it."""
        if self.pool:
            total = max_pool(self.image[:, :, 0], self.pool, self.slide)
            return ChannelMaps(total[None], total)
        return convolve_channels(self.image, self.kernels, self.slide, bias=self.bias)

    def steps(self, channel: int) -> Iterator[Step]:
        """The positions of the window over one channel; the bias is added where that channel is all there is."""
        kernel = self.pool or self.kernels[channel]
        bias = self.bias if self.channels == 1 else 0
        return trace(self.image[:, :, channel], kernel, self.slide, bias=bias)

    @property
    def channels(self) -> int:
        """How many channels the picture has."""
        return int(self.image.shape[2])

    def padded(self, fill: Any = 0) -> Matrix:
        """`(H, W, C)`, the input with its zeros around it; with another `fill` an array of objects."""
        top, left, bottom, right = self.slide.sides(self.window)
        image = self.image if fill == 0 else self.image.astype(object)
        return np.pad(image, ((top, bottom), (left, right), (0, 0)), constant_values=fill)

    def cells(self, row: int, column: int) -> list[tuple[int, int]]:
        """The cells of the padded input that one position uses."""
        stride, dilation = self.slide.stride, self.slide.dilation
        starts = zip((row * stride, column * stride), self.window, strict=True)
        down, across = (range(start, start + size * dilation, dilation) for start, size in starts)
        return list(product(down, across))

    @property
    def readable(self) -> bool:
        """Small enough to show every number."""
        return bool(max(self.padded().shape[:2]) <= _MOST_CELLS)
