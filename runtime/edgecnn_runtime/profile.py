"""Where the time goes on this machine, node by node, from ONNX Runtime's own profile."""

import json
import statistics
import tempfile
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from edgecnn_runtime.allowed_operators import refuse_loops
from edgecnn_runtime.devices import import_onnxruntime
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.footprint import check_footprint
from edgecnn_runtime.onnx_file import read_onnx
from edgecnn_runtime.session import session_options

__all__ = ["NodeTime", "profile"]

_KERNEL = "_kernel_time"
_WARM_UP = 3
_FREE_PICTURE_SIZE = 224  # what a network with free height and width is timed at


@dataclass(frozen=True)
class NodeTime:
    """Time of one node of the graph that ONNX Runtime runs, which joins several layers of the file where it can.

    Attributes:
        name: Node name in the optimized graph.
        operator: As ONNX Runtime runs it.
        time_ms: Median over the runs.
        share: Of the sum over all nodes, 0 to 1.
    """

    name: str
    operator: str
    time_ms: float
    share: float


def profile(
    data: bytes, *, runs: int = 30, threads: int | None = None, allow_unbounded: bool = False
) -> list[NodeTime]:
    """Run a network on random pixels on the CPU and tell the time of each node, slowest first.

    Args:
        data: Bytes of an `.onnx`.
        runs: Timed runs, after three that are thrown away.
        threads: Inside one operator; None means one a core.
        allow_unbounded: As for `Classifier`.

    Raises:
        ModelFileError: ONNX Runtime cannot run the graph, or it may never end.
        OptionError: Fewer runs than one.
        MissingPackageError: No onnxruntime is installed.
    """
    if runs < 1:
        raise OptionError(f"runs is {runs}; expected at least 1.")
    file = read_onnx(data)
    if not allow_unbounded:
        refuse_loops(file)
        check_footprint(data, file, [replace(entry, shape=_sizes(entry.shape)) for entry in file.inputs])
    with tempfile.TemporaryDirectory() as folder:
        options = session_options(threads=threads, profile=Path(folder) / "profile")
        try:
            session = import_onnxruntime().InferenceSession(data, options, providers=["CPUExecutionProvider"])
            feed = {entry.name: _random(entry) for entry in session.get_inputs()}
            for _ in range(_WARM_UP + runs):
                session.run(None, feed)
        # ONNX Runtime's exceptions share no base class with a name.
        except Exception as error:
            raise ModelFileError(f"ONNX Runtime cannot run the network: {error}") from error
        events = json.loads(Path(session.end_profiling()).read_text(encoding="utf-8"))
    durations: dict[tuple[str, str], list[float]] = defaultdict(list)
    for event in events:
        if event.get("cat") == "Node" and event["name"].endswith(_KERNEL):
            durations[event["name"].removesuffix(_KERNEL), event["args"]["op_name"]].append(event["dur"] / 1000)
    medians = {key: statistics.median(values[_WARM_UP:] or values) for key, values in durations.items()}
    total = sum(medians.values()) or 1.0
    times = [
        NodeTime(name=name, operator=operator, time_ms=value, share=value / total)
        for (name, operator), value in medians.items()
    ]
    return sorted(times, key=lambda entry: -entry.time_ms)


def _sizes(shape: Sequence[int | str | None]) -> tuple[int, ...]:
    """Sizes of an input; a free batch is 1, a free height or width of a picture `_FREE_PICTURE_SIZE`."""
    free = [1] + [_FREE_PICTURE_SIZE if len(shape) == 4 else 1] * (len(shape) - 1)
    return tuple(size if size and isinstance(size, int) else other for size, other in zip(shape, free, strict=True))


def _random(entry: Any) -> np.ndarray[Any, Any]:
    """Random pixels for an input."""
    shape = _sizes(entry.shape)
    generator = np.random.default_rng(0)
    if entry.type == "tensor(uint8)":
        return generator.integers(0, 256, shape, dtype=np.uint8)
    return generator.standard_normal(shape).astype(np.float16 if entry.type == "tensor(float16)" else np.float32)
