"""What a user may say about a network besides its name."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgecnn_runtime import OptionError, Preprocess
from edgecnn_runtime.preprocess import Kernel, ResizeRule

__all__ = ["WEIGHTS_SUFFIXES", "NetworkRequest", "read_labels"]

WEIGHTS_SUFFIXES = (".safetensors", ".pth", ".pt", ".pt2", ".bin", ".ckpt")
_MAX_LABELS_BYTES = 32 << 20


@dataclass(frozen=True)
class NetworkRequest:
    """Options that fill in or replace what a source says about itself; None leaves the source's own word.

    Attributes:
        random_weights: Build the architecture without downloading anything, with weights from seed 0.
        weights: A file to load in place of the source's own weights, which are then not downloaded.
        network: The network that the source, then a file of weights, belongs to.
        labels: Class names in the order of the logits.
        size: Height and width in pixels.
        resize: Resize rule.
        resize_to: Short side before the crop, in pixels.
        kernel: Resampling kernel.
        mean: Mean a channel, in units of 0 to 1.
        std: Standard deviation a channel, likewise.
        said_by: The option that stands for both, where they were not given one by one.
        scores: The output of an `.onnx` file that holds its scores, where several could.
        name: Name in the model file.
        license: License of the weights.
    """

    random_weights: bool = False
    weights: Path | None = None
    network: str | None = None
    labels: Sequence[str] | None = None
    size: tuple[int, int] | None = None
    resize: ResizeRule | None = None
    resize_to: int | None = None
    kernel: Kernel | None = None
    mean: tuple[float, float, float] | None = None
    std: tuple[float, float, float] | None = None
    said_by: str | None = None
    scores: str | None = None
    name: str | None = None
    license: str | None = None

    @property
    def bare(self) -> bool:
        """Whether the architecture alone is wanted, its weights coming from elsewhere or from seed 0."""
        return self.random_weights or self.weights is not None

    @property
    def head(self) -> dict[str, Any]:
        """`num_classes` for a bare network whose class names are given, as torchvision and timm take it."""
        return {"num_classes": len(self.labels)} if self.bare and self.labels is not None else {}

    @property
    def bare_license(self) -> str:
        """What is known of the license of weights that are not the source's own; empty for its own."""
        return "unknown" if self.weights is not None else "unknown (random weights)" if self.random_weights else ""

    def preprocess(self, default: Preprocess | None) -> Preprocess:
        """The source's preprocessing with what was asked for put over it.

        Raises:
            OptionError: neither says a size.
        """
        if default is None and self.size is None:
            raise OptionError(
                "the size of the network's input is not known; give it with --size 224 or --size 160x120."
            )
        if self.size is None and default is not None:
            height, width = default.height, default.width
        else:
            height, width = self.size or (0, 0)
        same_size = default is not None and (height, width) == (default.height, default.width)
        resize = self.resize or (default.resize if default else "short-side")
        resize_to = self.resize_to
        if resize == "short-side" and resize_to is None and default is not None and default.resize == resize:
            # Another size keeps the share of the picture that the crop shows.
            share = default.short_side / max(default.height, default.width)
            resize_to = default.resize_to if same_size else round(max(height, width) * share)
        kernel = self.kernel or (default.kernel if default else "bilinear")
        return Preprocess(height=height, width=width, resize=resize, resize_to=resize_to, kernel=kernel)


def read_labels(path: Path) -> tuple[str, ...]:
    """Class names from a text file, one a line, in the order of the logits.

    Raises:
        OptionError: The file cannot be read, is no UTF-8 text or has an empty line between names.
    """
    try:
        if path.stat().st_size > _MAX_LABELS_BYTES:
            raise OptionError(f"{path} is {path.stat().st_size} bytes; expected a list of names, one a line.")
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise OptionError(f"the labels {path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise OptionError(f"the labels {path} are no UTF-8 text; expected one name a line.") from error
    while lines and not lines[-1].strip():
        lines.pop()
    for number, line in enumerate(lines, 1):
        if not line.strip():
            raise OptionError(f"{path} has no name in line {number}; expected one class name a line.")
    if not lines:
        raise OptionError(f"{path} is empty; expected one class name a line.")
    return tuple(line.strip() for line in lines)
