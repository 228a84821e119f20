"""Rows, totals, names and pages of `inspect`."""

import json
from typing import Any

import numpy as np
import pytest

onnx = pytest.importorskip("onnx", reason="needs the extra edgecnn[understand]")

from edgecnn_runtime import ModelFileError, OptionError  # noqa: E402

from edgecnn.names import find_class  # noqa: E402
from edgecnn.understanding.inspecting import (  # noqa: E402
    Inspection,
    inspect,
    inspect_graph,
    inspect_page,
    layer_table,
    profile,
    time_by_operator,
)
from edgecnn.understanding.tables import short_number  # noqa: E402


def small(builder: Any) -> Any:
    b = builder(channels=3, size=(16, 16))
    x = b.conv("x", (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), channels=(3, 8))
    x = b.add("Relu", x)
    x = b.add("GlobalAveragePool", x)
    x = b.add("Flatten", x)
    return b.model(b.add("Gemm", x, b.constant(np.ones((10, 8), np.float32)), transB=1))


def quantized(builder: Any) -> Any:
    """The convolution as quantizers store it: integers behind DequantizeLinear, on both sides."""
    b = builder(channels=3, size=(16, 16))
    scale, zero = b.constant(np.float32(0.1)), b.constant(np.uint8(128))
    weight_zero = b.constant(np.int8(0))
    weight = b.constant(np.ones((8, 3, 3, 3), np.int8))
    bias = b.constant(np.ones(8, np.int32))
    bias_zero = b.constant(np.int32(0))
    x = b.add("DequantizeLinear", b.add("QuantizeLinear", "x", scale, zero), scale, zero)
    w = b.add("DequantizeLinear", weight, scale, weight_zero)
    x = b.add("Conv", x, w, b.add("DequantizeLinear", bias, scale, bias_zero), pads=[1, 1, 1, 1])
    return b.model(b.add("DequantizeLinear", b.add("QuantizeLinear", x, scale, zero), scale, zero))


def look(model: Any) -> Inspection:
    return inspect_graph(model.SerializeToString(), name="small")


def test_totals_and_rows_add_up(builder: Any):
    inspection = look(small(builder))
    assert [layer.operator for layer in inspection.layers] == ["Conv", "Relu", "GlobalAveragePool", "Flatten", "Gemm"]
    assert inspection.parameters == 3 * 3 * 3 * 8 + 80
    assert inspection.macs == 8 * 8 * 8 * 27 + 80
    assert inspection.weight_bytes == 4 * inspection.parameters
    assert inspection.layers[0].output_shape == (1, 8, 8, 8)
    assert ("card", "none: edgecnn did not write this file") in inspection.facts()


def test_a_quantized_convolution_is_one_row_with_its_parameters(builder: Any):
    inspection = look(quantized(builder))
    (layer,) = inspection.layers
    assert (layer.operator, layer.precision, layer.parameters) == ("Conv", "int8", 8 * 27 + 8)
    assert layer.weight_bytes == 8 * 27 + 4 * 8
    assert layer.macs == 16 * 16 * 8 * 27
    assert layer.to_dict()["receptive_field"] == 3


def test_shared_weights_count_once(builder: Any):
    b = builder(size=(8, 8))
    weight = b.constant(np.ones((1, 1, 3, 3), np.float32))
    first = b.add("Conv", "x", weight)
    inspection = look(b.model(b.add("Conv", first, weight)))
    assert [layer.parameters for layer in inspection.layers] == [9, 0]


def test_bounds_that_an_exporter_computes_from_shapes_are_worked_out(builder: Any):
    """`x.chunk(2, 1)[1]` as `torch.onnx` without dynamo writes it."""
    b = builder(channels=3, size=(16, 16))
    x = b.conv("x", (3, 3), stride=(2, 2), pads=(1, 1, 1, 1), channels=(3, 8))
    channels = b.add("Gather", b.add("Shape", x), b.constant(np.array([1])))
    half = b.add("Div", channels, b.constant(np.array([2])))
    second = b.add("Slice", x, half, channels, b.constant(np.array([1])))
    last = b.conv(second, (3, 3), pads=(1, 1, 1, 1), channels=(4, 6))
    inspection = look(b.model(last))
    assert [layer.operator for layer in inspection.layers] == ["Conv", "Slice", "Conv"]
    assert inspection.layer(second).output_shape == (1, 4, 8, 8)
    row = inspection.layer(last)
    assert (row.macs, row.to_dict()["receptive_field"]) == (8 * 8 * 6 * 36, 7)


