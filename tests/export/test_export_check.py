import numpy as np
import pytest
from edgecnn_export import export
from edgecnn_export.export_check import check_against, check_pictures, load_pictures
from edgecnn_export.package import build_card, load_draft
from edgecnn_export.pixel_graph import RecordedAnswers
from edgecnn_runtime import Classifier, ModelFile, ModelFileError, OptionError, Preprocess
from onnx import numpy_helper
from support.models import LABELS, expected_logits, packed, pixel_graph, random_pixels

FILE = Classifier(packed(), device="cpu")


def answers(reference, count):
    return RecordedAnswers.of(reference, random_pixels(count))


def test_a_faithful_file_passes_with_its_figures():
    report = check_against(FILE, answers(expected_logits, 5), "numpy", kind="fp32")
    assert (report.reference, report.pictures, report.same_label) == ("numpy", 5, 5)
    assert 0 <= report.median_relative_error <= report.max_relative_error < 1e-5
    assert report.provider == "CPUExecutionProvider"
    assert set(report.to_dict()) == {
        "reference",
        "pictures",
        "same_label",
        "max_relative_error",
        "median_relative_error",
        "correlation",
        "provider",
    }


@pytest.mark.parametrize("wrong", [lambda p: expected_logits(p) * 1.01, lambda p: expected_logits(p) * np.nan])
def test_a_file_that_differs_is_refused(wrong):
    with pytest.raises(ModelFileError, match=r"differs from numpy by .* on 3 pictures, more than 0\.001; nothing was"):
        check_against(FILE, answers(wrong, 3), "numpy", kind="fp32")


def with_head(change):
    """The color network with other weights in its linear layer, loaded as a file."""
    graph = pixel_graph()
    for tensor in graph.model.graph.initializer:
        if tensor.name == "weights":
            tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)), "weights"))
    return load_draft(graph.model, build_card(graph, precision={"kind": "int8"}, measured={}))


def rounded(weights):
    step = np.abs(weights).max() / 7
    return np.rint(weights / step) * step


def test_an_int8_file_that_is_a_little_off_passes_where_a_float_file_would_not():
    report = check_against(with_head(rounded), answers(expected_logits, 8), "numpy", kind="int8")
    assert report.max_relative_error > 0.02 and report.correlation > 0.98
    with pytest.raises(ModelFileError, match="differs from numpy by"):
        check_against(with_head(rounded), answers(expected_logits, 8), "numpy", kind="fp32")


@pytest.mark.parametrize("broken", [np.zeros_like, np.negative, lambda w: np.roll(w, 1, axis=0), lambda w: w[:, ::-1]])
@pytest.mark.parametrize("count", [8, 64])
def test_a_broken_int8_file_is_refused(broken, count):
    with pytest.raises(ModelFileError, match=r"differs from numpy on \d+ pictures: their logits correlate by -?\d"):
        check_against(
            with_head(lambda w: np.ascontiguousarray(broken(w))), answers(expected_logits, count), "numpy", kind="int8"
        )


def test_a_class_that_is_off_by_a_constant_is_seen_by_its_labels():
    pixels = random_pixels(8)
    logits = expected_logits(pixels)
    logits[:, 3] += 100
    with pytest.raises(ModelFileError, match="differs from numpy in the label on 8 of 8 pictures, near-ties aside"):
        check_against(FILE, RecordedAnswers(tuple(pixels), logits), "numpy", kind="int8")


def test_near_ties_do_not_fail_a_sound_int8_file():
    gray = np.repeat(np.random.default_rng(0).integers(100, 140, (16, 32, 32, 1)), 3, axis=3).astype(np.uint8)
    noise = np.random.default_rng(1).normal(0, 0.02, (16, len(LABELS))).astype(np.float32)
    recorded = RecordedAnswers(tuple(gray), expected_logits(gray) + noise)
    report = check_against(FILE, recorded, "numpy", kind="int8")
    assert report.same_label < 16


def test_eight_real_pictures_come_with_the_package():
    paths = check_pictures()
    assert len(paths) == 8
    pictures = load_pictures(paths, Preprocess(64, 48, "short-side", 70))
    assert {p.shape for p in pictures} == {(64, 48, 3)}
    assert (paths[0].parent / "ATTRIBUTION.csv").is_file()


def test_an_export_writes_its_check_into_the_file(tmp_path):
    report = export(pixel_graph(), tmp_path / "model.onnx")
    model = ModelFile.load(report.path)
    assert model.card.measured["check"] == report.check.to_dict()
    assert report.size_bytes == report.path.stat().st_size
    assert (report.name, report.precision) == ("colors", "fp32")
    assert list(tmp_path.iterdir()) == [report.path]


def test_a_failed_export_leaves_the_old_file(tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(b"old")
    graph = pixel_graph()
    object.__setattr__(graph, "reference", lambda pixels: expected_logits(pixels) + 1)
    with pytest.raises(ModelFileError, match="nothing was written"):
        export(graph, path)
    with pytest.raises(OptionError, match=r"int8 needs .*give --calibrate a folder"):
        export(pixel_graph(), path, precision="int8")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]
