"""Between which values every tensor of a network moves: minimum and maximum, and histograms, streamed over pictures."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime as ort
from edgecnn_runtime.errors import ModelFileError
from edgecnn_runtime.session import session_options
from numpy.typing import NDArray

from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = ["TensorRange", "float_tensors", "observe_ranges", "run_tensors", "simulated_logits"]

BATCH = 2
"""Pictures a step while every inner tensor is watched: about 55 MB for EfficientNet-Lite0 at 224 pixels."""
BYTES_AT_ONCE = 128_000_000
"""Tensors that are fetched together may take this much; networks with more are watched in several passes."""


@dataclass(frozen=True)
class TensorRange:
    """Range of one tensor over the calibration pictures.

    Attributes:
        low: Smallest value seen, zero or below (zero must be exact after quantization: padding uses it).
        high: Largest value seen, zero or above.
        channel_low: `(C,)` smallest value of each channel (axis 1); the whole tensor's when it has no channels.
        channel_high: `(C,)` largest value of each channel.
    """

    low: float
    high: float
    channel_low: NDArray[np.float32]
    channel_high: NDArray[np.float32]


def float_tensors(model: onnx.ModelProto) -> dict[str, tuple[int, ...]]:
    """The float32 tensors that nodes of `model` make, with their shapes (unknown sizes, the batch's, as 1)."""
    inferred = onnx.shape_inference.infer_shapes(model)
    made = {name for node in model.graph.node for name in node.output}
    found = {}
    for info in [*inferred.graph.value_info, *inferred.graph.output]:
        if info.name in made and info.type.tensor_type.elem_type == onnx.TensorProto.FLOAT:
            found[info.name] = tuple(max(d.dim_value, 1) for d in info.type.tensor_type.shape.dim)
    return found


def run_tensors(
    model: onnx.ModelProto,
    names: Iterable[str],
    calibration: PreparedPictures,
    *,
    batch: int = BATCH,
    optimize: bool = True,
) -> Iterator[dict[str, NDArray[np.float32]]]:
    """Run the pictures through `model` and yield, batch by batch, the inner tensors `names`.

    With `optimize=False` every operator runs as the file states it, in float arithmetic: that is how an int8 file is
    watched without depending on which int8 kernels this CPU has.
    """
    wanted = list(dict.fromkeys(names))
    session = watching_session(model, wanted, optimize=optimize)
    feed = session.get_inputs()[0].name
    for pixels in calibration.batches(batch):
        yield dict(zip(wanted, session.run(wanted, {feed: pixels}), strict=True))


def watching_session(model: onnx.ModelProto, names: Iterable[str], *, optimize: bool = True) -> ort.InferenceSession:
    """A CPU session of `model` that gives the inner tensors `names` as well."""
    watched = onnx.ModelProto()
    watched.CopyFrom(model)
    present = {o.name for o in model.graph.output}
    for name in names:
        if name not in present:
            watched.graph.output.append(onnx.ValueInfoProto(name=name))
    options = session_options(optimize=optimize, arena=False)
    return ort.InferenceSession(watched.SerializeToString(), options, providers=["CPUExecutionProvider"])


def simulated_logits(model: onnx.ModelProto, pictures: PreparedPictures) -> NDArray[np.float32]:
    """`(N, classes)` logits of a float or QDQ network, int8 layers computed in float: the same on every CPU."""
    options = session_options(arena=False)
    options.add_session_config_entry("session.disable_quant_qdq", "1")
    session = ort.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    feed = session.get_inputs()[0].name
    return np.concatenate([session.run(["logits"], {feed: pixels})[0] for pixels in pictures.batches(BATCH)])


def observe_ranges(model: onnx.ModelProto, calibration: PreparedPictures) -> dict[str, TensorRange]:
    """The range of every float tensor of `model` over the calibration pictures; memory does not grow with them.

    Raises:
        ModelFileError: A tensor holds NaN or infinity; the message names the node that makes it.
    """
    shapes = float_tensors(model)
    maker = {name: node for node in model.graph.node for name in node.output}
    found: dict[str, TensorRange] = {}
    for names in _passes(shapes):
        for tensors in run_tensors(model, names, calibration):
            for name in names:
                found[name] = _wider(found.get(name), _range_of(tensors[name], maker[name]))
    return found


def _passes(shapes: dict[str, tuple[int, ...]]) -> list[list[str]]:
    """Split the tensors into groups that fit into memory together."""
    passes: list[list[str]] = [[]]
    size = 0
    for name, shape in shapes.items():
        bytes_needed = 4 * BATCH * int(np.prod(shape))
        if passes[-1] and size + bytes_needed > BYTES_AT_ONCE:
            passes.append([])
            size = 0
        passes[-1].append(name)
        size += bytes_needed
    return passes


def _range_of(values: NDArray[np.float32], node: onnx.NodeProto) -> TensorRange:
    if values.ndim >= 2:
        axes = (0, *range(2, values.ndim))
        low, high = values.min(axis=axes), values.max(axis=axes)
    else:
        low, high = values.min(keepdims=True).reshape(-1), values.max(keepdims=True).reshape(-1)
    if not (np.isfinite(low).all() and np.isfinite(high).all()):
        raise ModelFileError(
            f"layer {node.name or node.output[0]!r} ({node.op_type}) gives NaN or infinity on a calibration picture, "
            "expected finite numbers; check the weights of that layer before quantizing"
        )
    return TensorRange(min(float(low.min()), 0.0), max(float(high.max()), 0.0), low, high)


def _wider(a: TensorRange | None, b: TensorRange) -> TensorRange:
    if a is None:
        return b
    return TensorRange(
        min(a.low, b.low),
        max(a.high, b.high),
        np.minimum(a.channel_low, b.channel_low),
        np.maximum(a.channel_high, b.channel_high),
    )
