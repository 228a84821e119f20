"""Turn a float network into a U8S8 QDQ one: unsigned 8-bit activations, signed 8-bit weights on a grid per channel."""

import logging
from dataclasses import dataclass, field

import numpy as np
import onnx
from edgecnn_runtime.errors import ModelFileError
from numpy.typing import NDArray
from onnxruntime.quantization import QuantType
from onnxruntime.quantization.calibrate import CalibrationMethod, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from edgecnn_export.int8.ranges import observe_ranges
from edgecnn_export.prepared_pictures import PreparedPictures

__all__ = [
    "ActivationGrid",
    "QuantizationPlan",
    "WeightGrid",
    "apply_plan",
    "quantize_plain",
    "refuse_unquantizable",
]

OPERATORS = ("Conv", "Gemm", "MatMul", "Add", "GlobalAveragePool", "AveragePool", "MaxPool", "Concat", "Clip", "Relu")
"""Operators that ONNX Runtime's CPU provider runs in int8 faster than in float; everything else stays in float."""


@dataclass(frozen=True)
class ActivationGrid:
    """The 256 (or fewer) values an activation may take: `scale * (q - zero_point)`, `q` in 0..255."""

    scale: float
    zero_point: int

    @classmethod
    def from_range(cls, low: float, high: float, *, levels: int = 255) -> "ActivationGrid":
        """The grid whose codes 0..`levels` span `low`..`high`, widened to hold zero exactly."""
        low, high = min(low, 0.0), max(high, 0.0)
        scale = max((high - low) / levels, 1e-12)
        return cls(float(np.float32(scale)), int(np.clip(np.round(-low / scale), 0, levels)))


@dataclass(frozen=True)
class WeightGrid:
    """Quantized weights of one layer.

    Attributes:
        values: Int8, the weight's own shape.
        scale: `(C,)` float32, one a channel of `axis`, or `(1,)` for the whole tensor when `axis` is None.
        axis: Channel axis.
    """

    values: NDArray[np.int8]
    scale: NDArray[np.float32]
    axis: int | None

    def dequantize(self) -> NDArray[np.float32]:
        """The float32 weights these codes stand for."""
        if self.axis is None:
            return np.asarray(self.values * self.scale[0], np.float32)
        shape = [1] * self.values.ndim
        shape[self.axis] = -1
        return np.asarray(self.values * self.scale.reshape(shape), np.float32)


@dataclass(frozen=True)
class QuantizationPlan:
    """Everything that decides an int8 file, apart from the float network itself.

    Attributes:
        activations: Grid of each activation tensor.
        weights: Codes of each weight tensor; a weight that is missing gets 8 bits a channel, symmetric, by its maximum.
        excluded: Names of the nodes that stay in float.
        per_channel: Whether the weights missing from `weights` get one scale a channel.
    """

    activations: dict[str, ActivationGrid]
    weights: dict[str, WeightGrid] = field(default_factory=dict)
    excluded: frozenset[str] = frozenset()
    per_channel: bool = True


def quantize_plain(model: onnx.ModelProto, calibration: PreparedPictures) -> onnx.ModelProto:
    """Quantize the ordinary way: U8S8 QDQ, weights per channel, activations by minimum and maximum.

    This is the first step of the ladder and the baseline of the others. It is exact on CPUs with VNNI or DOT
    instructions; on x86 CPUs without them 16-bit sums saturate in some layers (see `saturation`).

    Args:
        model: Float32 network, uint8 pixels in, float32 logits out.
        calibration: Pictures the ranges come from.

    Returns:
        The int8 network, same inputs and outputs by name, type and shape.

    Raises:
        ModelFileError: The network is quantized already, or a layer gives NaN.
    """
    refuse_unquantizable(model)
    ranges = observe_ranges(model, calibration)
    return apply_plan(
        model, QuantizationPlan({name: ActivationGrid.from_range(r.low, r.high) for name, r in ranges.items()})
    )


