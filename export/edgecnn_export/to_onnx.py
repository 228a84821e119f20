"""From an `nn.Module` to an ONNX graph that starts at pixels, through torch's own exporter."""

import contextlib
import logging
import warnings
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
import torch
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.preprocess import LUMA, Pixels
from onnxscript import opset18 as op

from edgecnn_export.network import Network
from edgecnn_export.passes.features import expose_features
from edgecnn_export.passes.pooled_norm import fold_pooled_norms
from edgecnn_export.pixel_graph import FEATURES, LOGITS, MAX_IR, OPSET, PIXELS, PixelGraph
from edgecnn_export.pixel_module import PixelModule

__all__ = ["to_onnx", "torch_reference"]


def to_onnx(network: Network) -> PixelGraph:
    """Export a network: normalization inside, batch-norm folded, batch dimension free, tensors named by their layer.

    Raises:
        OptionError: the network is too large for one file, does not take the size it is given, or does not give one
            logit a label.
        ModelFileError: torch cannot export it; the message carries torch's reason.
    """
    _check_size(network)
    module = PixelModule(network).eval()
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
    model = program.model_proto
    model.ir_version = min(model.ir_version, MAX_IR)
    fold_pooled_norms(model)
    _tidy(model)
    features = expose_features(model)
    onnx.checker.check_model(model)
    return PixelGraph(
        model=model,
        name=network.name,
        labels=network.labels,
        preprocess=network.preprocess,
        reference=torch_reference(network),
        reference_name=f"PyTorch {torch.__version__.split('+')[0]}",
        features=features,
        license=network.license,
        source=network.source,
    )


def torch_reference(network: Network) -> Any:
    """The network in PyTorch as a function of pixels, with the textbook normalization `(pixels / 255 - mean) / std`.

    The returned function takes `(N, height, width, 3)` uint8 RGB and gives `(N, classes)` float32.
    """
    mean = torch.tensor(network.mean).view(1, 3, 1, 1)
    std = torch.tensor(network.std).view(1, 3, 1, 1)

    def reference(pixels: Pixels) -> npt.NDArray[np.float32]:
        scaled = torch.from_numpy(np.array(pixels)).permute(0, 3, 1, 2).float() / 255
        if network.channels == 1:
            luma = torch.tensor(LUMA).view(1, 3, 1, 1)
            normalized = ((scaled * luma).sum(1, keepdim=True) - mean[:, :1]) / std[:, :1]
        else:
            normalized = (scaled - mean) / std
        with torch.inference_mode():
            output = network.module(normalized)
        logits = output.logits if hasattr(output, "logits") else output
        return np.asarray(logits.float().numpy(), dtype=np.float32)

    return reference


def _check_size(network: Network) -> None:
    size = sum(tensor.nbytes for tensor in network.module.state_dict().values())
    if size >= onnx.checker.MAXIMUM_PROTOBUF:
        raise OptionError(
            f"{network.name} has {size / 1e9:.1f} GB of weights, but an ONNX file holds less than 2 GiB in one piece; "
            "take a smaller network."
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


def _tidy(model: onnx.ModelProto) -> None:
    """Name nodes and tensors by their layer and drop the exporter's notes, which hold paths of the author's machine."""
    graph = model.graph
    kept = {PIXELS, LOGITS, FEATURES, *(v.name for v in graph.output)}
    taken = set(kept)
    renamed: dict[str, str] = {}
    for tensor in graph.initializer:
        renamed[tensor.name] = tensor.name = _unique(tensor.name.removeprefix("module."), taken)
    for node in graph.node:
        node.name = _unique(_layer_name(node), taken)
        for index, output in enumerate(node.output):
            if output not in kept:
                renamed[output] = node.name if index == 0 else _unique(f"{node.name}:{index}", taken)
    for node in graph.node:
        for names in (node.input, node.output):
            for index, name in enumerate(names):
                names[index] = renamed.get(name, name)
        node.ClearField("metadata_props")
        node.ClearField("doc_string")
    for value in [*graph.value_info, *graph.input, *graph.output]:
        value.name = renamed.get(value.name, value.name)
        value.ClearField("metadata_props")
        value.ClearField("doc_string")
    for tensor in graph.initializer:
        tensor.ClearField("metadata_props")
        tensor.ClearField("doc_string")
    del model.metadata_props[:]
    del graph.metadata_props[:]
    graph.ClearField("doc_string")
    model.ClearField("doc_string")
    graph.name = "edgecnn"


def _layer_name(node: onnx.NodeProto) -> str:
    """`layer1.0.conv1` for layers with weights, `layer1.0/Add` for the rest."""
    weights = node.input[1] if len(node.input) > 1 else ""
    if node.op_type in ("Conv", "ConvTranspose", "Gemm") and weights.endswith(".weight"):
        return weights.removeprefix("module.").removesuffix(".weight")
    notes = {entry.key: entry.value for entry in node.metadata_props}
    path = notes.get("namespace", "").split("/")
    scopes = [part.split(":")[0].strip() for part in path[:-1]]
    scope = next((s for s in reversed(scopes) if s.startswith("module.")), "").removeprefix("module.")
    return f"{scope}/{node.op_type}" if scope else node.op_type


def _unique(name: str, taken: set[str]) -> str:
    candidate, count = name, 1
    while candidate in taken:
        count += 1
        candidate = f"{name}.{count}" if "/" not in name else f"{name}_{count}"
    taken.add(candidate)
    return candidate


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
