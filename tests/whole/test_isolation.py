"""Files that nobody vouches for: refused at once, or ended with the process that reads them."""

import sys

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper
from support.command import edgecnn
from support.models import packed


@pytest.fixture
def endless(tmp_path):
    """A model file with a loop of 10^15 turns."""
    return _looping(tmp_path, turns=10**15)


def _looping(tmp_path, *, turns):
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Add", ["sum", "sum"], ["sum_out"]), helper.make_node("Identity", ["go"], ["go_out"])],
        "body",
        [value("turn", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("sum", TensorProto.FLOAT, [])],
        [value("go_out", TensorProto.BOOL, []), value("sum_out", TensorProto.FLOAT, [])],
    )
    return _written(
        tmp_path,
        helper.make_node("Loop", ["turns", "go_on", "nothing"], ["more"], body=body),
        turns=np.array(turns),
        go_on=np.array(True),
        nothing=np.array(0, np.float32),
    )


def _written(folder, *nodes, **constants):
    model = onnx.load_model_from_string(packed())
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.node.extend([*nodes, helper.make_node("Add", ["before", "more"], ["logits"])])
    path = folder / "model.onnx"
    path.write_bytes(model.SerializeToString())
    return path


def _is_one_sentence(text: str) -> bool:
    return text.startswith("error: ") and text.count("\n") == 1 and len(text) < 700


def test_a_file_that_never_ends_is_refused_with_a_sentence(endless):
    done = edgecnn("verify", endless)
    assert done.code == 1
    assert _is_one_sentence(done.err)
    assert "the operator Loop" in done.err


def test_a_trusted_loop_is_timed_where_that_is_asked_for(tmp_path):
    command = ("inspect", _looping(tmp_path, turns=3), "--profile", "--runs", 1)
    refused = edgecnn(*command)
    assert refused.code == 1 and _is_one_sentence(refused.err) and "--allow-unbounded" in refused.err
    done = edgecnn(*command, "--allow-unbounded")
    assert done.code == 0 and "Slowest nodes" in done.out


def test_what_does_not_end_is_ended_in_isolation(endless):
    done = edgecnn("verify", endless, "--allow-unbounded", "--isolated", "--time-limit", 3)
    assert done.code == 1
    assert done.err == (
        "error: the command was ended after 3 s; the file is hostile, or --time-limit too short for it.\n"
    )


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's address space")
def test_what_takes_too_much_memory_ends_in_isolation(tmp_path):
    path = _written(
        tmp_path,
        helper.make_node("ConstantOfShape", ["size"], ["huge"]),
        helper.make_node("ReduceMax", ["huge"], ["more"], keepdims=0),
        size=np.array([10**9]),
    )
    done = edgecnn("verify", path, "--allow-unbounded", "--isolated", "--memory-limit", 3000)
    assert done.code == 1
    assert _is_one_sentence(done.err)


def test_isolation_changes_nothing_for_a_good_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(packed())
    for command in (("verify", path, "--json"), ("inspect", path), ("inspect", path, "--layer", "no such layer")):
        alone, isolated = edgecnn(*command), edgecnn(*command, "--isolated")
        assert (alone.code, alone.out, alone.err) == (isolated.code, isolated.out, isolated.err)
