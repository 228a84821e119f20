"""The small trained models that ship in samples/models."""

from pathlib import Path

import pytest
from edgecnn_runtime import Classifier
from support.command import edgecnn

SAMPLES = Path(__file__).parents[2] / "samples"


@pytest.mark.parametrize("path", sorted((SAMPLES / "models").glob("*.onnx")), ids=lambda path: path.stem)
def test_it_is_small_and_its_golden_vectors_hold(path):
    assert path.stat().st_size < 300_000
    done = edgecnn("verify", path)
    assert done.code == 0, done


@pytest.mark.parametrize(
    ("picture", "label"),
    [("fire_engine", "truck"), ("sports_car", "automobile"), ("persian_cat", "cat"), ("drake", "bird")],
)
def test_the_cifar_model_names_photos_it_never_saw(picture, label):
    classifier = Classifier(SAMPLES / "models/cifar10_int8.onnx")
    assert classifier(SAMPLES / f"images/{picture}.jpg").label == label
