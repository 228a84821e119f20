"""From an `nn.Module` to an ONNX graph that starts at pixels, through torch's own exporter."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import onnx_ir as ir
import torch
from edgecnn_runtime.errors import ModelFileError, OptionError
from onnxscript import opset18 as op

from edgecnn_export.network import Network, PixelModule
from edgecnn_export.passes.feature_output import expose_features
from edgecnn_export.passes.layer_names import name_by_layer
from edgecnn_export.passes.pooled_norm import fold_pooled_norms
from edgecnn_export.passes.values import to_proto
from edgecnn_export.pixel_graph import LOGITS, MAX_IR, OPSET, PIXELS, PixelGraph

__all__ = ["to_onnx"]


def to_onnx(network: Network) -> PixelGraph:
    """Export a network: normalization inside, batch-norm folded, batch dimension free, tensors named by their layer.

    Raises:
        OptionError: The network is too large for one file, does not take the size it is given, or does not give one
            logit a label.
        ModelFileError: torch cannot export it; the message carries torch's reason.
    """
    _check_size(network)
    _refuse_quantized(network)
    module = PixelModule(network)
    module.training = False  # eval() goes into parts that may not allow it
    height, width = network.preprocess.height, network.preprocess.width
    pixels = torch.zeros((2, height, width, 3), dtype=torch.uint8)
    _check_output(module, pixels, network)
    try:
        with _quiet():
            program = torch.onnx.export(
                module,
                (pixels,),
                dynamo=True,
                verbose=False,
                opset_version=OPSET,
                input_names=[PIXELS],
                output_names=[LOGITS],
                dynamic_shapes=({0: torch.export.Dim("N", min=1)},),
                # torch's own decomposition goes through as_strided, which becomes a dozen nodes and hides the pooling.
                custom_translation_table={torch.ops.aten.adaptive_avg_pool2d.default: _adaptive_average_pool},
            )
    # torch wraps failures of user code in exceptions of many kinds.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ModelFileError(f"{network.name} cannot be exported by torch {torch.__version__}: {reason}") from error
    if program is None:
        raise ModelFileError(f"{network.name} cannot be exported: torch.onnx.export gave nothing back.")
    graph = program.model
    graph.ir_version = min(graph.ir_version, MAX_IR)
    _refuse_probabilities(graph, network)
    fold_pooled_norms(graph)
    name_by_layer(graph)
    features = expose_features(graph)
    model = to_proto(graph)
    onnx.checker.check_model(model)
    return PixelGraph(
        model=model,
        name=network.name,
        labels=network.labels,
        preprocess=network.preprocess,
        reference=network.logits,
        reference_name=f"PyTorch {torch.__version__.split('+')[0]}",
        features=features,
        license=network.license,
        source=network.source,
        normalization=network.normalization,
    )


def _check_size(network: Network) -> None:
    size = sum(tensor.nbytes for tensor in network.module.state_dict().values() if isinstance(tensor, torch.Tensor))
    if size >= onnx.checker.MAXIMUM_PROTOBUF:
        raise OptionError(
            f"{network.name} has {size / 1e9:.1f} GB of weights, but an ONNX file holds less than 2 GiB in one piece; "
            "take a smaller network."
        )


def _refuse_quantized(network: Network) -> None:
    """Quantized by torch: its operators are those of one backend, and int8 is made from the float network."""
    kinds = {type(part).__module__ for part in network.module.modules()}
    if any(kind.startswith(("torch.ao.nn.quantized", "torch.ao.nn.intrinsic.quantized")) for kind in kinds):
        raise OptionError(
            f"{network.name} is quantized by torch; give the float network it was made from, and --precision int8 with "
            "--calibrate makes an int8 file of it."
        )


def _refuse_probabilities(graph: ir.Model, network: Network) -> None:
    """A softmax or sigmoid at the end would be followed by the one of whoever reads the file."""
    last = graph.graph.outputs[0].producer()
    if last is not None and last.op_type in ("Softmax", "Sigmoid"):
        raise OptionError(
            f"{network.name} ends in a {last.op_type.lower()}, so that it gives probabilities; expected logits: return "
            "what that layer is given, or put torch.nn.Identity() in its place."
        )


def _check_output(module: PixelModule, pixels: torch.Tensor, network: Network) -> None:
    height, width = pixels.shape[1:3]
    try:
        with torch.inference_mode():
            logits = module(pixels)
    except (RuntimeError, ValueError, TypeError, AssertionError) as error:
        raise OptionError(
            f"{network.name} does not take a {height}×{width} picture with {network.channels} channels: "
            f"{str(error).splitlines()[0] if str(error) else type(error).__name__}; give its size with --size."
        ) from error
    if not isinstance(logits, torch.Tensor) or logits.ndim != 2:
        shape = tuple(logits.shape) if isinstance(logits, torch.Tensor) else type(logits).__name__
        raise OptionError(f"{network.name} gives {shape} for two pictures; expected (2, classes) logits.")
    if logits.shape[1] != len(network.labels):
        raise OptionError(
            f"{network.name} gives {logits.shape[1]} logits, but there are {len(network.labels)} labels; "
            "give one label a class, in the order of the logits, with --labels."
        )


# The parameter's name is the one of torch's operator; onnxscript matches by it.
def _adaptive_average_pool(self: Any, output_size: Sequence[int]) -> Any:
    """`aten.adaptive_avg_pool2d` in ONNX; pooling to any other size than 1×1 is two products with fixed matrices."""
    target = tuple(output_size)
    if target == (1, 1):
        return op.GlobalAveragePool(self)
    height, width = int(self.shape[2]), int(self.shape[3])
    if target == (height, width):
        return op.Identity(self)
    rows = op.MatMul(op.Constant(value=onnx.numpy_helper.from_array(_averaging(height, target[0]))), self)
    return op.MatMul(rows, op.Constant(value=onnx.numpy_helper.from_array(_averaging(width, target[1]).T.copy())))


def _averaging(size: int, target: int) -> npt.NDArray[np.float32]:
    """`(target, size)` matrix whose rows average the windows that torch's adaptive pooling takes."""
    matrix = np.zeros((target, size), np.float32)
    for row in range(target):
        start, end = row * size // target, -(-(row + 1) * size // target)
        matrix[row, start:end] = 1 / (end - start)
    return matrix


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Torch's exporter logs its own progress and warns about its own insides; neither tells a user anything."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir", "torch.export")]
    levels = [logger.level for logger in loggers]
    try:
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
