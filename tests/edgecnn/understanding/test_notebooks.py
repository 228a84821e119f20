"""The two notebooks of samples/ about convolutions and layers, executed from top to bottom."""

import json
from pathlib import Path
from typing import Any

import pytest

mpl = pytest.importorskip("matplotlib", reason="needs the extra edgecnn[understand]")
pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

NOTEBOOKS = Path(__file__).parents[3] / "samples" / "notebooks"


def execute(name: str, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    monkeypatch.chdir(NOTEBOOKS)
    monkeypatch.setenv("EDGECNN_SHORT", "1")
    mpl.use("agg")
    import matplotlib.pyplot as plt

    document = json.loads((NOTEBOOKS / name).read_text(encoding="utf-8"))
    names: dict[str, Any] = {"__name__": "__main__"}
    for number, cell in enumerate(document["cells"]):
        if cell["cell_type"] == "code":
            exec(compile("".join(cell["source"]), f"{name}[{number}]", "exec"), names)
            plt.close("all")
    return names


def test_convolution(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    names = execute("convolution.ipynb", monkeypatch)
    assert names["result"].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert "896 learned numbers" in capsys.readouterr().out


@pytest.mark.slow
def test_what_layers_see(monkeypatch: pytest.MonkeyPatch):
    from edgecnn_runtime.model_source import default_model_path

    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    names = execute("what_layers_see.ipynb", monkeypatch)
    assert names["explained"].result.label == "drake"
    assert names["sizes"][-1][2] == 32
