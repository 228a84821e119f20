"""The color network as other exporters write it, with one thing changed at a time, and how to export it."""

from pathlib import Path
from typing import Any

import numpy as np
import onnx
from edgecnn_export.from_onnx import from_onnx
from edgecnn_export.pixel_graph import PixelGraph
from edgecnn_runtime import Normalization, Preprocess
from onnx import TensorProto, helper, numpy_helper

from support.models import LABELS, float_model, random_pixels

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)
PIXELS = random_pixels(5)


def plain() -> onnx.ModelProto:
    """Float `input` `(N, 3, 32, 32)` to `output` `(N, 4)` logits."""
    model = float_model()
    for node in model.graph.node:
        if node.op_type == "Gemm":
            node.attribute.append(helper.make_attribute("alpha", 0.1))  # answers that are far from certain
    return model


def meant(pixels: np.ndarray = PIXELS) -> np.ndarray:
    """`(N, 4)` probabilities of the plain network, by ONNX Runtime's neighbor, plain numpy."""
    return softmax(logits(pixels))


def logits(pixels: np.ndarray = PIXELS) -> np.ndarray:
    """`(N, 4)` logits of the plain network."""
    from support.models import weights

    values = np.maximum((pixels / 255.0 - MEAN) / STD, 0).mean(axis=(1, 2))
    return np.asarray(0.1 * values @ weights().T.astype(np.float64))


def softmax(rows: np.ndarray) -> np.ndarray:
    """Of each row."""
    exponents = np.exp(rows - rows.max(axis=1, keepdims=True))
    return np.asarray(exponents / exponents.sum(axis=1, keepdims=True))


def ended(*nodes: tuple[str, list[str], str, dict[str, Any]], **constants: Any) -> onnx.ModelProto:
    """The plain network with nodes behind its logits, which are called `output`; the last one gives the output."""
    model = plain()
    model.graph.initializer.extend(numpy_helper.from_array(np.asarray(v), k) for k, v in constants.items())
    for operator, taken, given, attributes in nodes:
        model.graph.node.append(helper.make_node(operator, taken, [given], given, **attributes))
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info(nodes[-1][2], TensorProto.FLOAT, None))
    return model


def imported(folder: Path, model: onnx.ModelProto, *, labels: tuple[str, ...] = LABELS, **options: Any) -> PixelGraph:
    """The file through `from_onnx`, with 32×32 pixels and the plain network's normalization."""
    path = folder / "foreign.onnx"
    path.write_bytes(model.SerializeToString())
    normalization = options.pop("normalization", Normalization(MEAN, STD))
    return from_onnx(path, labels=labels, preprocess=Preprocess(32, 32), normalization=normalization, **options)


def answers(graph: PixelGraph, pixels: np.ndarray = PIXELS) -> np.ndarray:
    """`(N, classes)` probabilities of the imported graph, all pictures in one batch."""
    import onnxruntime

    session = onnxruntime.InferenceSession(graph.model.SerializeToString(), providers=["CPUExecutionProvider"])
    return softmax(session.run(["logits"], {"pixels": pixels})[0].astype(np.float64))
