import numpy as np
import pytest
from edgecnn_export import export
from edgecnn_runtime import Classifier, ModelFileError
from onnx import TensorProto, helper
from support.foreign import PIXELS, answers, ended, imported, logits, meant, plain, softmax
from support.models import LABELS

SOFTMAX = ("Softmax", ["output"], "inner", {"axis": -1})
TAILS = {
    "softmax": [SOFTMAX],
    "identity": [SOFTMAX, ("Identity", ["inner"], "end", {})],
    "cast": [SOFTMAX, ("Cast", ["inner"], "wide", {"to": 11}), ("Cast", ["wide"], "end", {"to": 1})],
    "flatten": [SOFTMAX, ("Flatten", ["inner"], "end", {"axis": 1})],
    "four dimensions": [
        ("Unsqueeze", ["output", "axes"], "picture", {}),
        ("Softmax", ["picture"], "inner", {"axis": 1}),
        ("Flatten", ["inner"], "end", {"axis": 1}),
    ],
    "by hand": [
        ("ReduceMax", ["output"], "most", {"axes": [1]}),
        ("Sub", ["output", "most"], "shifted", {}),
        ("Exp", ["shifted"], "grown", {}),
        ("ReduceSum", ["grown", "axis"], "total", {}),
        ("Div", ["grown", "total"], "end", {}),
    ],
    "log softmax": [("LogSoftmax", ["output"], "end", {"axis": 1})],
    "4-D logits": [("Unsqueeze", ["output", "axes"], "end", {})],
}


def with_tail(tail: str):
    model = ended(*TAILS[tail], axes=np.array([2, 3]), axis=np.array([1]))
    model.opset_import[0].version = 13
    return model


@pytest.mark.parametrize("tail", TAILS)
def test_scores_of_any_form_become_logits_whose_softmax_is_right(tmp_path, tail):
    graph = imported(tmp_path, with_tail(tail))
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)
    kinds = {node.op_type for node in graph.model.graph.node}
    assert not kinds & {"Softmax", "LogSoftmax", "Exp", "Div", "Log"}
    assert ("probabilities" in graph.notes[0]) == (tail != "4-D logits")
    assert graph.source["imported"] == list(graph.notes)
    report = export(graph, tmp_path / "own.onnx")
    assert report.check.max_relative_error < 1e-4
    assert graph.notes[0] in report.lines()


def test_softmax_before_opset_13_is_taken_off_as_well(tmp_path):
    model = ended(("Softmax", ["output"], "end", {"axis": 1}))
    model.opset_import[0].version, model.ir_version = 11, 4
    graph = imported(tmp_path, model)
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)
    assert graph.model.opset_import[0].version == 13


def test_a_mean_of_softmaxes_cannot_be_taken_off_so_its_logarithm_is_taken(tmp_path):
    model = ended(
        SOFTMAX,
        ("Mul", ["output", "half"], "softer", {}),
        ("Softmax", ["softer"], "second", {"axis": -1}),
        ("Add", ["inner", "second"], "both", {}),
        ("Mul", ["both", "half"], "end", {}),
        half=np.float32(0.5),
    )
    graph = imported(tmp_path, model)
    np.testing.assert_allclose(answers(graph), (meant() + softmax(0.5 * logits())) / 2, atol=1e-5)
    assert "their logarithm is taken" in graph.notes[0]


@pytest.mark.parametrize("sigmoid", [True, False])
@pytest.mark.parametrize("column", [0, 1])
def test_one_score_answers_for_two_labels(tmp_path, sigmoid, column):
    nodes = [("Gather", ["output", "column"], "one", {"axis": 1})]
    nodes += [("Sigmoid", ["one"], "end", {})] if sigmoid else []
    graph = imported(tmp_path, ended(*nodes, column=np.array([column])), labels=("no", "yes"))
    yes = 1 / (1 + np.exp(-logits()[:, column]))
    np.testing.assert_allclose(answers(graph), np.stack([1 - yes, yes], axis=1), atol=1e-5)
    assert "that of the second label" in graph.notes[0]


