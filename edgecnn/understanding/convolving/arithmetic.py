"""The sliding window made visible: convolution as networks mean it (the kernel is not flipped), and max pooling.

Plain numpy, for pictures and numbers that a person looks at; integers stay exact integers.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
from edgecnn_runtime.errors import OptionError

from edgecnn.understanding.drawing import Matrix

__all__ = ["ChannelMaps", "Slide", "convolve", "convolve_channels", "exact", "max_pool", "smallest", "windows"]

_LARGEST_SIDE = 1 << 20


@dataclass(frozen=True)
class Slide:
    """How the window moves.

    Attributes:
        stride: Cells from one window to the next, down and across.
        padding: Cells of zeros around the input: one number, or top, left, bottom, right; `same` keeps the size at
            stride 1 (the odd cell of an even kernel goes below and to the right).
        dilation: Cells from one kernel cell to the next.
    """

    stride: int = 1
    padding: int | tuple[int, int, int, int] | Literal["same"] = 0
    dilation: int = 1

    def __post_init__(self) -> None:
        for name in ("stride", "dilation"):
            if getattr(self, name) < 1:
                raise OptionError(f"{name} is {getattr(self, name)}; expected at least 1.")
        if self.padding == "same":
            return
        sides = self.padding if isinstance(self.padding, tuple) else (self.padding,)
        if len(sides) not in (1, 4) or min(sides) < 0 or max(sides) > _LARGEST_SIDE:
            raise OptionError(f"padding is {self.padding}; expected zero or more cells, one number or four.")

    def sides(self, kernel: tuple[int, int]) -> tuple[int, int, int, int]:
        """Cells of padding: top, left, bottom, right."""
        if isinstance(self.padding, tuple):
            return self.padding
        if isinstance(self.padding, int):
            return (self.padding,) * 4
        down, across = (self.dilation * (size - 1) for size in kernel)
        return down // 2, across // 2, down - down // 2, across - across // 2


@dataclass(frozen=True, eq=False)
class ChannelMaps:
    """A convolution over several channels, taken apart.

    Attributes:
        partial: `(C, H', W')`, each channel under its own kernel.
        total: `(H', W')`, their sum and the bias.
    """

    partial: Matrix
    total: Matrix


def convolve(image: npt.ArrayLike, kernel: npt.ArrayLike, slide: Slide | None = None, *, bias: float = 0) -> Matrix:
    """Slide a kernel over one channel: every cell of the result is the sum of window times kernel.

    Args:
        image: `(H, W)`; integers are computed exactly (int64), everything else in float64.
        kernel: `(kernel height, kernel width)`.
        slide: Stride, padding, dilation.
        bias: Added to every cell.

    Returns:
        `(H', W')` int64 where image, kernel and bias are integers, else float64.

    Raises:
        OptionError: Not two-dimensional, or the kernel is larger than the padded picture.
    """
    cells, weights = exact(image, "image"), exact(kernel, "kernel")
    positions = windows(cells, (weights.shape[0], weights.shape[1]), slide=slide or Slide(), fill=0)
    return np.asarray(np.einsum("ijkl,kl->ij", positions, weights) + bias)


def convolve_channels(
    image: npt.ArrayLike, kernels: Sequence[npt.ArrayLike], slide: Slide | None = None, *, bias: float = 0
) -> ChannelMaps:
    """A convolution of a picture with channels: one kernel a channel, then the sum over channels and the bias.

    Args:
        image: `(H, W, C)`, such as RGB.
        kernels: C kernels of one size.
        slide: Stride, padding, dilation.
        bias: Added once to every cell.

    Raises:
        OptionError: The number of kernels is not the number of channels; see also `convolve`.
    """
    picture = np.asarray(image)
    if picture.ndim != 3 or picture.shape[2] != len(kernels):
        raise OptionError(
            f"the image has shape {picture.shape} and there are {len(kernels)} kernels; "
            "expected (height, width, channels) and one kernel a channel."
        )
    partial = np.stack([convolve(picture[:, :, index], kernel, slide) for index, kernel in enumerate(kernels)])
    return ChannelMaps(partial, partial.sum(axis=0) + bias)


def max_pool(image: npt.ArrayLike, size: int, slide: Slide | None = None) -> Matrix:
    """The largest value of each window.

    Args:
        image: `(H, W)`.
        size: Height and width of the window.
        slide: How the window moves; None puts windows side by side. Padding counts as smaller than everything.

    Raises:
        OptionError: Not two-dimensional, or the window is larger than the padded picture.
    """
    cells = exact(image, "image")
    positions = windows(cells, (size, size), slide=slide or Slide(stride=max(size, 1)), fill=smallest(cells))
    return np.asarray(positions.max(axis=(2, 3)))


def exact(values: npt.ArrayLike, what: str) -> Matrix:
    """Two-dimensional int64 where the values are integers, else float64; `what` names them in an error."""
    try:
        matrix = np.asarray(values)
    except ValueError as error:
        raise OptionError(f"the {what} has rows of different lengths; give every row the same count.") from error
    if matrix.ndim != 2 or not matrix.size:
        raise OptionError(f"the {what} has shape {matrix.shape}; expected (rows, columns), at least one of each.")
    if matrix.dtype == bool or np.issubdtype(matrix.dtype, np.integer):
        return matrix.astype(np.int64)
    return matrix.astype(np.float64)


def smallest(cells: Matrix) -> Any:
    """What the padding of a max pooling holds: less than every cell."""
    return np.iinfo(np.int64).min if cells.dtype == np.int64 else -np.inf


def windows(cells: Matrix, kernel: tuple[int, int], slide: Slide, fill: Any) -> Matrix:
    """All windows, `(H', W', kernel height, kernel width)`, without a copy."""
    if min(kernel) < 1:
        raise OptionError(f"the window is {kernel[0]}×{kernel[1]}; expected at least 1×1.")
    top, left, bottom, right = slide.sides(kernel)
    padded = np.pad(cells, ((top, bottom), (left, right)), constant_values=fill)
    reach = tuple(slide.dilation * (size - 1) + 1 for size in kernel)
    if reach[0] > padded.shape[0] or reach[1] > padded.shape[1]:
        raise OptionError(
            f"the window reaches over {reach[0]}×{reach[1]} cells, the padded picture has {padded.shape[0]}×"
            f"{padded.shape[1]}; take a smaller kernel or dilation, or more padding."
        )
    positions = np.lib.stride_tricks.sliding_window_view(padded, reach)
    return positions[:: slide.stride, :: slide.stride, :: slide.dilation, :: slide.dilation]
