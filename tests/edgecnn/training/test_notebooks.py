"""The notebooks of samples/, executed from top to bottom in their short form on pictures made here."""

import json
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pytest
from PIL import Image

ROOT = Path(__file__).parents[3]
NOTEBOOKS = ROOT / "samples" / "notebooks"


@pytest.fixture
def short_form(tmp_path, monkeypatch):
    monkeypatch.setenv("EDGECNN_SHORT", "1")
    monkeypatch.setenv("EDGECNN_RUNS", str(tmp_path / "runs"))
    mpl.use("agg")
    yield monkeypatch
    import matplotlib.pyplot as plt

    plt.close("all")


def execute(name):
    document = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
    names: dict[str, object] = {"__name__": "__main__"}
    for number, cell in enumerate(document["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{name}[{number}]", "exec"), names)
    return names


@pytest.mark.slow
def test_cifar10(short_form, tmp_path, capsys):
    random = np.random.default_rng(0)

    def pictures(count):
        labels = np.arange(count) % 10
        pixels = random.integers(0, 60, (count, 32, 32, 3)) + 15 * labels[:, None, None, None]
        return pixels.astype(np.uint8), labels

    (x_train, y_train), (x_test, y_test) = pictures(1000), pictures(200)
    np.savez(tmp_path / "cifar10.npz", x_train=x_train, y_train=y_train, x_test=x_test, y_test=y_test)
    short_form.setenv("EDGECNN_DATA_DIR", str(tmp_path))
    names = execute("cifar10.ipynb")
    assert set(names["results"]) == {"dnn", "simple_cnn", "edge_cnn_nano"}
    told = capsys.readouterr().out
    assert "moved by two pixels" in told and "fp32: " in told and "int8: " in told
    assert (tmp_path / "runs" / "int8.onnx").stat().st_size < 130_000


@pytest.mark.slow
def test_cats_dogs(short_form, tmp_path, capsys):
    for label, sample in (("cat", "persian_cat"), ("elephant", "african_elephant")):
        photo = Image.open(ROOT / "export" / "edgecnn_export" / "pictures" / f"{sample}.jpg").convert("RGB")
        (tmp_path / "photos" / label).mkdir(parents=True)
        for number in range(12):
            photo.rotate(3 * number - 18).resize((256, 256)).save(tmp_path / "photos" / label / f"{number:02}.jpg")
    short_form.setenv("EDGECNN_CATS_DOGS", str(tmp_path / "photos"))
    names = execute("cats_dogs.ipynb")
    assert names["frozen"].evaluation.accuracy > 0.8 and names["tuned"].evaluation.count == 8
    assert "Fewer than 20 training pictures" in capsys.readouterr().out
    assert names["result"].label == "cat"
