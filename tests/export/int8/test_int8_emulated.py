"""The forecast against onnxruntime's real kernels, on an emulated CPU without VNNI."""

import json
import shutil
import sys
from pathlib import Path

import numpy as np
import onnx
import pytest
from edgecnn_export.int8.quantize import quantize_plain
from edgecnn_export.int8.ranges import simulated_logits
from edgecnn_export.int8.saturation import forecast
from edgecnn_export.prepared_pictures import PreparedPictures
from support.command import run
from support.saturating import pictures, saturating_network

ROOT = Path(__file__).parents[3]

RUN = """
import json, sys
import numpy as np, onnxruntime as ort
session = ort.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
print(json.dumps(session.run(["logits"], {"pixels": np.load(sys.argv[2])})[0].tolist()))
"""


@pytest.mark.slow
@pytest.mark.skipif(not shutil.which("qemu-x86_64"), reason="qemu-x86_64 is not installed (Debian: qemu-user)")
def test_the_forecast_is_what_a_haswell_does(tmp_path):
    calibration = PreparedPictures(pictures(32), "blobs")
    plain = quantize_plain(saturating_network(), calibration)
    few = calibration.take(6)
    onnx.save(plain, tmp_path / "plain.onnx")
    np.save(tmp_path / "pixels.npy", few.pixels)
    (tmp_path / "run.py").write_text(RUN)
    emulator = (ROOT / "benchmarks/emulate.sh", "haswell", tmp_path / "run.py")
    done = run(*emulator, tmp_path / "plain.onnx", tmp_path / "pixels.npy", env={"PYTHON": sys.executable})
    assert done.code == 0, done
    got = np.array(json.loads(done.out), np.float32)
    exact = simulated_logits(plain, few)
    measured = float(np.linalg.norm(got - exact) / np.linalg.norm(exact))
    predicted = forecast(plain, few).logit_error
    assert measured > 0.05
    assert predicted == pytest.approx(measured, rel=0.05)
