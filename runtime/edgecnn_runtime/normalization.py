"""From uint8 pixels to the float input that a network was trained with.

edgecnn's own files hold this in their graph; training, export and plain `.onnx` files take it from here.
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.preprocess import LUMA

__all__ = ["Normalization"]

_COUNTS = {1: "one number", 3: "three numbers"}


@dataclass(frozen=True)
class Normalization:
    """`(pixels / 255 - mean) / std`, a channel at a time.

    Attributes:
        mean: Mean of the training pictures, one value a channel (one for gray, three for RGB), in units of 0 to 1.
        std: Standard deviation, likewise, above 0.

    Raises:
        OptionError: The two differ in length, or hold anything but finite numbers.
    """

    mean: tuple[float, ...] = (0.0, 0.0, 0.0)
    std: tuple[float, ...] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        count = _COUNTS.get(len(self.std), f"{len(self.std)} numbers")
        for name in ("mean", "std"):
            values = getattr(self, name)
            if not values or len(values) != len(self.std) or not all(np.isfinite(value) for value in values):
                raise OptionError(f"{name} is {values!r}; expected {count}, one a channel, in units of 0 to 1.")
        if min(self.std) <= 0:
            raise OptionError(f"std is {self.std!r}; expected {count} above 0.")

    @property
    def channels(self) -> int:
        """How many channels the network takes: 1 for gray, 3 for RGB."""
        return len(self.mean)

    @cached_property
    def scale(self) -> npt.NDArray[np.float32]:
        """`(channels,)` float32; `pixels * scale + offset` is the whole normalization of values from 0 to 255."""
        return (1 / (255 * np.array(self.std, np.float64))).astype(np.float32)

    @cached_property
    def offset(self) -> npt.NDArray[np.float32]:
        """`(channels,)` float32, added after the multiplication with `scale`."""
        return (-np.array(self.mean, np.float64) / np.array(self.std, np.float64)).astype(np.float32)

    def apply(self, pixels: npt.NDArray[np.uint8], *, channels_last: bool) -> npt.NDArray[np.float32]:
        """Normalize a batch by the textbook formula.

        Args:
            pixels: `(N, H, W, channels)` uint8; RGB pixels become gray by luma where the network takes one channel.
            channels_last: Keep the layout; `(N, channels, H, W)` comes back otherwise.

        Returns:
            float32, contiguous.
        """
        scaled = pixels.astype(np.float32) / np.float32(255)
        if self.channels == 1 and pixels.shape[-1] == 3:
            scaled = (scaled * np.array(LUMA, np.float32)).sum(axis=-1, keepdims=True)
        normalized = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normalized if channels_last else normalized.transpose(0, 3, 1, 2), np.float32)
