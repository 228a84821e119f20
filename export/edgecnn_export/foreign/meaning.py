"""What scores are, by their values on real pictures and by the graph: logits, probabilities, one of two classes."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import Enum

import numpy as np
import onnx_ir as ir
from edgecnn_runtime.errors import ModelFileError
from numpy.typing import NDArray

from edgecnn_export.foreign.specimen import Rows

__all__ = ["Kind", "Meaning", "ancestors", "as_logits", "probabilities", "understand"]

_LINEAR = ("Gemm", "MatMul", "Conv", "Add", "Sub", "BatchNormalization", "QLinearConv", "QLinearMatMul", "QGemm")
_POOLING = ("GlobalAveragePool", "AveragePool", "GlobalMaxPool", "MaxPool", "ReduceMean")
_MOVING = ("Identity", "Cast", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Transpose", "Dropout", "Gather", "Slice",
           "DequantizeLinear", "QuantizeLinear")  # fmt: skip
_SUM, _CLOSE = 2e-3, 2e-3
_DEEPEST = 24


class Kind(Enum):
    """What a row of scores is."""

    LOGITS = "logits"
    PROBABILITIES = "probabilities"
    ONE_LOGIT = "one logit"
    ONE_PROBABILITY = "one probability"


@dataclass(frozen=True)
class Meaning:
    """How to read the scores.

    Attributes:
        tensor: Name of the tensor to take them from: the output, or the logits inside the graph that it is made of.
        kind: What that tensor holds.
        words: What the output was found to be and what was done, for people.
    """

    tensor: str
    kind: Kind
    words: str


def ancestors(model: ir.Model, name: str) -> Iterator[ir.Value]:
    """The tensors that the scores are made of, nearest first, back to the last layer with weights."""
    (current,) = (value for value in model.graph.outputs if value.name == name)
    waiting, seen = [current], {current}
    for _ in range(_DEEPEST):
        if not waiting:
            return
        value = waiting.pop(0)
        node = value.producer()
        if value is not current:
            yield value
        if node is None or node.op_type in (*_LINEAR[:3], *_POOLING):
            continue
        for source in node.inputs:
            if source is not None and source.producer() is not None and source not in seen:
                seen.add(source)
                waiting.append(source)


def understand(model: ir.Model, name: str, rows: dict[str, Rows], labels: int) -> Meaning:
    """Decide what the scores `name` are.

    Args:
        model: The network.
        name: The output with the scores.
        rows: `(pictures, values)` of the output and of the tensors before it.
        labels: How many there are.

    Raises:
        ModelFileError: Each score is a probability of its own, or they lie between 0 and 1 for no reason that is known.
    """
    scores = rows[name]
    before = [v for v in ancestors(model, name) if v.name in rows and rows[str(v.name)].shape == scores.shape]
    inside = bool(np.isfinite(scores).all() and scores.min() >= -1e-6 and scores.max() <= 1 + 1e-4)
    linear = _last_operator(model, name) in _LINEAR
    if scores.shape[1] == 1:
        return _one(name, rows, before, inside=inside, linear=linear)
    if inside and np.abs(scores.sum(axis=1) - 1).max() < _SUM:
        return _softmaxed("probabilities", name, rows, before, scores)
    if scores.max() <= 1e-6 and np.abs(np.exp(scores.astype(np.float64)).sum(axis=1) - 1).max() < _SUM:
        return _softmaxed("logarithms of probabilities", name, rows, before, np.exp(scores))
    if inside and not linear:
        sigmoid = _made_by(_sigmoid, rows, before, scores)
        if sigmoid is not None:
            raise ModelFileError(
                f"the output {name!r} gives {labels} sigmoids, each a probability of its own, of which several or none "
                "may be true for a picture; a model file says which one of its classes a picture is. If exactly one "
                f"always is, take what the sigmoids are made of as logits: --scores {sigmoid.name}."
            )
        raise ModelFileError(
            f"the output {name!r} gives numbers between 0 and 1 that do not add up to 1 and come from no softmax, so "
            "that what they mean is not known; choose the logits with --scores, or export the network so that it gives "
            "them."
        )
    return Meaning(name, Kind.LOGITS, f"the output {name} holds logits")


def probabilities(rows: Rows, kind: Kind) -> NDArray[np.float64]:
    """What scores of a kind mean: `(pictures, classes)`."""
    wide = rows.astype(np.float64)
    if kind in (Kind.ONE_LOGIT, Kind.ONE_PROBABILITY):
        second = _sigmoid(wide) if kind is Kind.ONE_LOGIT else wide
        return np.concatenate([1 - second, second], axis=1)
    return _softmax(wide) if kind is Kind.LOGITS else wide


def as_logits(rows: Rows, kind: Kind) -> Rows:
    """Scores of a kind as `(pictures, classes)` logits."""
    if kind is Kind.LOGITS:
        return rows
    if kind is Kind.ONE_LOGIT:
        return np.concatenate([np.zeros_like(rows), rows], axis=1)
    return np.log(np.maximum(probabilities(rows, kind), np.finfo(np.float32).tiny)).astype(np.float32)


def _one(name: str, rows: dict[str, Rows], before: list[ir.Value], *, inside: bool, linear: bool) -> Meaning:
    if not inside or linear:
        return Meaning(name, Kind.ONE_LOGIT, f"the output {name} holds one logit, that of the second label")
    logit = _made_by(_sigmoid, rows, before, rows[name])
    words = f"the output {name} holds one probability, that of the second label"
    if logit is None:
        return Meaning(name, Kind.ONE_PROBABILITY, f"{words}; its logarithm is taken")
    return Meaning(str(logit.name), Kind.ONE_LOGIT, f"{words}; the sigmoid at its end is taken off")


def _softmaxed(words: str, name: str, rows: dict[str, Rows], before: list[ir.Value], wanted: Rows) -> Meaning:
    words = f"the output {name} holds {words}"
    logits = _made_by(_softmax, rows, before, wanted)
    if logits is not None:
        return Meaning(str(logits.name), Kind.LOGITS, f"{words}; the softmax at its end is taken off")
    if "logarithms" in words:
        return Meaning(name, Kind.LOGITS, words)
    return Meaning(name, Kind.PROBABILITIES, f"{words} that come from no single softmax; their logarithm is taken")


def _made_by(
    function: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    rows: dict[str, Rows],
    before: list[ir.Value],
    wanted: Rows,
) -> ir.Value | None:
    """The tensor that gives the scores when the function is applied; the furthest of those that only moves separate."""
    fitting = [v for v in before if np.abs(function(rows[str(v.name)].astype(np.float64)) - wanted).max() < _CLOSE]
    if not fitting:
        return None
    chosen = fitting[0]
    while True:
        maker = chosen.producer()
        further = [v for v in maker.inputs if v in fitting] if maker and maker.op_type in (*_MOVING, "Sub") else []
        if not further or further[0] is None:
            return chosen
        chosen = further[0]


def _last_operator(model: ir.Model, name: str) -> str:
    """The operator that computes a tensor, behind those that only move its values."""
    (value,) = (output for output in model.graph.outputs if output.name == name)
    while (node := value.producer()) is not None and node.op_type in _MOVING and node.inputs[0] is not None:
        value = node.inputs[0]
    return node.op_type if node is not None else ""


def _softmax(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    exponents = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def _sigmoid(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(rows, -700, 700))))
