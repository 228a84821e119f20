"""One precision, measured beside fp32 on the same pictures: accuracy, flipped labels, latency, size."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_runtime.session import session_options
from numpy.typing import NDArray

from edgecnn_export.latency import CPU, Latency, measure_latencies
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["Measured", "measure_precisions", "paired_drop", "wilson_interval"]

Z = 1.96
"""Standard deviations of a 95 % interval."""


@dataclass(frozen=True)
class Measured:
    """One precision, measured.

    Attributes:
        precision: `fp32`, `fp16` or `int8`.
        size_bytes: Of the network in its file.
        latency: For one picture.
        speedup: Fp32's median over this one's.
        top1: Share of right labels, or None where the pictures have none.
        drop: Points of top-1 lost against fp32 on the same pictures, or None.
        drop_interval: 95 % interval of the drop in points, or None.
        flipped: Indices of the pictures whose label differs from fp32's.
        pictures: Pictures measured on.
        flip_interval: 95 % interval of the share of flipped labels, in points.
        finite: Whether all logits are finite.
        answers: Class index of each picture.
    """

    precision: str
    size_bytes: int
    latency: Latency
    speedup: float
    top1: float | None
    drop: float | None
    drop_interval: tuple[float, float] | None
    flipped: tuple[int, ...]
    pictures: int
    flip_interval: tuple[float, float]
    finite: bool
    answers: tuple[int, ...]

    @property
    def agreement(self) -> float:
        """Share of pictures with fp32's label, 0..1."""
        return 1 - len(self.flipped) / self.pictures

    def summary(self) -> dict[str, Any]:
        """What belongs into the model file's card, ready for JSON."""
        return {
            "pictures": self.pictures,
            "top1": None if self.top1 is None else round(self.top1, 5),
            "agreement": round(self.agreement, 5),
            "flipped": len(self.flipped),
            "flip_interval_points": [round(x, 3) for x in self.flip_interval],
            "drop_points": None if self.drop is None else round(self.drop, 3),
            "drop_interval_points": None if self.drop_interval is None else [round(x, 3) for x in self.drop_interval],
            "latency_ms": round(self.latency.median_ms, 4),
            "speedup": round(self.speedup, 3),
            "graph_bytes": self.size_bytes,
        }


def measure_precisions(
    models: Mapping[str, onnx.ModelProto], evaluation: PreparedPictures, *, rounds: int = 30
) -> dict[str, Measured]:
    """Measure networks on this machine's CPU.

    Args:
        models: `fp32` and others by name.
        evaluation: Pictures, with labels or without.
        rounds: Latency runs of each.
    """
    latencies = measure_latencies(models, rounds=rounds)
    logits = {name: _logits(model, evaluation) for name, model in models.items()}
    return {
        name: _measure(name, models[name], latencies=latencies, logits=logits, labels=evaluation.labels)
        for name in models
    }


def wilson_interval(hits: int, count: int) -> tuple[float, float]:
    """The 95 % Wilson interval of `hits` in `count`, as shares 0..1."""
    share = hits / count
    center = (share + Z**2 / (2 * count)) / (1 + Z**2 / count)
    half = Z * math.sqrt(share * (1 - share) / count + Z**2 / (4 * count**2)) / (1 + Z**2 / count)
    return max(0.0, center - half), min(1.0, center + half)


def paired_drop(before: NDArray[np.bool_], after: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """The points of accuracy lost from `before` to `after`, right or wrong by picture, and the 95 % interval.

    Only pictures on which the two differ count, so the interval is far narrower than that of each accuracy alone. Half
    a discordant picture is added to each side, so that no difference in few pictures is not taken for certainty.
    """
    count = len(before)
    lost = int((before & ~after).sum())
    won = int((~before & after).sum())
    drop = (lost - won) / count
    half = Z * math.sqrt(lost + won + 1 - (lost - won) ** 2 / count) / count
    return 100 * drop, (100 * (drop - half), 100 * (drop + half))


def _measure(
    name: str,
    model: onnx.ModelProto,
    *,
    latencies: dict[str, Latency],
    logits: dict[str, NDArray[np.float32]],
    labels: NDArray[np.int64] | None,
) -> Measured:
    reference, got = logits["fp32"].argmax(1), logits[name].argmax(1)
    flipped = np.flatnonzero(reference != got)
    low, high = wilson_interval(len(flipped), len(got))
    top1 = drop = interval = None
    if labels is not None:
        top1 = float((got == labels).mean())
        drop, interval = paired_drop(reference == labels, got == labels)
    return Measured(
        precision=name,
        size_bytes=model.ByteSize(),
        latency=latencies[name],
        speedup=latencies["fp32"].median_ms / latencies[name].median_ms,
        top1=top1,
        drop=drop,
        drop_interval=interval,
        flipped=tuple(int(i) for i in flipped),
        pictures=len(got),
        flip_interval=(100 * low, 100 * high),
        finite=bool(np.isfinite(logits[name]).all()),
        answers=tuple(int(i) for i in got),
    )


def _logits(model: onnx.ModelProto, pictures: PreparedPictures) -> NDArray[np.float32]:
    session = ort.InferenceSession(model.SerializeToString(), session_options(), providers=[CPU])
    feed = session.get_inputs()[0].name
    return np.concatenate([session.run(["logits"], {feed: pixels})[0] for pixels in pictures.batches(8)])