def refuse_unquantizable(model: onnx.ModelProto) -> None:
    """Raise ModelFileError when `model` is quantized already or is not float32."""
    quantized = sorted(
        {n.op_type for n in model.graph.node if n.op_type.startswith("Q") or "quantize" in n.op_type.lower()}
    )
    if quantized:
        raise ModelFileError(
            f"the network is quantized already (it holds {', '.join(quantized)}), expected a float32 one; "
            "quantizing twice only loses accuracy: give the float network it was made from"
        )
    if any(t.data_type == onnx.TensorProto.FLOAT16 for t in model.graph.initializer):
        raise ModelFileError(
            "the network has float16 weights, expected float32; give the float32 network it was made from"
        )
    inner = sorted({n.op_type for n in model.graph.node if any(a.HasField("g") for a in n.attribute)})
    if inner:
        raise ModelFileError(
            f"the network branches while it runs (it holds {', '.join(inner)}), and int8 needs one path; export it "
            "as fp32"
        )
    if not any(n.op_type in {"Conv", "Gemm", "MatMul"} for n in model.graph.node):
        raise ModelFileError(
            "the network has no convolution and no matrix product, so there is nothing to quantize; export fp32"
        )


def apply_plan(model: onnx.ModelProto, plan: QuantizationPlan) -> onnx.ModelProto:
    """Write `plan` into `model`: return a new QDQ network; `model` stays as it is."""
    work = onnx.shape_inference.infer_shapes(model)
    initializers = {t.name: t for t in work.graph.initializer}
    overrides: dict[str, list[dict[str, object]]] = {
        name: [
            {
                "quant_type": QuantType.QUInt8,
                "scale": np.array(g.scale, np.float32),
                "zero_point": np.array(g.zero_point, np.uint8),
            }
        ]
        for name, g in plan.activations.items()
    }
    for name, weight in plan.weights.items():
        initializers[name].CopyFrom(onnx.numpy_helper.from_array(weight.dequantize(), name))
        axis = {} if weight.axis is None else {"axis": weight.axis}
        overrides[name] = [
            {
                "quant_type": QuantType.QInt8,
                "scale": np.array(s, np.float32),
                "zero_point": np.array(0, np.int8),
                **axis,
            }
            for s in weight.scale
        ]
    names = {n.name for n in work.graph.node if n.op_type in OPERATORS and not _has_constant_term(n, initializers)}
    logging_level = logging.root.level
    quantizer = QDQQuantizer(
        work,
        plan.per_channel,
        False,  # reduce_range: saturating layers get their bits through the plan, never all of them
        QuantType.QInt8,
        QuantType.QUInt8,
        TensorsData(CalibrationMethod.MinMax, {n: _corners(g) for n, g in plan.activations.items()}),
        sorted(names - plan.excluded),
        sorted(plan.excluded),
        list(OPERATORS),
        {
            "TensorQuantOverrides": overrides,
            # Logits in 8 bits would tie or swap close classes, and nothing after them is faster for it.
            "OpTypesToExcludeOutputQuantization": ["Gemm"],
            "DedicatedQDQPair": False,
        },
    )
    quantizer.quantize_model()
    logging.root.setLevel(logging_level)
    quantizer.model.topological_sort()
    result: onnx.ModelProto = quantizer.model.model
    result.graph.ClearField("value_info")
    for prop in model.metadata_props:
        if prop.key not in {p.key for p in result.metadata_props}:
            result.metadata_props.append(prop)
    onnx.checker.check_model(result)
    return result


def _has_constant_term(node: onnx.NodeProto, initializers: dict[str, onnx.TensorProto]) -> bool:
    """Say whether `node` adds a constant (normalization of the pixels, a bias): that costs nothing in float."""
    return node.op_type == "Add" and any(name in initializers for name in node.input)


def _corners(grid: ActivationGrid) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    low = np.array(-grid.zero_point * grid.scale, np.float32)
    return low, np.array(low + 255 * grid.scale, np.float32)
