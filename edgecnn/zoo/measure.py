"""What a network costs on this machine: size of its fp32 file, latency on the CPU."""

from dataclasses import dataclass

import numpy as np
from edgecnn_runtime import OptionError

from edgecnn.zoo import NetworkRequest, load

__all__ = ["Measurement", "measure"]


@dataclass(frozen=True)
class Measurement:
    """Measured on this machine's CPU.

    Attributes:
        latency_ms: Median time of one picture, without decoding and resizing.
        spread_ms: Distance between the quartiles of the runs.
        size_bytes: Of the fp32 graph.
        runs: How many.
    """

    latency_ms: float
    spread_ms: float
    size_bytes: int
    runs: int


def measure(source: str, *, runs: int = 30) -> Measurement:
    """Export a network with random weights and time it; its speed does not depend on what the weights are.

    Args:
        source: What `edgecnn.zoo.load` takes.
        runs: Timed runs, after three that are thrown away.

    Raises:
        MissingPackageError: Torch, torchvision or timm is not installed.
        ModelFileError: Torch cannot export the network.
    """
    if runs < 1:
        raise OptionError(f"runs is {runs}; expected at least 1.")
    network = load(source, NetworkRequest(random_weights=True))
    from edgecnn_export.latency import measure_latencies
    from edgecnn_export.package import build_card, pack
    from edgecnn_export.to_onnx import to_onnx

    graph = to_onnx(network)
    picture = np.zeros((network.preprocess.height, network.preprocess.width, 3), np.uint8)
    data = pack(graph.model, build_card(graph, precision={"kind": "fp32"}, measured={}), [picture])
    latency = measure_latencies({source: graph.model}, rounds=runs)[source]
    return Measurement(
        latency_ms=latency.median_ms, spread_ms=latency.spread_ms, size_bytes=len(data), runs=len(latency.times_ms)
    )
