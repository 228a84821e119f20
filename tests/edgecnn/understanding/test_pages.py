"""Every page shows what comes from outside as text: a label that is a script never runs."""

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="reads ONNX graphs")
pytest.importorskip("jinja2", reason="writes pages")

from edgecnn_runtime import Classifier
from support.models import card_of, packed, random_pixels, with_card

import edgecnn.understanding
from edgecnn.understanding.dreaming.page import dream_page
from edgecnn.understanding.dreaming.painting import Dream
from edgecnn.understanding.explaining import compare, explain, explain_page
from edgecnn.understanding.inspecting import inspect_graph, inspect_page

SCRIPT = "<script>alert(1)</script>"
CLOSING = "</script><script>alert(2)</script>"


@pytest.fixture(scope="module")
def hostile() -> bytes:
    """A model file whose name, labels and license are scripts."""
    card = card_of(packed())
    card["labels"] = [SCRIPT, CLOSING, f'"onmouseover="{SCRIPT}', "a\u2028b"]
    card["name"] = card["licence"] = SCRIPT
    card["source"] = {SCRIPT: CLOSING}
    return with_card(packed(), card)


def _shows_text_alone(page: str) -> bool:
    return "alert(" in page and "<script>alert" not in page and 'onmouseover="<' not in page


def test_the_page_of_inspect(hostile: bytes):
    assert _shows_text_alone(inspect_page(inspect_graph(hostile, name="hostile")))


def test_the_page_of_explain(hostile: bytes):
    explanation = explain(Classifier(hostile), random_pixels(1)[0], top=4)
    assert _shows_text_alone(explain_page(explanation))
    assert _shows_text_alone(explain_page(explanation, compare(explanation, explanation)))


def test_the_page_of_dream():
    picture = np.zeros((8, 8, 3), np.uint8)
    dreamt = Dream(layer=SCRIPT, channel=0, label=CLOSING, picture=picture, activation=1.0, silent=False)
    assert _shows_text_alone(dream_page([dreamt], name=SCRIPT, steps=1, seed=0))


def test_no_page_takes_text_unescaped():
    templates = list((Path(edgecnn.understanding.__file__).parent / "templates").glob("*.j2"))
    assert len(templates) >= 5
    for template in templates:
        text = template.read_text(encoding="utf-8")
        assert not any(word in text for word in ("|safe", "| safe", "autoescape false", "innerHTML", "Markup"))
    camera = (Path(edgecnn.understanding.__file__).parents[1] / "camera" / "page.html").read_text(encoding="utf-8")
    assert "innerHTML" not in camera and "document.write" not in camera
