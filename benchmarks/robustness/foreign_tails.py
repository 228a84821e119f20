"""What other exporters put behind the logits, and what the scores then mean."""

from typing import Any

import numpy as np
from onnx import TensorProto

__all__ = ["add_tail", "meant"]


def add_tail(graph: Any, tail: str, logits: str, *, four: bool) -> str:
    """Append a tail to `(N, 5)` (or `(N, 5, 1, 1)`) logits; the name of the tensor of scores."""
    if tail == "none":
        return logits
    if tail in ("one sigmoid", "one logit"):
        return _one(graph, tail, logits, four=four)
    if tail == "sigmoid":
        return str(graph.add("Sigmoid", [logits], "probabilities"))
    if tail == "sigmoid by hand":
        graph.add("Neg", [logits], "negated")
        graph.add("Exp", ["negated"], "grown")
        graph.add("Add", ["grown", graph.constant("one", np.float32(1))], "below")
        return str(graph.add("Div", [graph.constant("above", np.float32(1)), "below"], "probabilities"))
    if tail.startswith("by hand"):
        return _by_hand(graph, logits, stable=tail.endswith("stable"))
    if tail == "log":
        return _softmax(graph, logits, "log_probabilities", four=four, kind="LogSoftmax")
    if tail in ("mean", "two heads"):
        return _mean(graph, logits, four=four)
    inner = _softmax(graph, logits, "softmaxed", four=four)
    if tail == "identity":
        return str(graph.add("Identity", [inner], "probabilities"))
    if tail == "cast":
        graph.add("Cast", [inner], "wide", to=TensorProto.DOUBLE)
        return str(graph.add("Cast", ["wide"], "probabilities", to=TensorProto.FLOAT))
    if tail == "flatten":
        return str(graph.add("Flatten", [inner], "probabilities", axis=1))
    if tail == "4-D" and not four:
        # Softmax over the channels of a picture of one pixel, then flat again.
        graph.reduce("Unsqueeze", logits, "as_picture", [2, 3])
        _softmax(graph, "as_picture", "picture_softmaxed", four=True)
        return str(graph.add("Flatten", ["picture_softmaxed"], "probabilities", axis=1))
    return inner


def meant(tail: str, logits: np.ndarray) -> np.ndarray:
    """What the scores of a tail mean, for `(N, 5)` logits: `(N, classes)` probabilities.

    Five sigmoids are five answers of their own; one is a second class whose first is the rest.
    """
    if tail in ("sigmoid", "sigmoid by hand"):
        return np.asarray(1 / (1 + np.exp(-logits)))
    if tail in ("one sigmoid", "one logit"):
        second = 1 / (1 + np.exp(-logits[:, :1]))
        return np.concatenate([1 - second, second], axis=1)
    if tail in ("mean", "two heads"):
        return (_softmax_of(logits) + _softmax_of(logits * 0.5)) / 2
    return _softmax_of(logits)


def _softmax_of(logits: np.ndarray) -> np.ndarray:
    exponents = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def _softmax(graph: Any, taken: str, output: str, *, four: bool, kind: str = "Softmax") -> str:
    # Before opset 13 all behind the axis is one; for a picture of one pixel that is the same.
    axis = 1 if four or graph.opset < 13 else -1
    return str(graph.add(kind, [taken], output, axis=axis))


def _by_hand(graph: Any, logits: str, *, stable: bool) -> str:
    if stable:
        graph.reduce("ReduceMax", logits, "largest", [1])
        logits = graph.add("Sub", [logits, "largest"], "shifted")
    graph.add("Exp", [logits], "exponents")
    graph.reduce("ReduceSum", "exponents", "total", [1])
    return str(graph.add("Div", ["exponents", "total"], "probabilities"))


def _mean(graph: Any, logits: str, *, four: bool) -> str:
    """The mean of two softmaxes, as an ensemble has it."""
    first = _softmax(graph, logits, "first_answer", four=four)
    graph.add("Mul", [logits, graph.constant("half", np.float32(0.5))], "softer")
    second = _softmax(graph, "softer", "second_answer", four=four)
    graph.add("Add", [first, second], "both")
    return str(graph.add("Mul", ["both", graph.constant("share", np.float32(0.5))], "probabilities"))


def _one(graph: Any, tail: str, logits: str, *, four: bool) -> str:
    flat = graph.add("Flatten", [logits], "one_flat", axis=1) if four else logits
    chosen = graph.add("Gather", [flat, graph.constant("first_column", [0], np.int64)], "one_logit", axis=1)
    return str(chosen if tail == "one logit" else graph.add("Sigmoid", [chosen], "probability"))
