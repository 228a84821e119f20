"""What exporters do to a finished graph: bodies, functions, other names, ONNX Runtime's own optimizer."""

import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["name_nodes", "rename", "wrap"]

_WRAPPED = "kernel2_relu"  # the tensor whose Relu goes into a body or a function
_RESERVED = {"input": "pixels", "kernel_relu": "features", "kernel_out": "pixels_float", "weights": "pixel_scale"}
_ODD = {"kernel_relu": "model/conv 1:0", "kernel_out": "größe/出力", "kernel2_out": "a" * 300, "weights": "0"}


def name_nodes(model: onnx.ModelProto, style: str) -> onnx.ModelProto:
    """Nodes without names, or all with the same one."""
    if style in ("none", "duplicate"):
        for node in model.graph.node:
            node.name = "" if style == "none" else "node"
    return model


def rename(model: onnx.ModelProto, style: str) -> onnx.ModelProto:
    """Tensors with names that edgecnn uses, or odd ones."""
    names = {"reserved": _RESERVED, "odd": _ODD}.get(style, {})
    graph = model.graph
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    for value in (*graph.input, *graph.output, *graph.initializer):
        value.name = names.get(value.name, value.name)
    return model


def wrap(model: onnx.ModelProto, kind: str) -> onnx.ModelProto:
    """The same network with one operator in an If, a Loop or a local function, or as ONNX Runtime saves it."""
    if kind == "optimized":
        return _optimized(model)
    wrappers: dict[str, Callable[[onnx.ModelProto, onnx.NodeProto], list[onnx.NodeProto]]] = {
        "if": _in_if,
        "loop": _in_loop,
        "function": _in_function,
    }
    if kind in wrappers:
        index = next(i for i, node in enumerate(model.graph.node) if _WRAPPED in node.output)
        nodes = list(model.graph.node)
        nodes[index : index + 1] = wrappers[kind](model, nodes[index])
        del model.graph.node[:]
        model.graph.node.extend(nodes)
    return model


def _in_if(model: onnx.ModelProto, relu: onnx.NodeProto) -> list[onnx.NodeProto]:
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "training_off"))
    branches = {}
    for name, operator in (("then_branch", "Relu"), ("else_branch", "Neg")):
        body = helper.make_node(operator, [relu.input[0]], [f"{name}_out"], f"{name}_{operator}")
        made = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
        branches[name] = helper.make_graph([body], name, [], [made])
    return [helper.make_node("If", ["training_off"], [_WRAPPED], "If_0", **branches)]


def _in_loop(model: onnx.ModelProto, relu: onnx.NodeProto) -> list[onnx.NodeProto]:
    model.graph.initializer.append(numpy_helper.from_array(np.array(1, np.int64), "turns"))
    model.graph.initializer.append(numpy_helper.from_array(np.array(True), "go_on"))
    body = helper.make_graph(
        [helper.make_node("Relu", ["carried"], ["carried_out"]), helper.make_node("Identity", ["go"], ["go_out"])],
        "body",
        [
            helper.make_tensor_value_info("turn", TensorProto.INT64, []),
            helper.make_tensor_value_info("go", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried", TensorProto.FLOAT, None),
        ],
        [
            helper.make_tensor_value_info("go_out", TensorProto.BOOL, []),
            helper.make_tensor_value_info("carried_out", TensorProto.FLOAT, None),
        ],
    )
    return [helper.make_node("Loop", ["turns", "go_on", relu.input[0]], [_WRAPPED], "Loop_0", body=body)]


def _in_function(model: onnx.ModelProto, relu: onnx.NodeProto) -> list[onnx.NodeProto]:
    inner = helper.make_node("Relu", ["x"], ["y"], "inner")
    model.functions.append(helper.make_function("custom", "Activation", ["x"], ["y"], [inner], [model.opset_import[0]]))
    model.opset_import.append(helper.make_opsetid("custom", 1))
    model.ir_version = max(model.ir_version, 8)
    return [helper.make_node("Activation", [relu.input[0]], [_WRAPPED], "Activation_0", domain="custom")]


def _optimized(model: onnx.ModelProto) -> onnx.ModelProto:
    import onnxruntime

    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "optimized.onnx"
        options = onnxruntime.SessionOptions()
        options.optimized_model_filepath = str(path)
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
        options.log_severity_level = 4
        onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
        return onnx.load(path)
