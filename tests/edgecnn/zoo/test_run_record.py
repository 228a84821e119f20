import json

import pytest
from edgecnn_runtime.errors import DataError
from support.training import train_toy

from edgecnn.data import load_data
from edgecnn.zoo.runs import load_run, read_run


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    import numpy as np

    folder = tmp_path_factory.mktemp("edited")
    labels = np.arange(60) % 3
    pixels = (labels[:, None, None, None] * 80 + np.zeros((60, 20, 20, 3))).astype(np.uint8)
    np.savez(folder / "tiny.npz", x_train=pixels, y_train=labels, x_test=pixels[:9], y_test=labels[:9])
    train_toy(load_data(str(folder / "tiny.npz")), folder / "run", epochs=1, network="simple_cnn")
    return folder / "run"


@pytest.fixture
def edit(run, tmp_path):
    """A copy of the run, with text or with entries of its run.json changed (None takes one away)."""

    def change(text=None, **entries):
        document = json.loads((run / "run.json").read_text())
        for name, value in entries.items():
            if value is None:
                del document[name]
            else:
                document[name] = value
        (tmp_path / "run.json").write_text(json.dumps(document) if text is None else text)
        (tmp_path / "weights.safetensors").write_bytes((run / "weights.safetensors").read_bytes())
        return tmp_path

    return change


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 50_000, "is not JSON"),
        ('{"a":' * 9_000, "is not JSON"),
        ('{"format": 1, "seed": NaN}', "is not JSON .NaN is no number of JSON"),
        ('{"format": 1, "seed": 1e999}', "is not JSON .1e999 is larger than any number"),
        ("[]", "is a JSON list; expected an object"),
        ('{"format": 1}', "lacks or garbles a field"),
    ],
)
def test_a_run_json_that_is_none_is_a_sentence(edit, text, message):
    with pytest.raises(DataError, match=message):
        read_run(edit(text))


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ({"licence": None}, "license is 'None'; expected a text"),
        ({"data": None}, "there is no data"),
        ({"seed": None}, "there is no seed"),
        ({"seed": True}, "seed is 'True'; expected a whole number"),
        ({"network": {"kind": "small", "channels": 3, "parameters": 1}}, r"there is no network\.name"),
        (
            {"network": {"kind": "small", "name": {}, "channels": 3, "parameters": 1}},
            r"network\.name is '{}'; expected",
        ),
        ({"mean": []}, "mean is"),
        ({"mean": [[0.5], 0.5, 0.5]}, r"normalization\.mean\[0\] is '\[0\.5\]'; expected a number"),
        ({"mean": [0.5], "std": [0.5]}, "has 1 means for 3 channels"),
        ({"labels": ["a", {}, "c"]}, r"labels\[1\] is '{}'; expected a text"),
        ({"labels": ["a", " ", "c"]}, "label 1 is ' '; expected a name"),
        ({"precision": "x" * 2000}, "precision is 'x{60}'; expected one of fp32, bf16"),
        ({"preprocess": 7}, "preprocess has no 'height'"),
        ({"result": []}, r"result is '\[\]'; expected an object"),
    ],
)
def test_an_edited_field_is_named(edit, entries, message):
    with pytest.raises(DataError, match=message) as raised:
        load_run(edit(**entries))
    assert len(str(raised.value)) < 600


def test_an_unedited_copy_loads(edit):
    assert load_run(edit()).labels == ("0", "1", "2")
