"""Tiny networks built in memory and packed as model files; their answer is the color of the picture."""

import functools
import json
from typing import Any

import numpy as np
import onnx
from edgecnn_export.package import build_card, pack
from edgecnn_export.pixel_graph import PixelGraph
from edgecnn_runtime import Preprocess
from edgecnn_runtime.card import FeatureOutput
from onnx import TensorProto, helper, numpy_helper

LABELS = ("red", "green", "blue", "Grün & 猫")
SHARPNESS = 8.0


def weights() -> np.ndarray:
    """`(classes, 3)` float32 of the linear layer: each of the first three classes likes one channel."""
    rows = np.full((len(LABELS), 3), -SHARPNESS, np.float32)
    rows[:3] = (1.5 * np.eye(3, dtype=np.float32) - 0.5) * SHARPNESS
    return rows


def expected_logits(pixels: np.ndarray) -> np.ndarray:
    """What the color network must give for `(N, H, W, 3)` uint8, in plain numpy."""
    return ((pixels / 255.0).mean(axis=(1, 2)) @ weights().T.astype(np.float64)).astype(np.float32)


def _body() -> list[onnx.NodeProto]:
    return [
        helper.make_node("Conv", ["planes", "kernel"], ["first"], "conv"),
        helper.make_node("Relu", ["first"], ["features"], "relu"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "weights"], ["logits"], "linear", transB=1),
    ]


def _parameters(scale: float) -> list[onnx.TensorProto]:
    kernel = (np.eye(3, dtype=np.float32) * scale).reshape(3, 3, 1, 1)
    return [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(weights(), "weights")]


def _model(nodes: list[Any], taken: Any, outputs: list[Any], parameters: list[Any]) -> onnx.ModelProto:
    graph = helper.make_graph(nodes, "colors", [taken], outputs, parameters)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)


def color_model(height: int = 32, width: int = 32) -> onnx.ModelProto:
    """A graph from `pixels` uint8 `(N, height, width, 3)` to `logits` `(N, 4)` and `features` `(N, 3, h, w)`."""
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], "transpose", perm=[0, 3, 1, 2]),
        *_body(),
    ]
    outputs = [
        helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)]),
        helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 3, height, width]),
    ]
    taken = helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", height, width, 3])
    return _model(nodes, taken, outputs, _parameters(1 / 255))


def float_model(
    size: int = 32, *, taken: str = "input", given: str = "output", channels_last: bool = False
) -> onnx.ModelProto:
    """The same network as somebody else would save it: float input of 0 to 1, `(N, 3, size, size)`, no metadata."""
    nodes = _body()
    if channels_last:
        nodes.insert(0, helper.make_node("Transpose", [taken], ["planes"], "transpose", perm=[0, 3, 1, 2]))
    else:
        nodes[0].input[0] = taken
    nodes[-1].output[0] = given
    shape = ["N", size, size, 3] if channels_last else ["N", 3, size, size]
    outputs = [helper.make_tensor_value_info(given, TensorProto.FLOAT, ["N", len(LABELS)])]
    return _model(nodes, helper.make_tensor_value_info(taken, TensorProto.FLOAT, shape), outputs, _parameters(1.0))


def pixel_graph(
    height: int = 32, width: int = 32, *, preprocess: Preprocess | None = None, name: str = "colors"
) -> PixelGraph:
    """The color network with everything an export needs; its reference is plain numpy."""
    return PixelGraph(
        model=color_model(height, width),
        name=name,
        labels=LABELS,
        preprocess=preprocess or Preprocess(height, width, "short-side", max(height, width) + 4, "bicubic"),
        reference=expected_logits,
        reference_name="numpy",
        features=FeatureOutput("features", "weights", transposed=False),
        license="CC0-1.0",
        source={"weights": "written by hand"},
    )


def random_pixels(count: int, height: int = 32, width: int = 32, seed: int = 0) -> np.ndarray:
    """`(count, height, width, 3)` uint8 noise around a different color a picture."""
    random = np.random.default_rng(seed)
    base = random.integers(40, 216, (count, 1, 1, 3))
    return np.clip(base + random.integers(-40, 40, (count, height, width, 3)), 0, 255).astype(np.uint8)


@functools.cache
def packed(height: int = 32, width: int = 32, name: str = "colors") -> bytes:
    """The color network as a finished model file with golden vectors."""
    graph = pixel_graph(height, width, name=name)
    card = build_card(graph, precision={"kind": "fp32", "reason": "asked for"}, measured={})
    return pack(graph.model, card, list(random_pixels(4, height, width)))


def card_of(data: bytes) -> dict[str, Any]:
    """The JSON document inside a model file."""
    model = onnx.load_model_from_string(data)
    return dict(json.loads(next(entry.value for entry in model.metadata_props if entry.key == "edgecnn")))


def with_card(data: bytes, card: Any) -> bytes:
    """A model file edited by hand: the same graph, another document (text as it is, anything else as JSON)."""
    model = onnx.load_model_from_string(data)
    del model.metadata_props[:]
    model.metadata_props.add(key="edgecnn", value=card if isinstance(card, str) else json.dumps(card))
    return bytes(model.SerializeToString())
