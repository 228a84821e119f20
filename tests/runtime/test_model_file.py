import copy

import onnx
import pytest
from edgecnn_runtime import Classifier, ModelFile, ModelFileError, Normalization, OptionError, Preprocess
from onnx import TensorProto, helper
from support.models import LABELS, card_of, color_model, float_model, packed, with_card


def test_everything_the_answer_needs_comes_from_the_file(tmp_path):
    path = tmp_path / "colors.onnx"
    path.write_bytes(packed(24, 40))
    model = ModelFile.load(path)
    assert model.name == "colors"
    assert model.labels == LABELS
    assert (model.height, model.width) == (24, 40)
    assert model.preprocess == Preprocess(24, 40, resize_to=44, kernel="bicubic")
    assert model.card.license == "CC0-1.0"
    assert model.card.source["weights"] == "written by hand"
    assert model.card.precision["kind"] == "fp32"
    assert model.features.weights == "weights"
    assert len(model.card.golden["vectors"]) == 4
    assert model.card.golden["sha256"] == model.digest


def test_the_default_model_is_efficientnet_lite0_with_1000_labels():
    model = Classifier(device="cpu").model
    assert model.name == "efficientnet_lite0"
    assert len(model.labels) == 1000
    assert model.labels[779] == "school bus"
    assert model.card.precision["kind"] == "int8"
    assert len(model.data) <= 8 << 20
    assert model.card.license == "Apache-2.0"


def edited(*path_and_value: object) -> bytes:
    *path, value = path_and_value
    card = copy.deepcopy(card_of(packed()))
    part = card
    for key in path[:-1]:
        part = part[key]
    if value is None:
        del part[path[-1]]
    else:
        part[path[-1]] = value
    return with_card(packed(), card)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (with_card(packed(), "{not json"), "metadata is not JSON .*export the model again"),
        (with_card(packed(), "[" * 100_000), "metadata is not JSON"),
        (with_card(packed(), [1]), "metadata is a JSON list; expected an object"),
        (with_card(packed(), {}), "format is None; expected 1"),
        (edited("format", 2), "has format 2, this edgecnn reads format 1; upgrade: pip install -U edgecnn-runtime"),
        (edited("format", "1"), "format is '1'; expected 1"),
        (edited("format", True), "format is True"),
        (edited("task", "detect"), "task is 'detect'; expected 'classify'"),
        (edited("name", None), "has no 'name'"),
        (edited("licence", 3), "'licence' is '3'; expected str"),
        (edited("labels", None), "has no 'labels'"),
        (edited("labels", []), r"labels are '\[\]'; expected a list of 1 to"),
        (edited("labels", [1, 2, 3, 4]), "label 0 is 1; expected a name"),
        (edited("labels", ["a", " ", "c", "d"]), "label 1 is ' '; expected a name"),
        (edited("labels", ["a", "\ud800", "c", "d"]), "label 1 is .*UTF-8"),
        (edited("labels", ["a", "b", "c"]), "gives 4 scores a picture, but there are 3 labels"),
        (edited("labels", list("abcde")), "gives 4 scores a picture, but there are 5 labels"),
        (edited("input", "height", 33), "preprocess gives 32×32 pixels, its input takes 33×32"),
        (edited("input", "height", 32.0), "'input.height' is '32.0'; expected int"),
        (edited("input", "name", "image"), "names the input 'image', the graph 'pixels'"),
        (edited("input", None), "has no 'input.height'"),
        (edited("preprocess", "kernel", "cubic"), "preprocess does not fit: kernel is 'cubic'"),
        (edited("preprocess", "height", 0), "preprocess does not fit: height is 0"),
        (edited("preprocess", "mode", 1), "unknown field 'mode'"),
        (edited("preprocess", []), r"'preprocess' is '\[\]'; expected dict"),
        (edited("outputs", "logits", "scores"), "names the output 'scores', which the graph does not have"),
        (edited("outputs", []), "has no 'outputs.logits'"),
        (edited("source", "somewhere"), "'source' is 'somewhere'; expected dict"),
        (edited("measured", [1]), "'measured' is .*expected dict"),
    ],
)
def test_hand_edited_metadata_is_refused_in_words(data, message):
    with pytest.raises(ModelFileError, match=message):
        Classifier(data, device="cpu")


def test_a_preprocess_that_fits_the_card_but_not_the_graph_is_refused():
    card = card_of(packed())
    card["input"] |= {"height": 48, "width": 48}
    card["preprocess"] |= {"height": 48, "width": 48, "resize_to": 50}
    with pytest.raises(ModelFileError, match=r"takes \(32, 32, 3\) .*preprocess gives \(48, 48, 3\)"):
        ModelFile.load(with_card(packed(), card))


