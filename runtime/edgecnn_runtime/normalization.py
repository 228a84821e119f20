"""From pixels to the float input of a plain `.onnx` that edgecnn did not write.

edgecnn's own files need none of this: their graph starts at uint8 pixels.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.errors import OptionError

__all__ = ["Normalization"]


@dataclass(frozen=True)
class Normalization:
    """`(pixels / 255 - mean) / std`, a channel at a time.

    Attributes:
        mean: RGB mean of the training pictures, in units of 0 to 1.
        std: RGB standard deviation, in units of 0 to 1, above 0.
    """

    mean: tuple[float, float, float] = (0.0, 0.0, 0.0)
    std: tuple[float, float, float] = (1.0, 1.0, 1.0)

    def __post_init__(self) -> None:
        for name in ("mean", "std"):
            values = getattr(self, name)
            if len(values) != 3 or not all(np.isfinite(v) for v in values):
                raise OptionError(f"{name} is {values!r}; expected three numbers, one a channel, in units of 0 to 1.")
        if min(self.std) <= 0:
            raise OptionError(f"std is {self.std!r}; expected three numbers above 0.")

    def apply(self, pixels: npt.NDArray[np.uint8], *, channels_last: bool) -> npt.NDArray[np.float32]:
        """`(N, H, W, 3)` uint8 to float32 of the same layout, or `(N, 3, H, W)`."""
        scaled = pixels.astype(np.float32) / np.float32(255)
        normalized = (scaled - np.array(self.mean, np.float32)) / np.array(self.std, np.float32)
        return np.ascontiguousarray(normalized if channels_last else normalized.transpose(0, 3, 1, 2), np.float32)
