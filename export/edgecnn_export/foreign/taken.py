"""What a foreign network takes: element type, layout, channels and batch of its one input."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.normalization import Normalization
from edgecnn_runtime.preprocess import LUMA, Pixels, Preprocess
from numpy.typing import NDArray

__all__ = ["TakenInput", "one_channel", "possible_inputs"]

_TYPES = (ir.DataType.FLOAT, ir.DataType.FLOAT16, ir.DataType.DOUBLE, ir.DataType.UINT8)


@dataclass(frozen=True)
class TakenInput:
    """A foreign network's input.

    Attributes:
        name: In the graph.
        dtype: float32, float16, float64 or uint8.
        channels: 3 for RGB, 1 for gray.
        channels_last: `(N, height, width, channels)` instead of `(N, channels, height, width)`.
        batch: Pictures that it takes at a time; 0 for any number.
        normalization: From pixels to its values; None where it takes the pixels themselves.
    """

    name: str
    dtype: np.dtype[Any]
    channels: int
    channels_last: bool
    batch: int = 0
    normalization: Normalization | None = None

    def of(self, pixels: Pixels) -> NDArray[Any]:
        """The input for `(N, height, width, 3)` uint8 RGB pixels."""
        if self.normalization is not None:
            return self.normalization.apply(pixels, channels_last=self.channels_last).astype(self.dtype)
        if self.channels == 1:
            pixels = np.rint(pixels @ np.array(LUMA, np.float32))[..., None].astype(np.uint8)
        return np.ascontiguousarray(pixels if self.channels_last else pixels.transpose(0, 3, 1, 2))


def possible_inputs(model: ir.Model, preprocess: Preprocess) -> Iterator[TakenInput]:
    """What the declared input can mean, the most probable first; a file that leaves its dimensions free allows several.

    Raises:
        ModelFileError: It has not one input, or one that is no picture of this size.
    """
    inputs = [value for value in model.graph.inputs if not value.is_initializer()]
    if len(inputs) != 1:
        found = ", ".join(str(value.name) for value in inputs) or "none"
        raise ModelFileError(f"the model has the inputs {found}; expected exactly one, a picture.")
    (value,) = inputs
    if value.dtype not in _TYPES:
        kind = value.dtype.name.lower() if value.dtype is not None else "no tensor"
        raise ModelFileError(
            f"the input {value.name!r} is {kind}; expected a picture as float32, float16, float64 or uint8."
        )
    sizes = [size if isinstance(size, int) else 0 for size in value.shape] if value.shape is not None else [0] * 4
    if len(sizes) != 4:
        raise ModelFileError(
            f"the input {value.name!r} takes {len(sizes)} dimensions {tuple(sizes)}; expected four: a batch of "
            "pictures."
        )
    layouts = _layouts(sizes, preprocess)
    if not layouts:
        found_size = tuple(sizes[1:]) if sizes[3] in (1, 3, 4) else (*sizes[2:], sizes[1])
        expected = (preprocess.height, preprocess.width, 3)
        raise ModelFileError(
            f"the input {value.name!r} takes {found_size} (height, width, channels), preprocess gives {expected}."
        )
    if layouts[0][0] == 4:
        raise ModelFileError(
            f"the input {value.name!r} takes four channels, a picture has red, green and blue, and nothing says what "
            "the fourth is (transparency, depth, infrared); give a network whose first layer takes three."
        )
    for channels, channels_last in layouts:
        if channels != 4:
            yield TakenInput(str(value.name), value.dtype.numpy(), channels, channels_last, sizes[0])


def one_channel(normalization: Normalization) -> Normalization:
    """The normalization of a gray picture, out of three equal values.

    Raises:
        OptionError: They differ.
    """
    mean, std = normalization.mean, normalization.std
    if len(set(mean)) > 1 or len(set(std)) > 1:
        raise OptionError(
            f"the network takes one channel (gray), but mean is {mean} and std is {std}; give one number for each, "
            "such as --mean 0.5 --std 0.5."
        )
    return replace(normalization, mean=mean[:1], std=std[:1])


def _layouts(sizes: list[int], preprocess: Preprocess) -> list[tuple[int, bool]]:
    """Channels and whether they are last, as far as the declared dimensions allow; declared channels come first."""
    found = []
    for channels_last in (False, True):
        at = 3 if channels_last else 1
        sides = sizes[1:3] if channels_last else sizes[2:]
        if all(side in (0, wanted) for side, wanted in zip(sides, (preprocess.height, preprocess.width), strict=True)):
            found += [(channels, channels_last) for channels in (3, 1, 4) if sizes[at] in (0, channels)]
    declared = [layout for layout in found if sizes[3 if layout[1] else 1] != 0]
    return declared or sorted(found, key=lambda layout: (3, 1, 4).index(layout[0]))