def test_missing_and_odd_paths_are_named(tmp_path):
    with pytest.raises(ModelFileError, match=r"absent\.onnx cannot be read: No such file or directory; expected"):
        Classifier(tmp_path / "absent.onnx")
    with pytest.raises(ModelFileError, match=r"is a folder; expected an \.onnx model file"):
        Classifier(tmp_path)
    (tmp_path / "empty.onnx").touch()
    with pytest.raises(ModelFileError, match=r"empty\.onnx is empty; expected an \.onnx model file"):
        Classifier(tmp_path / "empty.onnx")
    with pytest.raises(ModelFileError, match="holds a zero byte"):
        Classifier("a\0b.onnx")
    (tmp_path / "text.onnx").write_text("not a model")
    with pytest.raises(ModelFileError, match=r"text\.onnx: the file is .*ONNX"):
        Classifier(tmp_path / "text.onnx")


def test_a_foreign_file_says_what_is_missing(tmp_path):
    path = tmp_path / "foreign.onnx"
    path.write_bytes(float_model().SerializeToString())
    with pytest.raises(ModelFileError, match=r"labels, preprocess, normalization must be given: Classifier\(path, "):
        Classifier(path)
    with pytest.raises(ModelFileError, match="so normalization must be given"):
        Classifier(path, labels=LABELS, preprocess=Preprocess(32, 32))
    with pytest.raises(ModelFileError, match="gives 4 scores a picture, but there are 2 labels"):
        Classifier(path, labels=["a", "b"], preprocess=Preprocess(32, 32), normalization=Normalization())
    with pytest.raises(ModelFileError, match=r"takes \(32, 32, 3\) .*preprocess gives \(16, 32, 3\)"):
        Classifier(path, labels=LABELS, preprocess=Preprocess(16, 32), normalization=Normalization())
    with pytest.raises(OptionError, match="label 0 is ''"):
        Classifier(path, labels=["", "b", "c", "d"], preprocess=Preprocess(32, 32), normalization=Normalization())


def test_options_that_a_file_has_no_use_for_are_refused():
    with pytest.raises(ModelFileError, match="labels came with a model file that has its own; leave them out"):
        Classifier(packed(), labels=LABELS)
    with pytest.raises(ModelFileError, match="the model takes no float32 input; leave it out"):
        Classifier(
            color_model().SerializeToString(),
            labels=LABELS,
            preprocess=Preprocess(32, 32),
            normalization=Normalization(),
        )


def test_a_foreign_file_that_takes_pixels_needs_no_normalization():
    classifier = Classifier(color_model().SerializeToString(), labels=LABELS, preprocess=Preprocess(32, 32))
    assert classifier.model.card.document == {}
    assert classifier.model.card.license == "unknown"
    assert classifier.model.card.precision == {"kind": "unknown"}


def _with(change) -> bytes:
    model = color_model()
    change(model)
    return model.SerializeToString()


def _two_inputs(model):
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, [1]))


def _map_output(model):
    del model.graph.output[0]


def _label_output(model):
    model.graph.node.append(helper.make_node("ArgMax", ["logits"], ["best"], axis=1, keepdims=1))
    model.graph.output.insert(0, helper.make_tensor_value_info("best", TensorProto.INT64, ["N", 1]))


def _wide_input(model):
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (_two_inputs, "has the inputs pixels, mask; expected exactly one"),
        (_map_output, r"'features' is no float tensor \(N, classes\)"),
        (_label_output, r"'best' is no float tensor \(N, classes\)"),
        (_wide_input, r"the input 'pixels' is not uint8 \(N, height, width, 3\)"),
    ],
)
def test_graphs_that_are_no_classifiers_are_refused(change, message):
    with pytest.raises(ModelFileError, match=message):
        Classifier(_with(change), labels=LABELS, preprocess=Preprocess(32, 32))


def test_labels_that_do_not_fit_an_undeclared_output_are_found_when_it_runs():
    data = _with(lambda model: model.graph.output[0].type.tensor_type.ClearField("shape"))
    classifier = Classifier(data, labels=["a", "b"], preprocess=Preprocess(32, 32))
    with pytest.raises(ModelFileError, match=r"gives \(1, 4\) for 1 pictures, but there are 2 labels"):
        classifier(b"".join([b"P6 1 1 255\n", bytes(3)]))


def test_an_operator_that_does_not_exist_is_refused_with_onnx_runtimes_reason():
    model = onnx.load_model_from_string(packed())
    model.graph.node[3].op_type = "Rely"
    with pytest.raises(ModelFileError, match=r"ONNX Runtime .* cannot load the model: .*Rely"):
        Classifier(model.SerializeToString(), device="cpu")


def test_a_batch_that_no_machine_holds_is_refused():
    model = onnx.load_model_from_string(packed())
    model.graph.input[0].type.tensor_type.shape.dim[0].dim_value = 2**40
    with pytest.raises(ModelFileError, match="takes 1099511627776 pictures at a time; at most 1024 fit"):
        ModelFile.load(model.SerializeToString())
