"""Tiny model files for the live tests, made in memory."""

import json

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

LABELS = ("red", "green", "blue", "Wärmebild", "猫 γάτα")


def color_model(size: int = 32, *, features: bool = True, sharpness: float = 8.0) -> bytes:
    """A model whose first three classes score the mean red, green and blue of the picture."""
    kernel = np.zeros((3, 3, 3, 3), np.float32)
    for channel in range(3):
        kernel[channel, channel, 1, 1] = 1 / 255
    weights = np.zeros((len(LABELS), 3), np.float32)
    weights[:3] = (1.5 * np.eye(3, dtype=np.float32) - 0.5) * sharpness
    weights[3:] = -sharpness
    nodes = [
        helper.make_node("Cast", ["pixels"], ["floats"], to=TensorProto.FLOAT),
        helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "kernel"], ["first"], pads=[1, 1, 1, 1]),
        helper.make_node("Relu", ["first"], ["features"]),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"]),
        helper.make_node("Flatten", ["pooled"], ["flat"]),
        helper.make_node("Gemm", ["flat", "weights"], ["logits"], transB=1),
    ]
    outputs = [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", len(LABELS)])]
    if features:
        outputs.append(helper.make_tensor_value_info("features", TensorProto.FLOAT, ["N", 3, size, size]))
    graph = helper.make_graph(
        nodes,
        "colors",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", size, size, 3])],
        outputs,
        [numpy_helper.from_array(kernel, "kernel"), numpy_helper.from_array(weights, "weights")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    card = {
        "format": 1,
        "task": "classify",
        "name": "colors",
        "licence": "CC0-1.0",
        "labels": list(LABELS),
        "input": {"name": "pixels", "height": size, "width": size},
        "preprocess": {"height": size, "width": size, "resize": "squash", "kernel": "bilinear"},
        "outputs": {"logits": "logits"},
    }
    if features:
        card["outputs"]["features"] = {"name": "features", "weights": "weights", "transposed": False}
    onnx.helper.set_model_props(model, {"edgecnn": json.dumps(card)})
    return bytes(model.SerializeToString())


def plain(color: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """`(height, width, 3)` uint8 of one RGB color."""
    return np.full((size[1], size[0], 3), color, np.uint8)
