"""What happens to a picture before the network: resize rule, antialiased kernel, crop. The only implementation.

Files come here through `edgecnn_runtime.prepare`, camera frames directly, so a picture cannot reach the network in two
different ways. Kernels are Pillow's, which is what torchvision's transforms use on pictures; sizes and crop offsets
follow torchvision's `Resize` and `CenterCrop` rounding.
"""

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt
from PIL import Image

from edgecnn_runtime.errors import OptionError, quoted
from edgecnn_runtime.image import Box, check_pixels

__all__ = ["LUMA", "MAX_SIDE", "Kernel", "Pixels", "Preprocess", "ResizeRule"]

Pixels = npt.NDArray[np.uint8]
ResizeRule = Literal["short-side", "squash", "letterbox"]
Kernel = Literal["nearest", "box", "bilinear", "hamming", "bicubic", "lanczos"]

LUMA = (0.299, 0.587, 0.114)
"""Shares of red, green and blue in gray: ITU-R BT.601, which Pillow's mode "L" and OpenCV use."""
MAX_SIDE = 8192
_PAD_COLOR_KEY = "pad_colour"  # as the model file spells it
_SMOOTH = ("bilinear", "bicubic")
# A sliver of 1 × 10,000 pixels would become 256 × 2,560,000 before its crop: 2 GB.
_MAX_WHOLE_PIXELS = 1 << 24


