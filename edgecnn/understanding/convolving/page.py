"""The page of `edgecnn convolve`: move the window, see the sum."""

from typing import Any

from edgecnn.understanding.convolving.convolution import Convolution
from edgecnn.understanding.drawing import Matrix
from edgecnn.understanding.pages import render

__all__ = ["convolve_page"]


def convolve_page(convolution: Convolution) -> str:
    """A page with the input, the window, its sum and the result; the window is moved by slider, keys or pointer."""
    image, result, channels = convolution.image, convolution.maps().total, convolution.channels
    padded = convolution.padded(fill=None if convolution.pool else 0)  # what a max pooling pads has no value
    data = {
        "input": [_plain(padded[:, :, index]) for index in range(channels)],
        "kernels": [_plain(kernel) for kernel in convolution.kernels],
        "result": _plain(result),
        "window": list(convolution.window),
        "stride": convolution.slide.stride,
        "dilation": convolution.slide.dilation,
        "bias": convolution.bias,
        "pool": convolution.pool,
        "low": float(result.min()),
        "high": float(result.max()),
        "bottom": float(image.min()),
        "top": float(image.max()),
        "names": ["red", "green", "blue"] if channels == 3 else ["input"] * channels,
    }
    rows, columns = result.shape
    return render(
        "convolve.html.j2",
        convolution=convolution,
        padding=convolution.slide.sides(convolution.window),
        data=data,
        rows=rows,
        columns=columns,
        start=0 if convolution.readable else (rows // 2) * columns + columns // 2,
    )


def _plain(values: Matrix) -> list[list[Any]]:
    """Rows of numbers, short enough to be many in a page."""
    return [[float(f"{value:.6g}") if isinstance(value, float) else value for value in row] for row in values.tolist()]
