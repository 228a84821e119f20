"""Top-1, top-5, confused pairs and agreement of a classifier on labeled pictures."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from edgecnn_runtime import Classifier, DataError, Failure, Result

from edgecnn.data.labeled import LabeledPictures

__all__ = ["Answers", "Evaluation", "Flip", "answer", "score"]

_MAX_BAD_SHARE = 0.05


@dataclass(frozen=True, eq=False)
class Answers:
    """What a classifier said about every picture.

    Attributes:
        best: `(N, 5)` class indices, best first (fewer columns where there are fewer classes); -1 where the picture
            could not be read.
        seconds: wall time of it all.
        failures: the pictures that could not be read, with the reason.
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
class Evaluation:
    """Figures of one model file on one data set.

    Attributes:
        model: name of the model.
        data: name of the data set.
        count: pictures that could be read.
        unreadable: pictures that could not.
        top1: share of pictures whose most probable class is right, 0 to 1.
        top5: share of pictures whose class is among the five most probable.
        confused: most frequent mistakes as (truth, answer, count).
        images_per_second: decoding, preprocessing and inference together.
        provider: what ran the network.
        agreement: share of pictures with the same label as the reference model, or None without one.
        flips: the pictures that differ.
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


def answer(classifier: Classifier, data: LabeledPictures, advance: Callable[[int], None] = lambda _: None) -> Answers:
    """Run a classifier over a data set.

    Raises:
        DataError: more than 5 % of the pictures cannot be read.
    """
    columns = min(5, len(classifier.labels))
    best = np.full((len(data), columns), -1, np.int64)
    failures = []
    start = time.perf_counter()
    for row, result in enumerate(classifier.stream(data.sources, errors="yield")):
        if isinstance(result, Result):
            best[row] = [p.index for p in result.top(columns)]
        else:
            failures.append(result)
            if len(failures) > _MAX_BAD_SHARE * len(data):
                raise DataError(
                    f"{len(failures)} of the {len(data)} pictures in {data.name} cannot be read, more than 5 %; "
                    f"the first: {failures[0].error}"
                )
        advance(1)
    return Answers(best, time.perf_counter() - start, tuple(failures))


def score(
    classifier: Classifier, data: LabeledPictures, answers: Answers, reference: Answers | None = None
) -> Evaluation:
    """Turn answers into figures; a `reference`'s answers add the agreement of the two.

    Pictures that either could not read are left out of every figure, so that both are judged on the same ones.
    """
    readable = answers.best[:, 0] >= 0
    if reference is not None:
        readable &= reference.best[:, 0] >= 0
    best, truth = answers.best[readable], data.labels[readable]
    count = int(readable.sum())
    right = best[:, 0] == truth
    mistakes = Counter(zip(truth[~right].tolist(), best[~right, 0].tolist(), strict=True))
    names = classifier.labels
    agreement: float | None = None
    flips: tuple[Flip, ...] = ()
    if reference is not None:
        agreement = float((best[:, 0] == reference.best[readable, 0]).mean())
        flips = tuple(_flips(data, answers, reference, readable, names))
    return Evaluation(
        model=classifier.model.name,
        data=data.name,
        count=count,
        unreadable=len(data) - count,
        top1=float(right.mean()),
        top5=float((best == truth[:, None]).any(axis=1).mean()),
        confused=tuple((names[t], names[a], n) for (t, a), n in mistakes.most_common(10)),
        images_per_second=len(data) / answers.seconds,
        provider=classifier.provider,
        agreement=agreement,
        flips=flips,
    )


def _flips(
    data: LabeledPictures,
    answers: Answers,
    reference: Answers,
    readable: npt.NDArray[np.bool_],
    names: tuple[str, ...],
) -> Iterator[Flip]:
    differing = np.flatnonzero(readable & (answers.best[:, 0] != reference.best[:, 0]))
    for row in differing:
        truth, own, other = data.labels[row], answers.best[row, 0], reference.best[row, 0]
        yield Flip(data.names[row], names[truth], names[own], names[other])
