"""How fast int8 is against fp32 and OpenVINO's int8, all in one run, in turn, one picture at a time.

    python benchmarks/int8_latency.py [--rounds 60] [NETWORK …]

The networks have random weights (speed does not depend on them), but efficientnet_lite0, which has its own and takes
part with the file in the wheel. OpenVINO's int8 is NNCF's `quantize` with its defaults on the same float network.
"""

import argparse
import statistics
import sys
from collections.abc import Callable

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_export.calibrate import CalibrationSet
from edgecnn_export.quantize import quantize_plain
from edgecnn_export.to_onnx import to_onnx
from measure import DEFAULT_MODEL, in_turn, machine

from edgecnn.zoo import load
from edgecnn.zoo.request import NetworkRequest

NETWORKS = ("efficientnet_lite0", "torchvision:mobilenet_v2", "torchvision:mobilenet_v3_large", "torchvision:resnet50")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=60)
    arguments = parser.parse_args()
    print(machine())
    for source in arguments.networks:
        times = measure(source, arguments.rounds)
        fp32 = statistics.median(times["ONNX Runtime fp32"])
        for name, values in times.items():
            median = statistics.median(values)
            low, _, high = statistics.quantiles(values, n=4)
            print(f"{source:32} {name:26} {median:7.2f} ms ({low:.2f} to {high:.2f}), {fp32 / median:.2f} x fp32")
    return 0


def measure(source: str, rounds: int) -> dict[str, list[float]]:
    own = source == "efficientnet_lite0"
    model = to_onnx(load(source, NetworkRequest() if own else NetworkRequest(random_weights=True))).model
    height, width = (d.dim_value for d in model.graph.input[0].type.tensor_type.shape.dim[1:3])
    pictures = np.random.default_rng(0).integers(0, 256, (8, height, width, 3)).astype(np.uint8)
    plain = quantize_plain(model, CalibrationSet(pictures, "noise, for speed alone"))
    engines: dict[str, Callable[[], object]] = {
        "ONNX Runtime fp32": _onnxruntime(model.SerializeToString(), pictures[:1]),
        "plain U8S8": _onnxruntime(plain.SerializeToString(), pictures[:1]),
    }
    if own:
        engines["edgecnn's default model"] = _onnxruntime(DEFAULT_MODEL.read_bytes(), pictures[:1])
    openvino = _openvino(model, pictures)
    if openvino is not None:
        engines["OpenVINO int8 (NNCF)"] = openvino
    return in_turn(engines, rounds=rounds)


def _onnxruntime(data: bytes, picture: np.ndarray) -> Callable[[], object]:
    options = ort.SessionOptions()
    options.log_severity_level = 3
    session = ort.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda: session.run(["logits"], {"pixels": picture})


def _openvino(model: onnx.ModelProto, pictures: np.ndarray) -> Callable[[], object] | None:
    try:
        import nncf
        import openvino
    except ImportError:
        print("OpenVINO and NNCF are not installed, so that row is missing", file=sys.stderr)
        return None
    network = openvino.Core().read_model(model.SerializeToString())
    data = nncf.Dataset([p[None] for p in pictures])
    compiled = openvino.compile_model(
        nncf.quantize(network, data, subset_size=len(pictures)), "CPU", {"PERFORMANCE_HINT": "LATENCY"}
    )
    return lambda: compiled([pictures[:1]])


if __name__ == "__main__":
    sys.exit(main())
