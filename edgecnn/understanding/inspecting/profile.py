"""Where the time goes on this machine, from ONNX Runtime's own profile."""

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from edgecnn_runtime.errors import MissingPackageError, ModelFileError, OptionError

__all__ = ["NodeTime", "profile", "time_by_operator"]

_KERNEL = "_kernel_time"
_FREE_PICTURE_SIZE = 224  # what a network with free height and width is timed at


@dataclass(frozen=True)
class NodeTime:
    """Time of one node of the graph that ONNX Runtime runs, which joins several layers of the file where it can.

    Attributes:
        name: node name in the optimized graph.
        operator: as ONNX Runtime runs it.
        time_ms: median over the runs.
        share: of the sum over all nodes, 0 to 1.
    """

    name: str
    operator: str
    time_ms: float
    share: float


def profile(data: bytes, *, runs: int = 30, threads: int | None = None) -> list[NodeTime]:
    """Run a network on random pixels on the CPU and tell the time of each node, slowest first.

    Args:
        data: bytes of an `.onnx`.
        runs: timed runs, after three that are thrown away.
        threads: inside one operator; None means one a core.

    Raises:
        ModelFileError: ONNX Runtime cannot run the graph.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise MissingPackageError("onnxruntime", extra="cpu") from error
    if runs < 1:
        raise OptionError(f"runs is {runs}; expected at least 1.")
    warm_up = 3
    with tempfile.TemporaryDirectory() as folder:
        options = onnxruntime.SessionOptions()
        options.enable_profiling = True
        options.profile_file_prefix = str(Path(folder) / "profile")
        options.intra_op_num_threads = threads or 0
        options.log_severity_level = 3
        try:
            session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
            feed = {entry.name: _random(entry) for entry in session.get_inputs()}
            for _ in range(warm_up + runs):
                session.run(None, feed)
        # ONNX Runtime's exceptions share no base class with a name.
        except Exception as error:
            raise ModelFileError(f"ONNX Runtime cannot run the network: {error}") from error
        events = json.loads(Path(session.end_profiling()).read_text())
    return _summarize(events, warm_up)


def time_by_operator(times: Iterable[NodeTime]) -> list[tuple[str, int, float, float]]:
    """Operator, number of nodes, milliseconds, share; slowest first."""
    groups: dict[str, list[NodeTime]] = defaultdict(list)
    for entry in times:
        groups[entry.operator].append(entry)
    rows = [
        (operator, len(group), sum(entry.time_ms for entry in group), sum(entry.share for entry in group))
        for operator, group in groups.items()
    ]
    return sorted(rows, key=lambda row: -row[2])


def _summarize(events: list[dict[str, Any]], warm_up: int) -> list[NodeTime]:
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            key = (event["name"].removesuffix(_KERNEL), event["args"]["op_name"])
            durations[key].append(event["dur"] / 1000)
    medians = {key: statistics.median(values[warm_up:] or values) for key, values in durations.items()}
    total = sum(medians.values()) or 1.0
    times = [NodeTime(name, operator, value, value / total) for (name, operator), value in medians.items()]
    return sorted(times, key=lambda entry: -entry.time_ms)


def _random(entry: Any) -> np.ndarray[Any, Any]:
    shape = [size if isinstance(size, int) else 1 for size in entry.shape]
    if len(shape) == 4:
        shape = [
            _FREE_PICTURE_SIZE if index and not isinstance(size, int) else shape[index]
            for index, size in enumerate(entry.shape)
        ]
    generator = np.random.default_rng(0)
    if entry.type == "tensor(uint8)":
        return generator.integers(0, 256, shape, dtype=np.uint8)
    return generator.standard_normal(shape).astype(np.float16 if entry.type == "tensor(float16)" else np.float32)
