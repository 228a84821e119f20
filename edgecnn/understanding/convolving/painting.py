"""A sliding window as a picture or an animation: small matrices with their numbers, large ones as pictures."""

import io
from collections.abc import Callable

import numpy as np
from PIL import Image, ImageDraw

from edgecnn.understanding.convolving.convolution import Convolution
from edgecnn.understanding.drawing import MARK, Matrix, draw_cells, panels, shades, signed

__all__ = ["animate", "draw"]

_MOST_FRAMES = {True: 160, False: 40}  # with readable numbers; of a picture, whose frames are large
_FRAME_MS = {True: 350, False: 120}
_LAST_FRAME_MS = 2500
_CHANNELS = {1: ("input",), 3: ("red", "green", "blue")}


def draw(convolution: Convolution) -> Image.Image:
    """Input, what each channel gave, the sum, side by side."""
    maps = convolution.maps()
    count = convolution.channels
    names = _CHANNELS.get(count) or tuple(f"channel {index}" for index in range(count))
    shown: Callable[[Matrix], Image.Image] = draw_cells if convolution.readable else _map
    if convolution.readable:
        padded = convolution.padded()
        parts = [(name, draw_cells(padded[:, :, index])) for index, name in enumerate(names)]
        titles = ["kernel"] if count == 1 else [f"kernel, {name}" for name in names]
        parts += [(title, draw_cells(kernel)) for title, kernel in zip(titles, convolution.kernels, strict=False)]
    else:
        parts = [("picture", _picture(convolution.image))]
    if count > 1:
        parts += [(f"{name} under its kernel", shown(part)) for name, part in zip(names, maps.partial, strict=True)]
    title = "largest of each window" if convolution.pool else "result" if count == 1 else "sum"
    if convolution.bias and not convolution.pool:
        title += f" + {convolution.bias:g}"
    return panels([*parts, (title, shown(maps.total))], columns=count if count > 1 and convolution.readable else None)


def animate(convolution: Convolution) -> bytes:
    """A GIF of the window sliding over the input while the result fills.

    Every position has a frame where numbers can be read; a picture's window goes on in about a hundred steps.
    """
    total = convolution.maps().total
    step = -(-total.size // _MOST_FRAMES[convolution.readable])
    frames = [_frame(convolution, total, index) for index in [*range(0, total.size, step), total.size - 1]]
    # One palette without dithering: frames that differ in a window only then compress to that window.
    palette = frames[len(frames) // 2].quantize(96, dither=Image.Dither.NONE)
    frames = [frame.quantize(palette=palette, dither=Image.Dither.NONE) for frame in frames]
    buffer = io.BytesIO()
    durations = [*[_FRAME_MS[convolution.readable]] * (len(frames) - 1), _LAST_FRAME_MS]
    frames[0].save(buffer, "GIF", save_all=True, append_images=frames[1:], loop=0, optimize=False, duration=durations)
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
