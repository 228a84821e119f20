"""A sliding window position by position: as numbers, and as text for inputs small enough to read."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn.understanding.convolving.arithmetic import Slide, exact, smallest, windows
from edgecnn.understanding.drawing import Matrix

__all__ = ["Step", "format_matrix", "format_trace", "trace"]


@dataclass(frozen=True, eq=False)
class Step:
    """One position of the window.

    Attributes:
        row: Of the result.
        column: Likewise.
        top: Of the window, in cells of the input; negative in the padding.
        left: Likewise.
        window: `(kernel height, kernel width)`, what the window sees.
        products: Window times kernel, cell by cell; the window itself for max pooling.
        value: The result's cell.
    """

    row: int
    column: int
    top: int
    left: int
    window: Matrix
    products: Matrix
    value: Any


def trace(
    image: npt.ArrayLike, kernel: npt.ArrayLike | int, slide: Slide | None = None, *, bias: float = 0
) -> Iterator[Step]:
    """The positions of the window one by one, row by row.

    Args:
        image: `(H, W)`.
        kernel: A matrix to convolve with, or the size of a max pooling's window.
        slide: Stride, padding, dilation; for pooling None puts windows side by side.
        bias: Added to every cell of a convolution.
    """
    cells = exact(image, "image")
    pooled = isinstance(kernel, int)
    weights = np.ones((kernel, kernel), np.int64) if isinstance(kernel, int) else exact(kernel, "kernel")
    slide = slide or Slide(stride=weights.shape[0] if pooled else 1)
    size = (weights.shape[0], weights.shape[1])
    positions = windows(cells, size, slide=slide, fill=smallest(cells) if pooled else 0)
    top, left, _, _ = slide.sides(size)
    for row, column in np.ndindex(*positions.shape[:2]):
        window = positions[row, column]
        products = window if pooled else window * weights
        yield Step(
            row=row,
            column=column,
            top=row * slide.stride - top,
            left=column * slide.stride - left,
            window=window,
            products=products,
            value=window.max() if pooled else products.sum() + bias,
        )


def format_matrix(matrix: Matrix) -> str:
    """Rows of right-aligned numbers."""
    return "\n".join(_aligned(matrix))


def format_trace(steps: Iterable[Step], kernel: Matrix | None) -> str:
    """All positions, an empty line between them: the window, the kernel, the products, and how they add up.

    Args:
        steps: The positions.
        kernel: `(kernel height, kernel width)`; None for max pooling, which tells the window's largest.
    """
    return "\n\n".join(_format_step(step, kernel) for step in steps)


def _format_step(step: Step, kernel: Matrix | None) -> str:
    at = f"row {step.row}, column {step.column}: window at ({step.top}, {step.left})"
    if kernel is None:
        return f"{at}\n{_beside([(_aligned(step.window), f'  largest {_text(step.value)}')])}"
    terms = [_text(value) for value in step.products.ravel() if value != 0]
    bias = step.value - step.products.sum()
    if bias:
        terms.append(f"bias {_text(bias)}")
    blocks = [(_aligned(step.window), " × "), (_aligned(kernel), " = "), (_aligned(step.products), "")]
    return f"{at}\n{_beside(blocks)}\n{' + '.join(terms) or '0'} = {_text(step.value)}"


def _text(value: Any) -> str:
    if value == np.iinfo(np.int64).min or value == -np.inf:
        return "·"  # padding of a max pooling
    return f"{value:.6g}" if isinstance(value, float) else str(value)


def _aligned(matrix: Matrix) -> list[str]:
    cells = [[_text(value) for value in row] for row in matrix.tolist()]
    width = max(len(cell) for row in cells for cell in row)
    return [" ".join(cell.rjust(width) for cell in row) for row in cells]


def _beside(blocks: Sequence[tuple[list[str], str]]) -> str:
    """Blocks of equal height side by side, the sign behind each at its middle line."""
    height = len(blocks[0][0])
    columns = [
        ["  " + row + (sign if index == height // 2 else " " * len(sign)) for index, row in enumerate(rows)]
        for rows, sign in blocks
    ]
    return "\n".join("".join(line).rstrip() for line in zip(*columns, strict=True))
