"""`edgecnn convolve`: the sliding window made visible."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from edgecnn_runtime import OptionError

from edgecnn.cli.options import Json
from edgecnn.cli.output import print_json, say, show

if TYPE_CHECKING:
    from edgecnn.understanding.convolving import Convolution

__all__ = ["convolve"]

_READABLE_RESULT = 64  # cells; a longer trace scrolls past
_PICTURE_SIDE = 256  # pixels; a larger picture is made smaller so that single pixels can still be told apart


def convolve(
    source: Annotated[str, typer.Argument(help="A matrix ('3 3 2 / 0 0 1'), a text file of one, or a picture.")],
    kernel: Annotated[
        str | None,
        typer.Option(help="A matrix, or sobel_x, sobel_y, gaussian, laplacian, sharpen, box; parted by | for RGB."),
    ] = None,
    pool: Annotated[
        int | None, typer.Option(min=1, help="Max pooling with a window of this side, in place of a kernel.")
    ] = None,
    stride: Annotated[
        int | None, typer.Option(help="Cells from one window to the next; 1, for pooling its side.")
    ] = None,
    padding: Annotated[str, typer.Option(help="Zeros around: one number, top,left,bottom,right, or same.")] = "0",
    dilation: Annotated[int, typer.Option(help="Cells from one kernel cell to the next.")] = 1,
    bias: Annotated[float, typer.Option(help="Added to every cell.")] = 0,
    gray: Annotated[bool, typer.Option("--gray", help="Make a picture gray first.")] = False,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", help="Write .png, .gif (animation) or .html.")
    ] = None,
    json: Json = False,
) -> None:
    """Slide a kernel over a matrix or a picture and show every product and sum.

    Example: edgecnn convolve "3 3 2 1 0 / 0 0 1 3 1 / 3 1 2 2 3" --kernel "0 1 2 / 2 2 0 / 0 1 2"
    """
    from edgecnn.understanding.convolving import Convolution, Slide

    if (kernel is None) == (pool is None):
        raise OptionError("give either --kernel or --pool, for example --kernel sobel_x.")
    image = _read(source, gray=gray)
    slide = Slide(stride=(pool or 1) if stride is None else stride, padding=_padding(padding), dilation=dilation)
    convolution = Convolution(
        image=image,
        kernels=_kernels(kernel, image.shape[2]),
        pool=pool or 0,
        slide=slide,
        bias=int(bias) if bias.is_integer() else bias,
    )
    if output is not None:
        _write(convolution, output)
    elif json:
        _print_json(convolution)
    else:
        _print(convolution)


def _read(source: str, *, gray: bool) -> Any:
    """`(H, W, C)`: numbers typed or out of a file, or a picture's pixels."""
    import numpy as np

    from edgecnn.understanding.convolving import parse_matrix

    path = Path(source)
    looks_typed = any(sign in source for sign in " \n,;") and not path.suffix.isalpha()
    try:
        exists = path.is_file()
    except OSError:  # a matrix longer than a file name may be
        exists = False
    if not exists:
        if not looks_typed and not source.lstrip("-").replace(".", "").isdigit():
            raise OptionError(f"there is no file {source!r}; give a picture, or numbers such as '3 3 2 / 0 0 1'.")
        return parse_matrix(source)[:, :, None]
    if path.suffix.lower() in (".txt", ".csv"):
        return parse_matrix(path.read_text(encoding="utf-8", errors="replace"))[:, :, None]
    from edgecnn_runtime.image import load_image

    picture = load_image(path)
    if max(picture.size) > _PICTURE_SIDE:
        shrink = _PICTURE_SIDE / max(picture.size)
        size = (max(1, round(picture.width * shrink)), max(1, round(picture.height * shrink)))
        say(f"the picture is {picture.width}×{picture.height}; shown at {size[0]}×{size[1]}.")
        picture = picture.resize(size)
    pixels = np.asarray(picture.convert("L") if gray else picture).astype(np.int64)
    return pixels[:, :, None] if gray else pixels


def _kernels(text: str | None, channels: int) -> tuple[Any, ...]:
    from edgecnn.understanding.convolving import parse_kernels

    if text is None:
        return ()
    kernels = parse_kernels(text)
    if len(kernels) == 1:
        return tuple(kernels * channels)
    if len(kernels) != channels:
        raise OptionError(f"there are {len(kernels)} kernels for {channels} channels; give one, or one a channel.")
    return tuple(kernels)


def _padding(text: str) -> Any:
    if text == "same":
        return "same"
    try:
        sides = tuple(int(side) for side in text.split(","))
    except ValueError:
        sides = ()
    if len(sides) not in (1, 4):
        raise OptionError(f"padding is {text!r}; expected a number, four as in 1,1,2,2, or same.")
    return sides[0] if len(sides) == 1 else sides


def _write(convolution: "Convolution", path: Path) -> None:
    from edgecnn.understanding.convolving import animate, convolve_page, draw
    from edgecnn.understanding.pages import file_bytes
    from edgecnn.write import check_ending, write_file

    suffix = check_ending(path, "output", (".png", ".gif", ".html"))
    if suffix == ".html":
        content: str | bytes = convolve_page(convolution)
    elif suffix == ".gif":
        content = animate(convolution)
    else:
        content = file_bytes(draw(convolution))
    say(f"wrote {write_file(path, content)}")


def _print(convolution: "Convolution") -> None:
    from edgecnn.understanding.convolving import format_matrix, format_trace

    maps, several = convolution.maps(), convolution.channels > 1
    size = "×".join(str(side) for side in maps.total.shape)
    if maps.total.size <= _READABLE_RESULT:
        for index in range(convolution.channels):
            if several:
                show(f"channel {index}\n")
            kernel = None if convolution.pool else convolution.kernels[index]
            show(format_trace(convolution.steps(index), kernel) + "\n")
    elif not convolution.readable:
        raise OptionError(f"the result is {size}, too large to print; write it with --output FILE.png, .gif or .html.")
    for index, part in enumerate(maps.partial if several else ()):
        show(f"channel {index} under its kernel\n{format_matrix(part)}\n")
    bias_note = f", with the bias {convolution.bias:g}" if convolution.bias else ""
    show(f"result {size}{bias_note}\n{format_matrix(maps.total)}")


def _print_json(convolution: "Convolution") -> None:
    for index in range(convolution.channels):
        for step in convolution.steps(index):
            print_json(
                {
                    "channel": index,
                    "row": step.row,
                    "column": step.column,
                    "window": step.window.tolist(),
                    "products": step.products.tolist(),
                    "value": step.value.item(),
                }
            )
    print_json({"result": convolution.maps().total.tolist()})
