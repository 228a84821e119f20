"""Top-1, top-5, confused pairs and agreement of a classifier on labeled pictures."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier, Failure, OptionError, Result

from edgecnn.data.check import UNREADABLE_LIMIT, unreadable_warnings
from edgecnn.data.labeled import LabeledPictures

__all__ = ["EvaluationReport", "Flip", "TopPredictions", "evaluate", "predict_top", "score"]

_MOST_CONFUSED = 10


@dataclass(frozen=True, eq=False)
class TopPredictions:
    """What a classifier says about every picture.

    Attributes:
        best: `(N, 5)` class indices, best first (fewer columns where there are fewer classes); -1 where the picture
            could not be read.
        seconds: Wall time of it all.
        failures: The pictures that could not be read, with the reason.
    """

    best: npt.NDArray[np.int64]
    seconds: float
    failures: tuple[Failure, ...]


@dataclass(frozen=True)
class Flip:
    """A picture on which two models give different labels."""

    name: str
    truth: str
    label: str
    reference_label: str


@dataclass(frozen=True)
class EvaluationReport:
    """Figures of one model file on one data set.

    Attributes:
        model: Name of the model.
        data: Name of the data set.
        count: Pictures that could be read.
        unreadable: Pictures that could not.
        top1: Share of pictures whose most probable class is right, 0 to 1.
        top5: Share of pictures whose class is among the five most probable.
        confused: Most frequent mistakes as (truth, prediction, count).
        images_per_second: Decoding, preprocessing and inference together.
        provider: What ran the network.
        agreement: Share of pictures with the same label as the reference model, or None without one.
        flips: The pictures that differ.
    """

    model: str
    data: str
    count: int
    unreadable: int
    top1: float
    top5: float
    confused: tuple[tuple[str, str, int], ...]
    images_per_second: float
    provider: str
    agreement: float | None = None
    flips: tuple[Flip, ...] = ()


def predict_top(
    classifier: Classifier, data: LabeledPictures, advance: Callable[[int], None] = lambda _: None
) -> TopPredictions:
    """Run a classifier over a data set.

    Args:
        classifier: The model.
        data: The pictures.
        advance: Told after each picture that one more is done.

    Raises:
        DataError: More than 5 % of the pictures cannot be read.
    """
    columns = min(5, len(classifier.labels))
    best = np.full((len(data), columns), -1, np.int64)
    failures: list[Failure] = []
    start = time.perf_counter()
    for row, result in enumerate(classifier.stream(data.images(), errors="yield")):
        if isinstance(result, Result):
            best[row] = [p.index for p in result.top(columns)]
        else:
            failures.append(result)
            if len(failures) > UNREADABLE_LIMIT * len(data):
                unreadable_warnings([failure.error for failure in failures], len(data), data.name)
        advance(1)
    return TopPredictions(best, seconds=time.perf_counter() - start, failures=tuple(failures))


def evaluate(
    classifier: Classifier,
    data: LabeledPictures,
    *,
    reference: Classifier | None = None,
    advance: Callable[[int], None] = lambda _: None,
) -> EvaluationReport:
    """Measure a model, and how often a `reference` gives the same label.

    Raises:
        DataError: More than 5 % of the pictures cannot be read.
        OptionError: The two have different labels.
    """
    if reference is not None and reference.labels != classifier.labels:
        names = f"{classifier.model.name} and {reference.model.name}"
        raise OptionError(f"{names} have different labels; their answers cannot be compared.")
    predictions = predict_top(classifier, data, advance)
    other = predict_top(reference, data, advance) if reference is not None else None
    return score(classifier, data, predictions, reference=other)


def score(
    classifier: Classifier, data: LabeledPictures, predictions: TopPredictions, reference: TopPredictions | None = None
) -> EvaluationReport:
    """Turn predictions into figures; a `reference`'s predictions add the agreement of the two.

    Pictures that either could not read are left out of every figure, so that both are judged on the same ones.
    """
    readable = predictions.best[:, 0] >= 0
    if reference is not None:
        readable &= reference.best[:, 0] >= 0
    best, truth = predictions.best[readable], data.labels[readable]
    count = int(readable.sum())
    right = best[:, 0] == truth
    mistakes = Counter(zip(truth[~right].tolist(), best[~right, 0].tolist(), strict=True))
    names = classifier.labels
    agreement: float | None = None
    flips: tuple[Flip, ...] = ()
    if reference is not None:
        agreement = float((best[:, 0] == reference.best[readable, 0]).mean())
        flips = tuple(_flips(data, names, best=predictions.best, reference=reference.best, readable=readable))
    return EvaluationReport(
        model=classifier.model.name,
        data=data.name,
        count=count,
        unreadable=len(data) - count,
        top1=float(right.mean()),
        top5=float((best == truth[:, None]).any(axis=1).mean()),
        confused=tuple((names[t], names[a], n) for (t, a), n in mistakes.most_common(_MOST_CONFUSED)),
        images_per_second=len(data) / predictions.seconds,
        provider=classifier.provider,
        agreement=agreement,
        flips=flips,
    )


def _flips(
    data: LabeledPictures,
    names: tuple[str, ...],
    *,
    best: npt.NDArray[np.int64],
    reference: npt.NDArray[np.int64],
    readable: npt.NDArray[np.bool_],
) -> Iterator[Flip]:
    for row in np.flatnonzero(readable & (best[:, 0] != reference[:, 0])):
        truth, own, other = data.labels[row], best[row, 0], reference[row, 0]
        yield Flip(data.names[row], truth=names[truth], label=names[own], reference_label=names[other])
