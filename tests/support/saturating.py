"""A small float network that int8 kernels without VNNI get wrong, and pictures for it."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper


def saturating_network(seed: int = 0) -> onnx.ModelProto:
    """A float network, 64 x 64 pixels, whose weights of one sign make 16-bit pair sums saturate."""
    random = np.random.default_rng(seed)
    weights = {
        "w1": np.abs(random.normal(0.12, 0.04, (16, 3, 3, 3))),
        "w2": random.normal(0.2, 0.1, (16, 1, 3, 3)),
        "w3": np.abs(random.normal(0.1, 0.03, (32, 16, 1, 1)))
        * np.where(np.arange(32) % 2, 1, -0.2)[:, None, None, None],
        "w4": random.normal(0.05, 0.2, (10, 32)),
        "b1": random.normal(0, 0.1, 16),
        "b2": random.normal(0, 0.1, 16),
        "b3": random.normal(0, 0.1, 32),
        "b4": random.normal(0, 0.1, 10),
        "scale": np.float64(1 / 127.5),
        "shift": np.float64(-1),
        "zero": np.float64(0),
        "six": np.float64(6),
    }
    nodes = [
        helper.make_node("Transpose", ["pixels"], ["planar"], "planar", perm=[0, 3, 1, 2]),
        helper.make_node("Cast", ["planar"], ["cast"], "cast", to=TensorProto.FLOAT),
        helper.make_node("Mul", ["cast", "scale"], ["scaled"], "scaled"),
        helper.make_node("Add", ["scaled", "shift"], ["normal"], "normal"),
        helper.make_node("Conv", ["normal", "w1", "b1"], ["c1"], "stem", pads=[1, 1, 1, 1], strides=[2, 2]),
        helper.make_node("Clip", ["c1", "zero", "six"], ["a1"], "clip1"),
        helper.make_node("Conv", ["a1", "w2", "b2"], ["c2"], "depthwise", pads=[1, 1, 1, 1], group=16),
        helper.make_node("Clip", ["c2", "zero", "six"], ["a2"], "clip2"),
        helper.make_node("Conv", ["a2", "w3", "b3"], ["c3"], "pointwise"),
        helper.make_node("Clip", ["c3", "zero", "six"], ["features"], "clip3"),
        helper.make_node("GlobalAveragePool", ["features"], ["pooled"], "pool"),
        helper.make_node("Flatten", ["pooled"], ["flat"], "flatten"),
        helper.make_node("Gemm", ["flat", "w4", "b4"], ["logits"], "classifier", transB=1),
    ]
    graph = helper.make_graph(
        nodes,
        "saturating",
        [helper.make_tensor_value_info("pixels", TensorProto.UINT8, ["N", 64, 64, 3])],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["N", 10])],
        [numpy_helper.from_array(np.asarray(v, np.float32), k) for k, v in weights.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)
    onnx.checker.check_model(model)
    return model


def pictures(count: int, *, size: int = 64, seed: int = 1) -> np.ndarray:
    """`(count, size, size, 3)` uint8: smooth blobs of color with a little noise."""
    random = np.random.default_rng(seed)
    coarse = random.integers(0, 256, (count, 4, 4, 3)).astype(np.float32)
    smooth = coarse.repeat(size // 4, axis=1).repeat(size // 4, axis=2)
    return np.clip(smooth + random.normal(0, 12, smooth.shape), 0, 255).astype(np.uint8)