@pytest.mark.parametrize(
    ("operator", "given"), [("ConstantOfShape", [[10**12]]), ("Div", [[4], [0]]), ("Gather", [[1, 2], [7]])]
)
def test_shape_arithmetic_that_makes_no_sense_is_left_alone(builder: Any, operator: str, given: list[list[int]]):
    b = builder(channels=3, size=(16, 16))
    x = b.conv("x", (3, 3), channels=(3, 8))
    odd = b.add(operator, *(b.constant(np.array(values)) for values in given))
    last = b.add("Reshape", x, odd)
    assert look(b.model(last)).layer(last).unknown_since


def test_json_rows_have_the_promised_keys(builder: Any):
    row = json.loads(json.dumps(look(small(builder)).layers[0].to_dict()))
    promised = {"name", "operator", "output_shape", "parameters", "macs", "receptive_field", "jump", "offset"}
    assert promised <= row.keys()


def test_table_says_unknown_and_global(builder: Any):
    b = builder(size=(8, 8))
    lost = b.add("Resize", "x", "", b.constant(np.array([1, 1, 2, 2], np.float32)))
    table = layer_table(look(b.model(lost)).layers)
    assert "unknown from here" in table
    assert "global" in layer_table(look(small(builder)).layers)


def test_an_unknown_layer_gets_suggestions(builder: Any):
    with pytest.raises(OptionError, match=r"no layer 'conv_O'; the nearest of 5 are 'conv_0'"):
        look(small(builder)).layer("conv_O")


def test_classes_are_found_by_index_and_name():
    labels = ("cat", "crane", "crane", "dog")
    assert find_class("dog", labels) == find_class("3", labels) == find_class("DOG", labels) == 3
    with pytest.raises(OptionError, match="2 classes are called 'crane'; give one of the indices 1, 2"):
        find_class("crane", labels)
    with pytest.raises(OptionError, match="class 9 does not exist; the network has classes 0 to 3"):
        find_class("9", labels)
    with pytest.raises(OptionError, match="no class 'dgo'; the nearest of 4 are 'dog'"):
        find_class("dgo", labels)


def test_what_is_no_graph_is_refused(tmp_path: Any):
    with pytest.raises(ModelFileError, match="there is no file"):
        inspect(tmp_path / "missing.onnx")
    junk = tmp_path / "junk.onnx"
    junk.write_bytes(b"not a graph at all")
    with pytest.raises(ModelFileError, match=r"junk\.onnx: .*not ONNX"):
        inspect(junk)
    with pytest.raises(OptionError, match="unknown"):
        inspect("no_such_network")


def test_the_page_is_self_contained_and_escapes_names(builder: Any):
    model = small(builder)
    model.graph.node[0].name = "<script>alert(1)</script>"
    page = inspect_page(look(model))
    assert "<script>alert" not in page
    assert "http://" not in page and "https://" not in page
    assert page.count("<tr tabindex") == 5


def test_profile_accounts_for_all_the_time(builder: Any):
    pytest.importorskip("onnxruntime")
    times = profile(small(builder).SerializeToString(), runs=5)
    assert sum(entry.share for entry in times) == pytest.approx(1.0)
    assert {row.operator for row in time_by_operator(times)} >= {"Gemm"}
    with pytest.raises(OptionError, match="runs is 0"):
        profile(b"", runs=0)


@pytest.mark.parametrize(("value", "text"), [(385_187_552, "385.2 M"), (4_631, "4.6 k"), (7, "7"), (None, "?")])
def test_short_numbers(value: int | None, text: str):
    assert short_number(value) == text