@dataclass(frozen=True)
class Preprocess:
    """From an upright RGB picture of any size to `(height, width, 3)` uint8 RGB pixels.

    Attributes:
        height: Rows the network takes, in pixels.
        width: Columns the network takes, in pixels.
        resize: `short-side` scales so that the short side is `resize_to`, then crops the center; `squash` scales
            both sides to the target whatever the aspect; `letterbox` fits the whole picture inside and pads.
        resize_to: Length of the short side before the crop, in pixels; only for `short-side`, where leaving it
            out means the larger of height and width.
        kernel: Antialiased resampling kernel, by Pillow's name.
        pad_color: RGB of the border that `letterbox` adds, 0 to 255 each.
    """

    height: int
    width: int
    resize: ResizeRule = "short-side"
    resize_to: int | None = None
    kernel: Kernel = "bilinear"
    pad_color: tuple[int, int, int] = (0, 0, 0)

    def __post_init__(self) -> None:
        for name in ("height", "width"):
            _check_side(name, getattr(self, name))
        if self.resize not in get_args(ResizeRule):
            raise OptionError(
                f"resize is {quoted(repr(self.resize), 80)}; expected one of {', '.join(get_args(ResizeRule))}."
            )
        if self.kernel not in get_args(Kernel):
            raise OptionError(
                f"kernel is {quoted(repr(self.kernel), 80)}; expected one of {', '.join(get_args(Kernel))}."
            )
        if self.resize == "short-side":
            if self.resize_to is None:
                object.__setattr__(self, "resize_to", max(self.height, self.width))
            _check_side("resize_to", self.resize_to)
            if self.short_side < max(self.height, self.width):
                raise OptionError(
                    f"resize_to is {self.resize_to}, smaller than the {self.height}×{self.width} crop; "
                    f"expected at least {max(self.height, self.width)}."
                )
        elif self.resize_to is not None:
            raise OptionError(
                f"resize_to is {self.resize_to} with resize={quoted(repr(self.resize), 80)}; it goes with short-side."
            )
        color = tuple(self.pad_color)
        if len(color) != 3 or not all(_is_int(c) and 0 <= c <= 255 for c in color):
            raise OptionError(
                f"pad_color is {quoted(repr(self.pad_color), 80)}; expected three whole numbers from 0 to 255."
            )
        object.__setattr__(self, "pad_color", color)

    @property
    def short_side(self) -> int:
        """Length in pixels below which the short side of a picture must be enlarged."""
        return self.resize_to or max(self.height, self.width)

    def apply(self, image: Image.Image | Pixels, *, box: Box | None = None) -> Pixels:
        """Resize and crop one picture.

        Args:
            image: An upright RGB picture, or an `(H, W, 3)` uint8 array. The order of the channels does not
                matter to a resize: BGR in gives BGR out.
            box: Left, top, right and bottom of the picture inside `image`, in its pixels, for one that was decoded
                at a fraction of its size (`edgecnn_runtime.image.decode_image`); None for the whole.

        Returns:
            `(height, width, 3)` uint8, same channel order as the input, contiguous.

        Raises:
            ImageError: The array is not `(H, W, 3)` uint8, or empty.
        """
        picture = image if isinstance(image, Image.Image) else Image.fromarray(check_pixels(image))
        if picture.mode != "RGB":
            picture = picture.convert("RGB")
        whole = (0.0, 0.0, float(picture.width), float(picture.height))
        box = box or whole
        resample = Image.Resampling[self.kernel.upper()]
        if self.resize == "squash":
            resized = picture.resize((self.width, self.height), resample, box=box)
        elif self.resize == "letterbox":
            resized = self._letterbox(picture, resample, box)
        else:
            resized = self._crop_of_short_side(picture, resample, box, partial=box != whole)
        return np.asarray(resized)

    @property
    def decode_side(self) -> int:
        """Length in pixels that a large JPEG's short side must keep when it is decoded at a fraction of its size.

        Twice what the resize needs, so that the antialiased resize, not the decoder's coarse one, shapes what the
        network sees.
        """
        return 2 * self.short_side

    def _crop_of_short_side(
        self, picture: Image.Image, resample: Image.Resampling, box: Box, *, partial: bool
    ) -> Image.Image:
        width, height, short = box[2] - box[0], box[3] - box[1], self.short_side
        if width <= height:
            scaled_width, scaled_height = short, int(short * height / width)
        else:
            scaled_width, scaled_height = int(short * width / height), short
        left = round((scaled_width - self.width) / 2.0)
        top = round((scaled_height - self.height) / 2.0)
        # Resizing just the box that the crop keeps costs half of resizing the whole, as Pillow's kernels look beyond
        # the box for their support. Its corners are float32, though: that moves a value by one gray level where a
        # smooth kernel shrinks a picture (by more in one value of millions), by far with other kernels and enlarging.
        boxed = partial or (self.kernel in _SMOOTH and short <= min(width, height))
        if boxed or scaled_width * scaled_height > _MAX_WHOLE_PIXELS:
            x, y = width / scaled_width, height / scaled_height
            right = min(box[0] + (left + self.width) * x, box[2])
            bottom = min(box[1] + (top + self.height) * y, box[3])
            cut = (box[0] + left * x, box[1] + top * y, right, bottom)
            return picture.resize((self.width, self.height), resample, box=cut)
        whole = picture.resize((scaled_width, scaled_height), resample)
        return whole.crop((left, top, left + self.width, top + self.height))

    def _letterbox(self, picture: Image.Image, resample: Image.Resampling, box: Box) -> Image.Image:
        full_width, full_height = box[2] - box[0], box[3] - box[1]
        scale = min(self.width / full_width, self.height / full_height)
        width = min(self.width, max(1, round(full_width * scale)))
        height = min(self.height, max(1, round(full_height * scale)))
        canvas = Image.new("RGB", (self.width, self.height), self.pad_color)
        resized = picture.resize((width, height), resample, box=box)
        canvas.paste(resized, ((self.width - width) // 2, (self.height - height) // 2))
        return canvas

    def to_dict(self) -> dict[str, Any]:
        """The JSON form that stands in a model file."""
        document = asdict(self)
        document[_PAD_COLOR_KEY] = list(document.pop("pad_color"))
        return document

    @classmethod
    def from_dict(cls, document: dict[str, Any]) -> "Preprocess":
        """Read the JSON form back.

        Raises:
            OptionError: A field is missing, unknown or out of range; the message names it.
        """
        known = {field.name for field in fields(cls)} - {"pad_color"} | {_PAD_COLOR_KEY}
        unknown = sorted(set(document) - known)
        if unknown:
            raise OptionError(
                f"preprocess has the unknown field {quoted(repr(unknown[0]), 80)}; expected {', '.join(sorted(known))}."
            )
        missing = sorted({"height", "width"} - set(document))
        if missing:
            raise OptionError(f"preprocess has no {missing[0]!r}; expected at least height and width.")
        values = dict(document)
        if _PAD_COLOR_KEY in values:
            color = values.pop(_PAD_COLOR_KEY)
            if not isinstance(color, (list, tuple)):
                raise OptionError(
                    f"{_PAD_COLOR_KEY} is {quoted(repr(color), 80)}; expected three whole numbers from 0 to 255."
                )
            values["pad_color"] = tuple(color)
        return cls(**values)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_side(name: str, value: Any) -> None:
    if not _is_int(value) or not 1 <= value <= MAX_SIDE:
        raise OptionError(
            f"{name} is {quoted(repr(value), 80)}; expected a whole number of pixels from 1 to {MAX_SIDE}."
        )