def test_a_probability_of_one_class_answers_for_two_labels(tmp_path):
    model = ended(SOFTMAX, ("Gather", ["inner", "column"], "end", {"axis": 1}), column=np.array([1]))
    graph = imported(tmp_path, model, labels=("no", "yes"))
    np.testing.assert_allclose(answers(graph)[:, 1], meant()[:, 1], atol=1e-5)


@pytest.mark.parametrize(
    ("tail", "labels", "message"),
    [
        (
            [("Sigmoid", ["output"], "end", {})],
            LABELS,
            r"gives 4 sigmoids, each a probability of its own.*--scores output",
        ),
        ([("HardSigmoid", ["output"], "end", {})], LABELS, "between 0 and 1 that do not add up to 1"),
        (
            [("Gather", ["output", "column"], "end", {"axis": 1})],
            ("yes",),
            r"there is one label, .* give two, the first for a low score",
        ),
        ([SOFTMAX], ("a", "b"), "there are 2 labels, but inner gives 4 scores a picture"),
        ([("ArgMax", ["output"], "end", {"axis": 1})], LABELS, "none of its outputs is a float tensor of scores"),
    ],
)
def test_scores_that_cannot_be_meant_are_refused_in_a_sentence(tmp_path, tail, labels, message):
    model = ended(*tail, column=np.array([0]))
    if tail[0][0] == "ArgMax":
        model.graph.output[0].type.tensor_type.elem_type = TensorProto.INT64
    with pytest.raises(ModelFileError, match=message) as caught:
        imported(tmp_path, model, labels=labels)
    assert "\n" not in str(caught.value)


def test_sigmoids_that_exclude_each_other_are_taken_by_name(tmp_path):
    graph = imported(tmp_path, ended(("Sigmoid", ["output"], "end", {})), scores="output")
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)


@pytest.mark.parametrize("first", [True, False])
def test_the_output_that_fits_the_labels_is_taken(tmp_path, first):
    model = ended(SOFTMAX)
    model.graph.node.append(helper.make_node("ArgMax", ["inner"], ["label"], axis=1))
    others = [
        helper.make_tensor_value_info("label", TensorProto.INT64, None),
        helper.make_tensor_value_info("pooled", TensorProto.FLOAT, None),
        helper.make_tensor_value_info("output", TensorProto.FLOAT, None),
    ]
    scores = [helper.make_tensor_value_info("inner", TensorProto.FLOAT, None)]
    del model.graph.output[:]
    model.graph.output.extend(others + scores if first else scores + others)
    graph = imported(tmp_path, model)
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)
    assert [output.name for output in graph.model.graph.output] == ["logits", "features"]


def test_two_heads_that_differ_need_a_name(tmp_path):
    model = plain()
    model.graph.node.append(helper.make_node("Neg", ["output"], ["other"]))
    model.graph.output.append(helper.make_tensor_value_info("other", TensorProto.FLOAT, ["N", 4]))
    with pytest.raises(ModelFileError, match=r"the outputs output, other all give 4 scores .* --scores output"):
        imported(tmp_path, model)
    np.testing.assert_allclose(answers(imported(tmp_path, model, scores="other")), softmax(-logits()), atol=1e-5)
    with pytest.raises(ModelFileError, match="there is no output 'third'; expected one of output, other"):
        imported(tmp_path, model, scores="third")


def test_what_was_found_stands_in_the_written_file(tmp_path):
    export(imported(tmp_path, with_tail("softmax")), tmp_path / "own.onnx")
    own = Classifier(tmp_path / "own.onnx", device="cpu")
    assert own.model.card.source["imported"] == [
        "the output inner holds probabilities; the softmax at its end is taken off"
    ]
    assert own.logits(PIXELS[:3]).shape == (3, 4)
