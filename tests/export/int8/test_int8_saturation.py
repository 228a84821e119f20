import functools

import numpy as np
import pytest
from edgecnn_export.int8.ladder import quantize_int8
from edgecnn_export.int8.quantize import quantize_plain
from edgecnn_export.int8.rounding import input_covariances, round_weights
from edgecnn_export.int8.saturation import can_saturate, forecast, saturation_excess
from edgecnn_export.int8.weighted_layers import QuantizedLayer, float_layers, quantized_layers
from edgecnn_export.prepared_pictures import PreparedPictures
from hypothesis import given, settings
from hypothesis import strategies as st
from support.saturating import pictures, saturating_network

PICTURES = PreparedPictures(pictures(48), "blobs")


@functools.cache
def safe():
    return quantize_int8(saturating_network(), PICTURES)


def _layer(weights, **more):
    return QuantizedLayer("layer", "Gemm", "x", "y", "w", np.asarray(weights, np.int8), **more)


def test_one_pair_saturates_by_hand():
    layer = _layer([[127, 127, -128, -128]])
    codes = np.array([[255, 255, 255, 255], [255, 0, 0, 255], [100, 100, 100, 100]], np.uint8)
    excess, clamped, sums = saturation_excess(layer, codes)
    assert excess[:, 0].tolist() == [(32767 - 64770) + (-32768 + 65280), 0, 0]
    assert (clamped, sums) == (2, 6)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 9), st.integers(1, 3), st.integers(1, 3), st.booleans())
def test_convolutions_agree_with_summing_pairs_one_by_one(seed, channels, kernel, stride, grouped):
    random = np.random.default_rng(seed)
    group = channels if grouped else 1
    weights = random.integers(-128, 128, (2 * group, channels // group, kernel, kernel)).astype(np.int8)
    layer = QuantizedLayer(
        "c", "Conv", "x", "y", "w", weights, group=group, strides=(stride, stride), pads=(1, 0, 1, 2),
        input_zero_point=int(random.integers(0, 256)),
    )  # fmt: skip
    codes = random.integers(0, 256, (2, channels, 6, 5)).astype(np.uint8)
    excess, _, _ = saturation_excess(layer, codes)
    padded = np.pad(codes, ((0, 0), (0, 0), (1, 1), (0, 2)), constant_values=layer.input_zero_point).astype(np.int64)
    n, o, y, x = (int(random.integers(0, size)) for size in excess.shape)
    each = channels // group
    block = padded[
        n,
        o // 2 * each : o // 2 * each + each if grouped else channels,
        y * stride : y * stride + kernel,
        x * stride : x * stride + kernel,
    ]
    row = (block * weights[o]).transpose(1, 2, 0).reshape(-1)
    row = np.append(row, np.zeros(len(row) % 2, np.int64)).reshape(-1, 2).sum(axis=1)
    assert excess[n, o, y, x] == (np.clip(row, -32768, 32767) - row).sum()


def test_the_forecast_names_the_saturating_layers():
    found = forecast(quantize_plain(saturating_network(), PICTURES), PICTURES.take(16))
    assert found.possible
    assert [x.name for x in found.saturating] == ["stem", "pointwise"]
    assert found.logit_error > 0.05
    assert found.saturating[0].saturated > 10_000


def test_depthwise_layers_never_saturate():
    layers = {x.name: x for x in quantized_layers(quantize_plain(saturating_network(), PICTURES))}
    assert layers["depthwise"].depthwise
    assert not can_saturate(layers["depthwise"])
    assert can_saturate(layers["stem"])


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.booleans(), st.booleans())
def test_safe_weights_cannot_saturate(seed, length, with_covariance, per_channel):
    random = np.random.default_rng(seed)
    network = saturating_network(seed % 100)
    layer = next(x for x in float_layers(network) if x.name == "classifier")
    weights = random.normal(0.3, 1, (5, length)).astype(np.float32)
    layer = type(layer)("c", "Gemm", "x", "y", "w", weights)
    data = random.normal(size=(50, length))
    covariance = (data.T @ data / 50)[None] if with_covariance else None
    grid = round_weights(layer, covariance, safe=True, per_channel=per_channel)
    assert not can_saturate(_layer(grid.values))
    assert np.abs(grid.dequantize() - weights).max() < 0.6 * np.abs(weights).max()


def test_rounding_along_the_covariance_loses_less_than_to_the_nearest():
    network = saturating_network()
    layer = next(x for x in float_layers(network) if x.name == "pointwise")
    covariance = input_covariances(network, PICTURES)["pointwise"]
    lost = []
    for matrix in (None, covariance):
        error = round_weights(layer, matrix, safe=True).dequantize().reshape(32, -1) - layer.weights.reshape(32, -1)
        lost.append(float(np.einsum("ok,kj,oj->", error, covariance[0], error)))
    assert lost[1] < lost[0]


def test_the_ladder_prevents_saturation_and_stays_close():
    found = safe()
    assert found.forecast_before.logit_error > 0.05
    assert not found.forecast.possible
    assert not any(can_saturate(x) for x in quantized_layers(found.model))
    assert found.steps[0].name == "U8S8 per channel, min-max"
    assert found.steps[-1].kept
    assert min(r.agreement for r in found.steps if r.kept) == 1.0
    assert max(x.bits for x in found.layers) == 8


def test_the_summary_is_what_the_card_needs():
    summary = safe().summary()
    assert summary["kind"] == "int8"
    assert summary["saturation"]["possible"] is False
    assert summary["saturation"]["cured"] == ["stem", "pointwise"]
    assert summary["calibration"]["count"] == 48


def test_bias_correction_takes_the_shift_out():
    steps = {r.name: r for r in safe().steps}
    assert steps["bias correction"].logit_error < 0.5 * steps["U8S8 per channel, min-max"].logit_error


def test_small_sets_still_work():
    with np.errstate(all="raise"):
        found = quantize_int8(saturating_network(), PreparedPictures(pictures(3), "three"))
    assert "fewer than 32" in found.calibration["warnings"][0]
    assert len(found.held_out) == 3


@pytest.mark.parametrize("name", ["stem", "pointwise", "classifier"])
def test_layers_keep_their_shape(name):
    floats = {x.name: x for x in float_layers(saturating_network())}
    codes = {x.name: x for x in quantized_layers(safe().model)}
    assert codes[name].weights.shape == floats[name].weights.shape
