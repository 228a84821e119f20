import numpy as np
import onnx
import pytest
from edgecnn_export import export
from edgecnn_export.from_onnx import from_onnx
from edgecnn_runtime import Classifier, ModelFileError, Normalization, OptionError, Preprocess
from onnx import TensorProto, helper
from support.models import LABELS, color_model, float_model, packed, random_pixels

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
FOREIGN = {"labels": LABELS, "preprocess": Preprocess(32, 32, "squash"), "normalization": Normalization(MEAN, STD)}


def saved(tmp_path, model: onnx.ModelProto, name: str = "foreign.onnx"):
    path = tmp_path / name
    path.write_bytes(model.SerializeToString())
    return path


@pytest.mark.parametrize("channels_last", [False, True])
@pytest.mark.parametrize(("taken", "given"), [("input", "output"), ("pixels", "logits"), ("logits", "pixels")])
def test_a_foreign_float_file_becomes_a_model_file_with_the_same_answers(tmp_path, channels_last, taken, given):
    source = saved(tmp_path, float_model(taken=taken, given=given, channels_last=channels_last))
    graph = from_onnx(source, **FOREIGN)
    report = export(graph, tmp_path / "own.onnx")
    assert report.check.same_label == report.check.pictures == 8
    assert report.check.max_relative_error < 1e-4
    assert report.check.reference.startswith("foreign.onnx in ONNX Runtime")
    own, foreign = Classifier(tmp_path / "own.onnx"), Classifier(source, **FOREIGN)
    assert own.model.normalization is None
    assert own.model.card.source["weights"] == "foreign.onnx"
    pixels = random_pixels(4)
    np.testing.assert_allclose(own.logits(pixels), foreign.logits(pixels), rtol=1e-4, atol=1e-4)
    assert own.class_activation_map(pixels[0]).shape == (32, 32)


def test_a_softmax_at_the_end_is_taken_off_so_that_scores_are_right(tmp_path):
    model = float_model(given="logits")
    model.graph.node.append(helper.make_node("Softmax", ["logits"], ["probabilities"], axis=-1))
    model.graph.output[0].name = "probabilities"
    source = saved(tmp_path, model)
    report = export(from_onnx(source, **FOREIGN), tmp_path / "own.onnx")
    assert report.check.max_relative_error < 1e-4
    own = Classifier(tmp_path / "own.onnx")
    pixels = random_pixels(1)
    probabilities = np.exp(Classifier(source, **FOREIGN).logits(pixels)[0])
    np.testing.assert_allclose(own.classify_pixels(pixels[0]).probabilities, probabilities, atol=1e-5)
    assert "Softmax" not in [kind for kind, _ in own.model.graph.nodes]


def test_other_outputs_are_dropped(tmp_path):
    model = float_model()
    model.graph.output.append(helper.make_tensor_value_info("pooled", TensorProto.FLOAT, ["N", 3, 1, 1]))
    export(from_onnx(saved(tmp_path, model), **FOREIGN), tmp_path / "own.onnx")
    assert [o.name for o in Classifier(tmp_path / "own.onnx").model.graph.outputs] == ["logits", "features"]


def test_a_foreign_file_that_takes_pixels_stays_as_it_is(tmp_path):
    source = saved(tmp_path, color_model())
    graph = from_onnx(source, labels=LABELS, preprocess=Preprocess(32, 32), name="mine", license="MIT")
    assert graph.features.weights == "weights"
    export(graph, tmp_path / "own.onnx")
    own = Classifier(tmp_path / "own.onnx").model
    assert (own.name, own.card.license, own.card.precision["kind"]) == ("mine", "MIT", "fp32")


def test_edgecnns_own_file_comes_through_with_its_facts(tmp_path):
    source = tmp_path / "first.onnx"
    source.write_bytes(packed())
    export(from_onnx(source), tmp_path / "again.onnx")
    first, again = Classifier(source).model, Classifier(tmp_path / "again.onnx").model
    assert (again.name, again.labels, again.preprocess, again.card.license, again.features) == (
        first.name,
        first.labels,
        first.preprocess,
        first.card.license,
        first.features,
    )
    assert again.card.source["weights"] == "written by hand"
    with pytest.raises(ModelFileError, match="labels came with a model file that has its own"):
        from_onnx(source, labels=LABELS)


def test_what_is_missing_or_wrong_is_named(tmp_path):
    source = saved(tmp_path, float_model())
    with pytest.raises(OptionError, match="so normalization must be given"):
        from_onnx(source, labels=LABELS, preprocess=Preprocess(32, 32))
    with pytest.raises(ModelFileError, match=r"absent\.onnx cannot be read"):
        from_onnx(tmp_path / "absent.onnx")
    outside = float_model()
    tensor = outside.graph.initializer[0]
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="/etc/passwd")
    with pytest.raises(ModelFileError, match=r"external data\), which is refused"):
        from_onnx(saved(tmp_path, outside, "outside.onnx"), **FOREIGN)
