"""What a classification gives back."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

__all__ = ["Failure", "Prediction", "Result", "Timing", "softmax"]


@dataclass(frozen=True)
class Prediction:
    """One class with its score.

    Attributes:
        index: Row of the class in the model's labels, from 0.
        label: The class's name.
        score: Softmax probability, 0 to 1.
    """

    index: int
    label: str
    score: float


@dataclass(frozen=True)
class Timing:
    """Milliseconds of one picture's way, by a monotonic clock."""

    decode: float = 0.0
    preprocess: float = 0.0
    inference: float = 0.0

    @property
    def total(self) -> float:
        """Sum of the three, in milliseconds."""
        return self.decode + self.preprocess + self.inference


@dataclass(frozen=True, eq=False)
class Result:
    """The answer for one picture.

    Attributes:
        logits: `(classes,)` float32, as the network gave them.
        labels: Names of all classes, by index.
        source: Name of the picture: its path where it has one.
        device: What was asked for and got, `cpu`, `cuda:0`, ….
        provider: The ONNX Runtime provider that really ran the network.
        timing_ms: Decoding, preprocessing and inference, in milliseconds.
    """

    logits: npt.NDArray[np.float32]
    labels: tuple[str, ...]
    source: str
    device: str
    provider: str
    timing_ms: Timing

    @cached_property
    def probabilities(self) -> npt.NDArray[np.float32]:
        """`(classes,)` float32 softmax of the logits; they sum to 1."""
        return softmax(self.logits)

    @cached_property
    def index(self) -> int:
        """Index of the most probable class."""
        return int(self.logits.argmax())

    @property
    def label(self) -> str:
        """Name of the most probable class."""
        return self.labels[self.index]

    @property
    def score(self) -> float:
        """Probability of the most probable class, 0 to 1."""
        return float(self.probabilities[self.index])

    def top(self, count: int = 5) -> tuple[Prediction, ...]:
        """The `count` most probable classes, best first; equal scores in the order of the labels."""
        order = np.argsort(-self.logits, kind="stable")[: max(count, 0)]
        return tuple(Prediction(int(i), self.labels[i], float(self.probabilities[i])) for i in order)

    @property
    def predictions(self) -> tuple[Prediction, ...]:
        """All classes, best first."""
        return self.top(len(self.labels))

    def __str__(self) -> str:
        return f"{self.source}: {self.label} {self.score:.1%} ({self.device}, {self.timing_ms.total:.1f} ms)"


@dataclass(frozen=True)
class Failure:
    """A picture of a stream that could not be classified, in the place where its result would stand.

    Attributes:
        source: Name of the picture.
        error: What was wrong with it.
    """

    source: str
    error: Exception


def softmax(logits: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Softmax over the last axis; float32 in and out, safe for large values."""
    exponents = np.exp(logits - logits.max(axis=-1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=-1, keepdims=True), dtype=np.float32)
