"""How long networks take for one picture, measured in turn so that a busy moment of the machine hits all alike."""

import re
import statistics
import time
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_runtime.profile import profile
from edgecnn_runtime.session import session_options

__all__ = ["CPU", "Latency", "layer_times", "measure_latencies"]

CPU = "CPUExecutionProvider"


@dataclass(frozen=True)
class Latency:
    """Time for one picture.

    Attributes:
        median_ms: Median of the runs.
        spread_ms: Middle half of the runs, from first to third quartile.
        times_ms: Every run, in order.
    """

    median_ms: float
    spread_ms: float
    times_ms: tuple[float, ...]


def measure_latencies(
    models: Mapping[str, onnx.ModelProto], *, provider: str = CPU, rounds: int = 30
) -> dict[str, Latency]:
    """Run one picture through each network, in turn, `rounds` times, and return the latencies by name."""
    sessions = {
        name: ort.InferenceSession(model.SerializeToString(), session_options(), providers=[provider])
        for name, model in models.items()
    }
    feeds = {name: _picture(model) for name, model in models.items()}
    times: dict[str, list[float]] = {name: [] for name in models}
    for turn in range(rounds + 3):
        for name, session in sessions.items():
            start = time.perf_counter()
            session.run(["logits"], feeds[name])
            if turn >= 3:  # the first runs fill caches
                times[name].append((time.perf_counter() - start) * 1e3)
    found = {}
    for name, values in times.items():
        quartiles = statistics.quantiles(values, n=4) if len(values) > 1 else values * 3
        found[name] = Latency(statistics.median(values), quartiles[2] - quartiles[0], tuple(values))
    return found


def layer_times(model: onnx.ModelProto, *, runs: int = 20) -> dict[str, float]:
    """The milliseconds a picture that each node takes on this CPU, by node name, from ONNX Runtime's profile."""
    totals: dict[str, float] = defaultdict(float)
    for entry in profile(model.SerializeToString(), runs=runs):
        totals[re.sub(r"(_token_\d+)?(_nhwc)?$", "", entry.name)] += entry.time_ms  # what fusions append to a name
    return dict(totals)


def _picture(model: onnx.ModelProto) -> dict[str, np.ndarray]:
    entry = model.graph.input[0]
    height, width = (d.dim_value or 224 for d in entry.type.tensor_type.shape.dim[1:3])
    pixels = np.random.default_rng(0).integers(0, 256, (1, height, width, 3), np.uint8)
    return {entry.name: pixels}
