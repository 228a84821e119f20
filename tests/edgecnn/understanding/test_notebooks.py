"""The two notebooks of samples/ about convolutions and layers: they run, and print what their pages show."""

import pytest
from support.figures import differences
from support.notebooks import Executed, execute

pytest.importorskip("matplotlib", reason="needs the extra edgecnn[understand]")
pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")


def assert_prints_what_it_shows(done: Executed) -> None:
    for stored, printed in zip(done.stored, done.printed, strict=True):
        assert differences(stored, printed) == []


def test_convolution(monkeypatch: pytest.MonkeyPatch):
    done = execute("convolution.ipynb", monkeypatch)
    assert done.names["result"].tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert "896 learned numbers" in "".join(done.printed)
    assert_prints_what_it_shows(done)


@pytest.mark.slow
def test_what_layers_see(monkeypatch: pytest.MonkeyPatch):
    from edgecnn_runtime.model_source import default_model_path

    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    done = execute("what_layers_see.ipynb", monkeypatch)
    assert done.names["explained"].result.label == "drake"
    assert done.names["sizes"][-1][2] == 32
    assert_prints_what_it_shows(done)
