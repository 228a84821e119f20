import json

import numpy as np
import pytest
from edgecnn_export.int8.ladder import quantize_int8
from edgecnn_export.int8.ranges import simulated_logits
from edgecnn_export.latency import layer_times
from edgecnn_export.measured import paired_drop, wilson_interval
from edgecnn_export.passes.half import to_half
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_export.report import render_report
from edgecnn_export.verdict import decide
from edgecnn_runtime.errors import OptionError
from onnx import numpy_helper
from support.saturating import pictures, saturating_network

PIXELS = pictures(40)
NETWORK = saturating_network()
TRUTH = simulated_logits(NETWORK, PreparedPictures(PIXELS, "blobs")).argmax(1).astype(np.int64)
LABELED = PreparedPictures(PIXELS, "blobs", labels=TRUTH)


def _broken():
    network = saturating_network()
    for tensor in network.graph.initializer:
        if tensor.name == "w4":
            tensor.CopyFrom(numpy_helper.from_array(-numpy_helper.to_array(tensor), "w4"))
    return network


def test_intervals():
    low, high = wilson_interval(0, 100)
    assert low == 0
    assert high == pytest.approx(0.037, abs=1e-3)
    before, after = np.ones(200, bool), np.ones(200, bool)
    after[:4] = False
    drop, (low, high) = paired_drop(before, after)
    assert drop == pytest.approx(2.0)
    assert 0 < low + 0.3 < high < 4.5
    assert paired_drop(before, before)[1][1] > 0  # no difference in few pictures is no proof


def test_what_falls_too_far_is_refused_with_the_figures():
    verdict = decide({"fp32": NETWORK, "int8": _broken()}, LABELED, asked="int8", rounds=3)
    assert verdict.chosen is None
    assert "top-1 falls by" in verdict.reasons["int8"]
    assert "more than 0.5" in verdict.reasons["int8"]
    forced = decide({"fp32": NETWORK, "int8": _broken()}, LABELED, asked="int8", rounds=3, force=True)
    assert forced.chosen == "int8"


def test_auto_falls_back_to_what_holds():
    verdict = decide({"fp32": NETWORK, "int8": _broken()}, LABELED, rounds=3)
    assert verdict.chosen == "fp32"
    assert any("int8: top-1" in line for line in verdict.lines())


def test_too_slow_is_said_with_the_factor():
    verdict = decide({"fp32": NETWORK, "int8": NETWORK}, LABELED, min_speedup=50, rounds=3)
    assert verdict.chosen == "fp32"
    assert "times as fast as fp32, less than 50" in verdict.reasons["int8"]


def test_without_labels_flips_decide():
    pictures_only = PreparedPictures(PIXELS, "blobs")
    verdict = decide({"fp32": NETWORK, "int8": _broken()}, pictures_only, rounds=3, min_speedup=0)
    assert "labels flip, more than 3" in verdict.reasons["int8"]
    assert verdict.summary()["precisions"]["int8"]["top1"] is None


def test_wrong_questions_are_refused():
    with pytest.raises(OptionError, match="compares with fp32, but got only int8"):
        decide({"int8": NETWORK}, LABELED)
    with pytest.raises(OptionError, match="precision 'fp16' was asked for, but only fp32"):
        decide({"fp32": NETWORK}, LABELED, asked="fp16")


def test_fp16_on_a_cpu_is_judged_by_accuracy():
    verdict = decide({"fp32": NETWORK, "fp16": to_half(NETWORK)}, LABELED, asked="fp16", min_speedup=50, rounds=3)
    assert verdict.chosen == "fp16"
    assert verdict.measured["fp16"].agreement == 1.0


def test_the_report_stands_alone():
    quantized = quantize_int8(NETWORK, LABELED)
    verdict = decide({"fp32": NETWORK, "int8": _broken()}, LABELED, asked="int8", force=True, rounds=3)
    page = render_report(
        "blobs <1>",
        verdict,
        LABELED,
        quantized=quantized,
        labels=[f"class {i}" for i in range(10)],
        layer_ms=layer_times(quantized.model, runs=2),
    )
    assert "blobs &lt;1&gt;: int8" in page
    for heading in ("Precisions", "Ladder", "Saturation without VNNI", "Layers", "Flipped pictures"):
        assert f"<h2>{heading}</h2>" in page
    assert "pointwise" in page
    assert page.count("data:image/jpeg;base64,") == min(24, len(verdict.measured["int8"].flipped)) > 0
    for outside in ("http://", "https://", 'src="/', "<script"):
        assert outside not in page
    json.dumps(verdict.summary(), allow_nan=False)


def test_layer_times_carry_the_layers_names():
    assert {"stem", "depthwise", "pointwise"} <= set(layer_times(quantize_int8(NETWORK, LABELED).model, runs=1))
