"""The page of `edgecnn convolve`: move the window, see the sum."""

from typing import Any

import numpy as np

from edgecnn.understanding.convolving.convolution import Convolution
from edgecnn.understanding.drawing import Matrix
from edgecnn.understanding.pages import render

__all__ = ["convolve_page"]


def convolve_page(convolution: Convolution) -> str:
    """A page with the input, the window, its sum and the result; the window is moved by slider, keys or pointer."""
    result = convolution.maps().total
    padded = convolution.padded()
    channels = convolution.channels
    top, left, bottom, right = convolution.slide.sides(convolution.window)
    data: dict[str, Any] = {
        "input": [_plain(padded[:, :, index], empty=_edges(convolution)) for index in range(channels)],
        "kernels": [_plain(kernel) for kernel in convolution.kernels],
        "result": _plain(result),
        "window": list(convolution.window),
        "stride": convolution.slide.stride,
        "dilation": convolution.slide.dilation,
        "bias": convolution.bias,
        "pool": convolution.pool,
        "low": float(result.min()),
        "high": float(result.max()),
        "bottom": float(convolution.image.min()),
        "top": float(convolution.image.max()),
        "names": ["red", "green", "blue"] if channels == 3 else ["input"] * channels,
    }
    rows, columns = result.shape
    return render(
        "convolve.html.j2",
        data=data,
        pool=bool(convolution.pool),
        padded=any((top, left, bottom, right)),
        rows=rows,
        columns=columns,
        start=0 if convolution.readable else (rows // 2) * columns + columns // 2,
        summary=_summary(convolution, rows, columns),
    )


def _summary(convolution: Convolution, rows: int, columns: int) -> str:
    height, width, channels = convolution.image.shape
    slide = convolution.slide
    window = "×".join(str(size) for size in convolution.window)
    padding = ", ".join(str(side) for side in slide.sides(convolution.window))
    what = f"max pooling {window}" if convolution.pool else f"{channels} kernel{'s' * (channels > 1)} of {window}"
    return (
        f"Input {height}×{width}, {what}, stride {slide.stride}, dilation {slide.dilation}, padding {padding} "
        f"(top, left, bottom, right): the result is {rows}×{columns}."
    )


def _edges(convolution: Convolution) -> Matrix | None:
    """Where the padding of a max pooling lies: those cells have no value."""
    if not convolution.pool:
        return None
    top, left, bottom, right = convolution.slide.sides(convolution.window)
    inside = np.zeros(convolution.image.shape[:2], bool)
    return np.pad(inside, ((top, bottom), (left, right)), constant_values=True)


def _plain(values: Matrix, empty: Matrix | None = None) -> list[list[float | None]]:
    rounded: list[list[float | None]] = np.asarray(values).tolist()
    if np.asarray(values).dtype.kind == "f":
        rounded = [[float(f"{value:.6g}") for value in row if value is not None] for row in rounded]
    if empty is not None:
        for row, column in np.argwhere(empty):
            rounded[row][column] = None
    return rounded
