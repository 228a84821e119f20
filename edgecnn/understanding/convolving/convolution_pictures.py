"""A sliding window as a picture or an animation: small matrices with their numbers, large ones as pictures."""

import io
from dataclasses import dataclass

import numpy as np
from edgecnn_runtime.errors import OptionError
from PIL import Image, ImageDraw

from edgecnn.understanding.convolving.convolution import ChannelMaps, Slide, convolve_channels, max_pool
from edgecnn.understanding.drawing import MARK, draw_cells, panels, shades, signed
from edgecnn.understanding.kernels import Matrix

__all__ = ["Convolution", "animate", "draw"]

_MOST_CELLS = 20  # a side; beyond, numbers would not be readable
_MOST_FRAMES = {True: 160, False: 40}  # with readable numbers; of a picture, whose frames are large
_FRAME_MS = 350
_CHANNELS = {1: ("input",), 3: ("red", "green", "blue")}


@dataclass(frozen=True, eq=False)
class Convolution:
    """A convolution or max pooling and its result.

    Attributes:
        image: `(H, W, C)`, whole numbers or floats.
        kernels: one `(kernel height, kernel width)` matrix a channel; empty for max pooling.
        pool: side of the pooling's window; 0 for a convolution.
        slide: how the window moves.
        bias: added to every cell of a convolution.
    """

    image: Matrix
    kernels: tuple[Matrix, ...]
    pool: int
    slide: Slide
    bias: float = 0

    def __post_init__(self) -> None:
        if bool(self.kernels) == bool(self.pool):
            raise OptionError("give either a kernel or the size of a max pooling.")
        if self.pool and self.image.shape[2] != 1:
            raise OptionError("max pooling is shown on one channel; make the picture gray.")

    @property
    def window(self) -> tuple[int, int]:
        """Height and width of the window, without dilation."""
        return (self.pool, self.pool) if self.pool else (self.kernels[0].shape[0], self.kernels[0].shape[1])

    def maps(self) -> ChannelMaps:
        """The result, and what each channel gave to it."""
        if self.pool:
            total = max_pool(self.image[:, :, 0], self.pool, self.slide)
            return ChannelMaps(total[None], 0, total)
        return convolve_channels(self.image, self.kernels, self.slide, bias=self.bias)

    def padded(self) -> Matrix:
        """`(H, W, C)`, the input with its zeros around it."""
        top, left, bottom, right = self.slide.sides(self.window)
        return np.pad(self.image, ((top, bottom), (left, right), (0, 0)))

    def cells(self, row: int, column: int) -> list[tuple[int, int]]:
        """The cells of the padded input that one position uses."""
        stride, dilation = self.slide.stride, self.slide.dilation
        height, width = self.window
        return [
            (row * stride + down * dilation, column * stride + across * dilation)
            for down in range(height)
            for across in range(width)
        ]

    @property
    def readable(self) -> bool:
        """Small enough to show every number."""
        return bool(max(self.padded().shape[:2]) <= _MOST_CELLS)


def draw(convolution: Convolution) -> Image.Image:
    """Input, what each channel gave, the sum, side by side."""
    maps = convolution.maps()
    names = _CHANNELS.get(convolution.image.shape[2]) or tuple(
        f"channel {index}" for index in range(convolution.image.shape[2])
    )
    parts: list[tuple[str, Image.Image]] = []
    if convolution.readable:
        padded = convolution.padded()
        parts += [(name, draw_cells(padded[:, :, index])) for index, name in enumerate(names)]
        parts += [("kernel" if len(names) == 1 else f"kernel, {name}", draw_cells(kernel))
                  for name, kernel in zip(names, convolution.kernels, strict=False)]  # fmt: skip
        if len(names) > 1:
            parts += [(f"{name} under its kernel", draw_cells(part))
                      for name, part in zip(names, maps.partial, strict=True)]  # fmt: skip
        parts.append((_result_title(convolution, len(names)), draw_cells(maps.total)))
        return panels(parts, columns=len(names) if len(names) > 1 else None)
    parts.append(("picture", _picture(convolution.image)))
    if len(names) > 1:
        parts += [(f"{name} under its kernel", _map(part)) for name, part in zip(names, maps.partial, strict=True)]
    parts.append((_result_title(convolution, len(names)), _map(maps.total)))
    return panels(parts)


def animate(convolution: Convolution) -> bytes:
    """A GIF of the window sliding over the input while the result fills.

    Every position has a frame where numbers can be read; a picture's window goes on in about a hundred steps.
    """
    total = convolution.maps().total
    frames = []
    count = total.size
    step = max(1, -(-count // _MOST_FRAMES[convolution.readable]))
    for index in range(0, count, step):
        frames.append(_frame(convolution, total, index))
    frames.append(_frame(convolution, total, count - 1))
    # One palette without dithering: frames that differ in a window only then compress to that window.
    palette = frames[len(frames) // 2].quantize(96, dither=Image.Dither.NONE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    frames[0].save(
        buffer, "GIF", save_all=True, append_images=frames[1:], loop=0, optimize=False,
        duration=[*[_FRAME_MS if convolution.readable else 120] * (len(frames) - 1), 2500],
    )  # fmt: skip
    return buffer.getvalue()


def _frame(convolution: Convolution, total: Matrix, index: int) -> Image.Image:
    row, column = divmod(index, total.shape[1])
    cells = convolution.cells(row, column)
    if convolution.readable:
        padded = convolution.padded()
        parts = [
            (f"row {row}, column {column}", draw_cells(padded[:, :, channel], window=cells))
            for channel in range(padded.shape[2])
        ]
        result = draw_cells(total, window=[(row, column)], hidden_after=index + 1)
        return panels([*parts, ("result", result)])
    picture, result = _picture(convolution.padded()), _map(total)
    (top, left), (bottom, right) = cells[0], cells[-1]
    ImageDraw.Draw(picture).rectangle((left - 2, top - 2, right + 2, bottom + 2), outline=MARK, width=2)
    cover = ImageDraw.Draw(result)
    scale = result.width / total.shape[1]
    cover.rectangle((0, (row + 1) * scale, result.width, result.height), fill=(235, 238, 241))
    cover.rectangle((column * scale, row * scale, result.width, (row + 1) * scale), fill=(235, 238, 241))
    return panels([("picture", picture), ("result", result)])


def _picture(image: Matrix) -> Image.Image:
    if image.shape[2] == 3:
        return Image.fromarray(np.clip(image, 0, 255).astype(np.uint8))
    return Image.fromarray(shades(image[:, :, 0]))


def _map(values: Matrix) -> Image.Image:
    return Image.fromarray(signed(values) if values.min() < 0 else shades(values))


def _result_title(convolution: Convolution, channels: int) -> str:
    if convolution.pool:
        return "largest of each window"
    title = "result" if channels == 1 else "sum"
    return f"{title} + {convolution.bias:g}" if convolution.bias else title
