import numpy as np
import onnx
import onnxruntime as ort
import pytest
from edgecnn_export.int8.equalize import equalize
from edgecnn_export.int8.pixel_start import fold_normalization
from edgecnn_export.int8.quantize import ActivationGrid, quantize_plain
from edgecnn_export.int8.ranges import observe_ranges, simulated_logits
from edgecnn_export.passes.half import to_half
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_runtime.errors import ModelFileError
from onnx import numpy_helper
from support.saturating import pictures, saturating_network

PICTURES = PreparedPictures(pictures(32), "blobs")


def _set(model, name, value):
    for tensor in model.graph.initializer:
        if tensor.name == name:
            tensor.CopyFrom(numpy_helper.from_array(np.asarray(value, np.float32), name))


def _logits(model, pixels):
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    return session.run(["logits"], {"pixels": pixels})[0]


def test_inputs_and_outputs_stay_as_they_were():
    network = saturating_network()
    quantized = quantize_plain(network, PICTURES)
    assert quantized.graph.input == network.graph.input
    assert [(o.name, o.type.tensor_type.elem_type) for o in quantized.graph.output] == [
        ("logits", onnx.TensorProto.FLOAT)
    ]


def test_plain_int8_is_close_to_float_in_exact_arithmetic():
    network = saturating_network()
    wanted = simulated_logits(network, PICTURES)
    got = simulated_logits(quantize_plain(network, PICTURES), PICTURES)
    assert np.linalg.norm(got - wanted) / np.linalg.norm(wanted) < 0.03


def test_a_quantized_network_is_refused():
    with pytest.raises(ModelFileError, match=r"quantized already \(it holds DequantizeLinear, QuantizeLinear\)"):
        quantize_plain(quantize_plain(saturating_network(), PICTURES), PICTURES)


def test_nan_names_its_layer():
    network = saturating_network()
    _set(network, "b3", np.full(32, np.nan))
    with pytest.raises(ModelFileError, match="layer 'pointwise' \\(Conv\\) gives NaN"):
        quantize_plain(network, PICTURES)


def test_ranges_do_not_depend_on_how_many_pictures_run_at_once():
    network = saturating_network()
    whole = observe_ranges(network, PICTURES)
    exact = ort.InferenceSession(
        _with_output(network, "c1").SerializeToString(), providers=["CPUExecutionProvider"]
    ).run(["c1"], {"pixels": PICTURES.pixels})[0]
    np.testing.assert_allclose(whole["c1"].channel_high, exact.max(axis=(0, 2, 3)), rtol=1e-5)
    assert whole["c1"].low == pytest.approx(min(0.0, float(exact.min())), rel=1e-5)


def _with_output(model, name):
    copy = onnx.ModelProto()
    copy.CopyFrom(model)
    copy.graph.output.append(onnx.ValueInfoProto(name=name))
    return copy


def test_zero_is_always_on_the_grid():
    for low, high in ((0.5, 6.0), (-3.0, -1.0), (-0.3, 5.7), (0.0, 0.0)):
        grid = ActivationGrid.from_range(low, high)
        assert 0 <= grid.zero_point <= 255
        assert grid.scale > 0


def test_folding_the_normalization_keeps_the_answer():
    network = saturating_network()
    folded = fold_normalization(network)
    assert folded.zero_point == 128
    np.testing.assert_allclose(_logits(folded.model, PICTURES.pixels), _logits(network, PICTURES.pixels), atol=0.01)


def test_equalization_keeps_the_answer_and_predicts_its_ranges():
    network = saturating_network()
    for node in network.graph.node:  # without a clip between them the two layers are one stream
        if node.name in ("clip1", "clip2"):
            node.op_type = "Relu"
            del node.input[1:]
    equal = equalize(network, observe_ranges(network, PICTURES))
    assert equal.streams == 2
    np.testing.assert_allclose(_logits(equal.model, PICTURES.pixels), _logits(network, PICTURES.pixels), rtol=1e-4)
    seen = observe_ranges(equal.model, PICTURES)
    np.testing.assert_allclose(seen["a1"].channel_high, equal.ranges["a1"].channel_high, rtol=1e-4)


def test_half_keeps_inputs_outputs_and_nearly_the_answer():
    network = saturating_network()
    half = to_half(network)
    assert half.graph.input[0].type.tensor_type.elem_type == onnx.TensorProto.UINT8
    assert half.graph.output[0].type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    assert half.ByteSize() < 0.75 * network.ByteSize()
    np.testing.assert_allclose(_logits(half, PICTURES.pixels), _logits(network, PICTURES.pixels), rtol=0.02, atol=0.02)


def test_half_names_a_weight_that_does_not_fit():
    network = saturating_network()
    _set(network, "b4", np.full(10, 1e5))
    with pytest.raises(ModelFileError, match="weight 'b4' holds 100000, float16 ends at 65504"):
        to_half(network)
