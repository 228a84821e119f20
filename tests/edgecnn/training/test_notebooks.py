"""The notebooks of samples/, executed from top to bottom in their short form on pictures made here."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from support.notebooks import execute

ROOT = Path(__file__).parents[3]


@pytest.fixture
def folders(tmp_path, monkeypatch):
    """A notebook's data and its runs lie in a folder of the test's own."""
    monkeypatch.setenv("EDGECNN_DATA", str(tmp_path))
    monkeypatch.setenv("EDGECNN_RUNS", str(tmp_path / "runs"))
    return monkeypatch


@pytest.mark.slow
def test_cifar10(folders, tmp_path):
    random = np.random.default_rng(0)

    def pictures(count):
        labels = np.arange(count) % 10
        pixels = random.integers(0, 60, (count, 32, 32, 3)) + 15 * labels[:, None, None, None]
        return pixels.astype(np.uint8), labels

    (x_train, y_train), (x_test, y_test) = pictures(1000), pictures(200)
    np.savez(tmp_path / "cifar10.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    done = execute("cifar10.ipynb", folders)
    assert set(done.names["results"]) == {"dnn", "simple_cnn", "edge_cnn_nano"}
    printed = "".join(done.printed)
    assert "moved by two pixels" in printed and "fp32: " in printed and "int8: " in printed
    assert (tmp_path / "runs" / "int8.onnx").stat().st_size < 130_000


@pytest.mark.slow
def test_cats_dogs(folders, tmp_path):
    for label, sample in (("cat", "persian_cat"), ("elephant", "african_elephant")):
        photo = Image.open(ROOT / "export" / "edgecnn_export" / "pictures" / f"{sample}.jpg").convert("RGB")
        (tmp_path / "cats_and_dogs" / label).mkdir(parents=True)
        for number in range(12):
            photo.rotate(3 * number - 18).resize((256, 256)).save(
                tmp_path / "cats_and_dogs" / label / f"{number:02}.jpg"
            )
    done = execute("cats_dogs.ipynb", folders)
    names = done.names
    assert names["frozen"].evaluation.accuracy > 0.8 and names["tuned"].evaluation.count == 8
    assert "Fewer than 20 training pictures" in "".join(done.printed)
    assert names["result"].label == "cat"
