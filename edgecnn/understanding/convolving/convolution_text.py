"""The trace of a sliding window as text, for inputs small enough to read."""

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np

from edgecnn.understanding.convolving.convolution import Step
from edgecnn.understanding.kernels import Matrix

__all__ = ["format_matrix", "format_step", "format_trace"]


def format_matrix(matrix: Matrix) -> str:
    """Rows of right-aligned numbers."""
    return "\n".join(_aligned(matrix))


def format_step(step: Step, kernel: Matrix | None) -> str:
    """One position: the window, the kernel, the products, and how they add up; for pooling the window's largest."""
    at = f"row {step.row}, column {step.column}: window at ({step.top}, {step.left})"
    if kernel is None:
        return f"{at}\n{_beside([(_aligned(step.window), f'  largest {_text(step.value)}')])}"
    terms = [_text(value) for value in step.products.ravel() if value != 0]
    bias = step.value - step.products.sum()
    if bias:
        terms.append(f"bias {_text(bias)}")
    blocks = [(_aligned(step.window), " × "), (_aligned(kernel), " = "), (_aligned(step.products), "")]
    return f"{at}\n{_beside(blocks)}\n{' + '.join(terms) or '0'} = {_text(step.value)}"


def format_trace(steps: Iterable[Step], kernel: Matrix | None) -> str:
    """All positions, an empty line between them."""
    return "\n\n".join(format_step(step, kernel) for step in steps)


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
    lines = []
    for index in range(height):
        parts = []
        for rows, sign in blocks:
            parts.append("  " + rows[index] + (sign if index == height // 2 else " " * len(sign)))
        lines.append("".join(parts).rstrip())
    return "\n".join(lines)
