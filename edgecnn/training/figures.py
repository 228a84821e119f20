"""The pictures of a run: learning curves, confusion matrix, and the test pictures misjudged most surely."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from edgecnn_runtime.errors import MissingPackageError
from edgecnn_runtime.files import atomic_path
from edgecnn_runtime.result import softmax

from edgecnn.data.dataset import Pictures
from edgecnn.training.checkpoint import Epoch
from edgecnn.training.predict import Predictions

if TYPE_CHECKING:
    from matplotlib.figure import Figure

__all__ = ["draw_confusion", "draw_curves", "draw_mistakes", "save_figure"]

NAMED_CLASSES = 30  # more names than this cannot be read on an axis
SHOWN = 24


def draw_curves(history: Sequence[Epoch]) -> Figure:
    """Loss and accuracy by epoch."""
    figure = _figure(9, 3.5)
    left, right = figure.subplots(1, 2)
    epochs = [line.epoch for line in history]
    left.plot(epochs, [line.loss for line in history], marker="o", color="tab:gray")
    left.set(title="Training loss", xlabel="epoch")
    right.plot(epochs, [100 * line.train_accuracy for line in history], marker="o", label="training, varied pictures")
    right.plot(epochs, [100 * line.accuracy for line in history], marker="o", label="test")
    right.set(title="Accuracy, %", xlabel="epoch")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.xaxis.get_major_locator().set_params(integer=True)  # there is no half epoch
    return figure


def draw_confusion(evaluation: Predictions, labels: Sequence[str]) -> Figure:
    """Right class by row, answer by column, each row as a share of its pictures."""
    counts = evaluation.confusion()
    shares = counts / np.maximum(counts.sum(1, keepdims=True), 1)
    named, labels = len(labels) <= NAMED_CLASSES, _printable(labels)
    side = 2.5 + 0.45 * len(labels) if named else 9
    figure = _figure(side + 0.5, side)
    axes = figure.subplots()
    axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    axes.set(title=f"Accuracy {evaluation.accuracy:.2%} of {evaluation.count}", xlabel="answer", ylabel="right class")
    if named:
        axes.set_xticks(range(len(labels)), labels, rotation=45, ha="right", parse_math=False)
        axes.set_yticks(range(len(labels)), labels, parse_math=False)
        for (row, column), count in np.ndenumerate(counts):
            if count:
                color = "white" if shares[row, column] > 0.5 else "black"
                axes.text(column, row, str(count), ha="center", va="center", fontsize=8, color=color)
    return figure


def draw_mistakes(evaluation: Predictions, pictures: Pictures, labels: Sequence[str]) -> Figure:
    """The test pictures with a wrong answer, the surest first; each with its answer and its right class."""
    shares, labels = softmax(evaluation.logits), _printable(labels)
    answers = shares.argmax(1)
    wrong = np.flatnonzero(answers != evaluation.labels)
    wrong = wrong[np.argsort(-shares[wrong, answers[wrong]], kind="stable")][:SHOWN]
    rows = max(1, -(-len(wrong) // 6))
    figure = _figure(9, 1.9 * rows)
    grid = figure.subplots(rows, 6, squeeze=False)
    for axes in grid.flat:
        axes.axis("off")
    if len(wrong) == 0:
        grid[0, 0].set_title("No mistakes.", fontsize=9)
        return figure
    for axes, number, pixels in zip(grid.flat, wrong, pictures.batch(wrong), strict=False):
        axes.imshow(pixels if pixels.shape[2] == 3 else pixels[..., 0], cmap="gray", vmin=0, vmax=255)
        answer, right = answers[number], evaluation.labels[number]
        title = f"{labels[answer]} {shares[number, answer]:.0%}\nis {labels[right]}"
        axes.set_title(title, fontsize=7, parse_math=False)
    return figure


def _printable(labels: Sequence[str]) -> list[str]:
    """The labels without the bytes that are no UTF-8, which folder names may hold and no font draws."""
    return [label.encode("utf-8", "surrogateescape").decode("utf-8", "replace") for label in labels]


def save_figure(figure: Figure, path: Path) -> None:
    """Write a figure as PNG, atomically."""
    with atomic_path(path) as temporary:
        figure.savefig(temporary, format="png", dpi=110)


def _figure(width: float, height: float) -> Figure:
    try:
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise MissingPackageError("matplotlib", extra="train") from error
    # A figure of its own, not pyplot's: nothing global changes and no window can open.
    figure = Figure(figsize=(width, height), layout="constrained")
    FigureCanvasAgg(figure)
    return figure
