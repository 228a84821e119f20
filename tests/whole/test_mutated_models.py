"""Model files with one to three things changed: each is answered, or refused with one sentence; nothing else."""

from pathlib import Path

import numpy as np
import onnx
import pytest

pytest.importorskip("jinja2", reason="writes pages")

from edgecnn_runtime import Classifier, EdgecnnError, verify
from support.models import packed, random_pixels

from edgecnn.understanding.explaining import explain
from edgecnn.understanding.inspecting import inspect_graph, inspect_page

CHANGES = Path(__file__).parents[2] / "benchmarks" / "robustness"


@pytest.fixture(scope="module")
def mutated():
    """A function that gives the mutated file of a number: the same always."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(CHANGES))
        import model_changes as changes

    def make(number: int) -> bytes:
        random = np.random.default_rng([7, number])
        data = packed()
        for _ in range(random.integers(1, 4)):
            kinds = changes.CARD_CHANGES if random.random() < 0.4 else changes.GRAPH_CHANGES
            try:
                model = onnx.load_model_from_string(data)
                kinds[random.integers(len(kinds))](model, random)
                data = model.SerializeToString()
            except Exception:  # what an earlier change left is no model for this one
                return changes.change_bytes(data, random)
        return data

    return make


def _label(data: bytes) -> str:
    result = Classifier(data, device="cpu", threads=1)(random_pixels(1)[0])
    assert np.isfinite(result.probabilities).all()
    return result.label


def _map(data: bytes) -> object:
    classifier = Classifier(data, device="cpu", threads=1)
    return classifier.class_activation_map(classifier.prepare(random_pixels(1)[0]))


def _explanation(data: bytes) -> object:
    return explain(Classifier(data, device="cpu", threads=1), random_pixels(1)[0])


@pytest.mark.parametrize(
    "use",
    [_label, _map, _explanation, verify, lambda data: inspect_page(inspect_graph(data, name="mutated"))],
    ids=["label", "map", "explain", "verify", "inspect"],
)
def test_it_is_answered_or_refused_with_a_sentence(mutated, use):
    answered = 0
    for number in range(120):
        try:
            use(mutated(number))
            answered += 1
        except EdgecnnError as error:
            assert 10 < len(str(error)) <= 600 and str(error).isprintable(), (number, str(error))
    assert answered < 120  # the changes are felt
