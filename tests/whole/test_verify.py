import onnx
from edgecnn_runtime.model_source import default_model_path
from onnx import numpy_helper
from support.command import edgecnn
from support.models import float_model


def test_a_whole_file_passes(model):
    done = edgecnn("verify", model)
    assert done.code == 0, done
    assert "colors passed on cpu (CPUExecutionProvider): 4 golden vectors, 4 labels equal" in done.out
    assert "weights unchanged" in done.out


def test_json_has_stable_names():
    done = edgecnn("verify", "default", "--json")
    assert done.code == 0, done
    (line,) = done.lines
    assert list(line) == ["model", "provider", "checked", "passed", "max_relative_error"]
    assert (line["model"], line["checked"], line["passed"]) == ("default", 4, True)
    assert 0 <= line["max_relative_error"] <= 0.02


def test_one_bit_of_one_weight_of_the_default_model_fails(tmp_path):
    data = bytearray(default_model_path().read_bytes())
    graph = onnx.load_model_from_string(bytes(data)).graph
    largest = max(graph.initializer, key=lambda tensor: len(tensor.raw_data))
    data[data.index(largest.raw_data) + len(largest.raw_data) // 2] ^= 1
    (tmp_path / "changed.onnx").write_bytes(data)
    done = edgecnn("verify", tmp_path / "changed.onnx")
    assert done.code == 1
    assert "FAILED" in done.out
    assert "weights CHANGED" in done.out
    assert "because the weights are not those that were written: their SHA-256 differs" in done.out
    done = edgecnn("verify", tmp_path / "changed.onnx", "--json")
    assert (done.code, done.lines[0]["passed"]) == (1, False)


def test_weights_that_became_nan_are_null_in_json(model):
    proto = onnx.load_model_from_string(model.read_bytes())
    weights = proto.graph.initializer[1]
    weights.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(weights) * float("nan"), "weights"))
    model.write_bytes(proto.SerializeToString())
    done = edgecnn("verify", model, "--json")
    assert (done.code, done.lines[0]["max_relative_error"]) == (1, None)


def test_files_without_proof_are_said_in_words(tmp_path, model):
    (tmp_path / "foreign.onnx").write_bytes(float_model().SerializeToString())
    done = edgecnn("verify", tmp_path / "foreign.onnx")
    assert (done.code, done.out) == (1, "")
    assert "edgecnn did not write this file" in done.err
    model.write_bytes(model.read_bytes()[:-500])
    done = edgecnn("verify", model)
    assert (done.code, done.out) == (1, "")
    assert "the file is" in done.err
    assert edgecnn("verify", "absent.onnx", cwd=tmp_path).err.startswith("error: absent.onnx cannot be read")
    assert edgecnn("verify").code == 2


def test_torch_stays_out():
    done = edgecnn("verify", "default", hidden=["torch", "onnx"])
    assert done.code == 0, done
