"""Accuracy, confusion and loss of a network on one split, one view of each picture unless asked otherwise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from edgecnn_runtime.normalization import Normalization
from torch import Tensor, nn

from edgecnn.data.dataset import Labels, Pictures
from edgecnn.training.normalize import normalize

__all__ = ["Predictions", "predict"]


@dataclass(frozen=True)
class Predictions:
    """What a network says about `count` pictures.

    Attributes:
        logits: `(N, classes)` float32.
        labels: `(N,)` the right classes.
    """

    logits: npt.NDArray[np.float32]
    labels: Labels

    @property
    def count(self) -> int:
        """How many pictures were looked at."""
        return len(self.labels)

    @property
    def correct(self) -> int:
        """How many pictures got their right class."""
        return int((self.logits.argmax(1) == self.labels).sum())

    @property
    def accuracy(self) -> float:
        """Share of the pictures that got their right class."""
        return self.correct / self.count

    @property
    def loss(self) -> float:
        """Mean cross-entropy without label smoothing."""
        return float(nn.functional.cross_entropy(torch.from_numpy(self.logits), torch.from_numpy(self.labels)))

    def confusion(self) -> npt.NDArray[np.int64]:
        """`(classes, classes)` counts, the right class by row and the answer by column."""
        classes = self.logits.shape[1]
        pairs = self.labels * classes + self.logits.argmax(1)
        return np.bincount(pairs, minlength=classes * classes).reshape(classes, classes)


def predict(
    module: nn.Module,
    pictures: Pictures,
    normalization: Normalization,
    *,
    count: int | None = None,
    batch: int = 500,
    views: bool = False,
    mirror: bool = True,
) -> Predictions:
    """Run a network in evaluation mode over the first `count` pictures (all when None).

    Args:
        module: Takes `(N, C, H, W)` float32; left in the mode it was in.
        pictures: The split.
        normalization: From pixels to the network's input.
        count: How many pictures.
        batch: Pictures at a time.
        views: Average the logits over the picture and itself moved by one pixel up-left and down-right
            (test-time augmentation); never what a deployed file does.
        mirror: With `views`, also take the mirror image of each; wrong for digits.
    """
    device = next(module.parameters()).device
    total = len(pictures.labels) if count is None else min(count, len(pictures.labels))
    training = module.training
    module.eval()
    parts = []
    try:
        with torch.inference_mode():
            for start in range(0, total, batch):
                numbers = np.arange(start, min(start + batch, total))
                inputs = normalize(torch.from_numpy(pictures.batch(numbers)).to(device), normalization)
                parts.append((_views(module, inputs, mirror=mirror) if views else module(inputs)).float().cpu())
    finally:
        module.train(training)
    return Predictions(torch.cat(parts).numpy(), pictures.labels[:total])


def _views(module: nn.Module, inputs: Tensor, *, mirror: bool) -> Tensor:
    padded = nn.functional.pad(inputs, (1, 1, 1, 1), mode="reflect")
    height, width = inputs.shape[2:]
    seen = (inputs, padded[:, :, :height, :width], padded[:, :, 2 : 2 + height, 2 : 2 + width])
    answers = [(module(view) + module(view.flip(3))) / 2 if mirror else module(view) for view in seen]
    mean: Tensor = 0.5 * answers[0] + 0.25 * answers[1] + 0.25 * answers[2]
    return mean
