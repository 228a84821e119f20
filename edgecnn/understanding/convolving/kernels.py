"""Kernels by name, and matrices typed as text."""

import re

import numpy as np
from edgecnn_runtime.errors import OptionError

from edgecnn.names import unknown_name
from edgecnn.understanding.drawing import Matrix

__all__ = ["KERNELS", "parse_kernels", "parse_matrix"]

_BIGGEST_TEXT = 4096  # rows or columns; a longer matrix is a picture


# The Sobel kernels are named by the axis along which they measure the gradient, since texts disagree on "vertical" and
# "horizontal": sobel_x responds to brightness that changes along x, so it draws upright edges.
KERNELS: dict[str, Matrix] = {
    "sobel_x": np.array([[-1, 0, 1], [-2, 0, 2], [-1, 0, 1]]),
    "sobel_y": np.array([[-1, -2, -1], [0, 0, 0], [1, 2, 1]]),
    "gaussian": np.array([[1, 2, 1], [2, 4, 2], [1, 2, 1]]) / 16,
    "laplacian": np.array([[0, 1, 0], [1, -4, 1], [0, 1, 0]]),
    "sharpen": np.array([[0, -1, 0], [-1, 5, -1], [0, -1, 0]]),
    "box": np.array([[1, 1, 1], [1, 1, 1], [1, 1, 1]]) / 9,
    "identity": np.array([[0, 0, 0], [0, 1, 0], [0, 0, 0]]),
}


def parse_matrix(text: str, what: str = "matrix") -> Matrix:
    """A matrix out of text: numbers parted by spaces or commas, rows by `/`, `;` or line ends.

    Returns:
        `(rows, columns)`, int64 when every number is whole, else float64.

    Raises:
        OptionError: Not numbers, no numbers, or rows of different lengths.
    """
    lines = [line.strip() for line in re.split(r"[/;\n]", text)]
    rows: list[list[float]] = []
    for line in filter(None, lines):
        try:
            rows.append([float(cell) for cell in re.split(r"[,\s]+", line.strip(", "))])
        except ValueError:
            raise OptionError(f"the {what} has the row {line!r}; expected numbers, as in '0 1 2 / 2 2 0'.") from None
    if not rows:
        raise OptionError(f"the {what} is empty; expected numbers, as in '0 1 2 / 2 2 0'.")
    lengths = {len(row) for row in rows}
    if len(lengths) > 1:
        number = next(index for index, row in enumerate(rows, 1) if len(row) != len(rows[0]))
        raise OptionError(
            f"the {what} is ragged: row 1 has {len(rows[0])} numbers, row {number} has {len(rows[number - 1])}; "
            "give every row the same count."
        )
    if max(len(rows), len(rows[0])) > _BIGGEST_TEXT:
        raise OptionError(f"the {what} is {len(rows)}×{len(rows[0])}; expected at most {_BIGGEST_TEXT} a side.")
    values = np.array(rows)
    if not np.isfinite(values).all():
        raise OptionError(f"the {what} holds a value that is not finite; expected numbers.")
    whole = np.abs(values) < 2**53  # beyond, a float no longer tells whole numbers apart
    return values.astype(np.int64) if bool(np.all(whole & (values == np.round(values)))) else values


def parse_kernels(text: str) -> list[Matrix]:
    """Kernels by name or typed; several, one a channel, are parted by `|`.

    Raises:
        OptionError: No such name, no numbers, or kernels of different sizes.
    """
    kernels = []
    for part in text.split("|"):
        name = part.strip()
        if name in KERNELS:
            kernels.append(KERNELS[name])
        elif re.fullmatch(r"[A-Za-z_]\w*", name):
            raise unknown_name("kernel", name, sorted(KERNELS))
        else:
            kernels.append(parse_matrix(name, "kernel"))
    if len({kernel.shape for kernel in kernels}) > 1:
        shapes = ", ".join("×".join(str(size) for size in kernel.shape) for kernel in kernels)
        raise OptionError(f"the kernels have the sizes {shapes}; expected one size for all channels.")
    return kernels
