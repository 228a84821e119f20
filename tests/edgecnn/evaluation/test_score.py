import numpy as np
import pytest
from edgecnn_runtime import Classifier, DataError
from support.models import LABELS, packed
from support.pictures import BLUE, GREEN, RED, plain

from edgecnn.data.labeled import LabeledPictures
from edgecnn.evaluation.score import predict_top, score


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    return Classifier(packed(), device="cpu", threads=1)


def pictures(*pairs) -> LabeledPictures:
    sources = [np.asarray(plain(source)) if isinstance(source, tuple) else source for source, _ in pairs]
    names = tuple(f"picture {i}" for i in range(len(pairs)))
    return LabeledPictures("made", sources, names, np.array([label for _, label in pairs]))


def test_figures_are_counted_right(classifier):
    data = pictures((RED, 0), (RED, 1), (GREEN, 1), (BLUE, 2), (BLUE, 1), (BLUE, 1), (RED, 3), (RED, 0))
    steps = []
    result = score(classifier, data, predict_top(classifier, data, steps.append))
    assert (result.count, result.unreadable, result.top1, result.top5) == (8, 0, 0.5, 1.0)
    assert result.confused[0] == ("green", "blue", 2)
    assert set(result.confused[1:]) == {("green", "red", 1), (LABELS[3], "red", 1)}
    assert sum(steps) == 8
    assert result.images_per_second > 0
    assert (result.agreement, result.flips, result.provider) == (None, (), "CPUExecutionProvider")


def test_agreement_and_flips_with_a_reference(classifier):
    data = pictures((RED, 0), (GREEN, 1), (BLUE, 2), (RED, 2))
    own = predict_top(classifier, data)
    other = predict_top(classifier, data)
    other.best[3] = [1, 0, 2, 3]
    result = score(classifier, data, own, other)
    assert result.agreement == 0.75
    (flip,) = result.flips
    assert (flip.name, flip.truth, flip.label, flip.reference_label) == ("picture 3", "blue", "red", "green")


def test_a_few_unreadable_pictures_are_left_out_of_every_figure(classifier):
    data = pictures(*[(RED, 0)] * 29, (b"broken", 0))
    predictions = predict_top(classifier, data)
    result = score(classifier, data, predictions, predict_top(classifier, data))
    assert (result.count, result.unreadable, result.top1, result.agreement) == (29, 1, 1.0, 1.0)
    assert len(predictions.failures) == 1


def test_many_unreadable_pictures_are_an_error(classifier):
    data = pictures((RED, 0), (b"broken", 0), (b"broken", 1))
    with pytest.raises(
        DataError, match=r"1 of the 3 pictures in made cannot be read, more than 5 %; the first: <6 bytes>"
    ):
        predict_top(classifier, data)
