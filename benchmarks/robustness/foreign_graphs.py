"""Graphs of one small classifier as other exporters write it; the right answer is known by how it is made.

A graph is described by a `Form`: one choice for each way in which exporters differ. What it must answer is computed
from the plain form of the same network by ONNX Runtime, before any of the choices.
"""

from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import onnx
from foreign_tails import add_tail
from foreign_torch import MAKERS, export_with_torch
from onnx import TensorProto, helper, numpy_helper

__all__ = ["CHOICES", "CLASSES", "MEAN", "SIZE", "STD", "Form", "build", "plain"]

SIZE, CLASSES, WIDTH = 64, 5, 8
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
_OPSET = 13

CHOICES: dict[str, tuple[Any, ...]] = {
    "opset": (13, 7, 8, 9, 10, 11, 12, 14, 15, 16, 17, 18, 19, 20, 21),
    "ir": (0, 3, 4, 5, 6, 7, 8, 9, 10),  # 0: what fits the opset
    "batch": ("N", 1, 4, "batch_size", "unk__0", None),
    "sides": ("fixed", "height/width", "none"),
    "layout": ("nchw", "nhwc"),
    "start": ("float", "double", "half", "uint8", "one channel", "four channels"),
    "head": ("gemm", "matmul", "conv", "conv 4-D", "mean", "reshape", "shape arithmetic"),
    "tail": (
        "none", "softmax", "identity", "cast", "flatten", "4-D", "log", "by hand", "by hand stable", "mean",
        "sigmoid", "sigmoid by hand", "one sigmoid", "one logit", "two heads",
    ),
    "outputs": ("one", "label + probabilities", "probabilities + label", "features + logits", "logits + probabilities"),
    "names": ("plain", "none", "duplicate", "reserved", "odd"),
    "wrap": ("none", "if", "loop", "function", "unused domain", "constants", "initializers as inputs", "optimized"),
    "padding": ("pads", "SAME_UPPER", "Pad node"),
    "maker": MAKERS,
}  # fmt: skip


@dataclass(frozen=True)
class Form:
    """One choice for each way in which exporters differ; the first of each is the plainest."""

    opset: int = 13
    ir: int = 0
    batch: str | int | None = "N"
    sides: str = "fixed"
    layout: str = "nchw"
    start: str = "float"
    head: str = "gemm"
    tail: str = "none"
    outputs: str = "one"
    names: str = "plain"
    wrap: str = "none"
    padding: str = "pads"
    maker: str = "helper"

    @property
    def name(self) -> str:
        """What is not plain about it."""
        differs = [
            f"{field.name}={getattr(self, field.name)}"
            for field in fields(self)
            if getattr(self, field.name) != field.default
        ]
        return ", ".join(differs) or "plain"


def parameters(seed: int, channels: int = 3) -> dict[str, np.ndarray]:
    """Random weights whose answers differ from picture to picture and are far from certain."""
    random = np.random.default_rng([seed, 7])
    return {
        "kernel": random.normal(0, 0.4, (WIDTH, channels, 3, 3)).astype(np.float32),
        "bias": random.normal(0, 0.3, WIDTH).astype(np.float32),
        "kernel2": random.normal(0, 0.3, (WIDTH, WIDTH, 3, 3)).astype(np.float32),
        "bias2": random.normal(0, 0.3, WIDTH).astype(np.float32),
        "weights": random.normal(0, 0.5, (CLASSES, WIDTH)).astype(np.float32),
        "offset": random.normal(0, 0.3, CLASSES).astype(np.float32),
    }


def plain(seed: int, channels: int = 3) -> onnx.ModelProto:
    """The network with nothing special: `input` float32 `(N, channels, 64, 64)` to `logits` float32 `(N, 5)`."""
    return build(Form(), seed, channels=channels)


def build(form: Form, seed: int, *, channels: int | None = None) -> onnx.ModelProto:
    """The graph of a form."""
    channels = channels or {"one channel": 1, "four channels": 4}.get(form.start, 3)
    if form.maker != "helper":
        return _from_torch(form, parameters(seed, channels))
    graph = _Graph(form.opset)
    for name, value in parameters(seed, channels).items():
        graph.constant(name, value)
    current = _start(graph, form, channels)
    current = _convolution(graph, form, current, "kernel", "bias")
    current = _convolution(graph, form, current, "kernel2", "bias2")
    features = current
    logits = _head(graph, form, current)
    scores = add_tail(graph, form.tail, logits, four=form.head == "conv 4-D")
    outputs = _outputs(graph, form, features, logits, scores)
    return graph.model(form, _taken(form, channels), outputs)


def _from_torch(form: Form, values: dict[str, np.ndarray]) -> onnx.ModelProto:
    """As PyTorch writes it; what a module cannot differ in must be plain."""
    free = {"maker", "tail", "batch", "opset", "names", "wrap"}
    if any(getattr(form, field.name) != field.default for field in fields(Form) if field.name not in free):
        raise ValueError(f"PyTorch writes no {form.name}")
    opset = max(form.opset, 18) if form.maker == "torch dynamo" else form.opset
    return export_with_torch(values, maker=form.maker, tail=form.tail, batch=form.batch, opset=opset, size=SIZE)


class _Graph:
    """Nodes and constants as they come, with the spelling of the opset."""

    def __init__(self, opset: int) -> None:
        self.opset = opset
        self.nodes: list[onnx.NodeProto] = []
        self.initializers: list[onnx.TensorProto] = []

    def constant(self, name: str, value: Any, dtype: Any = None) -> str:
        self.initializers.append(numpy_helper.from_array(np.asarray(value, dtype), name))
        return name

    def add(self, kind: str, inputs: list[str], output: str, **attributes: Any) -> str:
        self.nodes.append(helper.make_node(kind, inputs, [output], f"{kind}_{len(self.nodes)}", **attributes))
        return output

    def reduce(self, kind: str, taken: str, output: str, axes: list[int], *, keep: int = 1) -> str:
        """A reduction or squeeze, whose axes moved from an attribute to an input."""
        since = 13 if kind in ("ReduceSum", "Squeeze", "Unsqueeze") else 18
        keeps = {} if kind in ("Squeeze", "Unsqueeze") else {"keepdims": keep}
        if self.opset >= since:
            return self.add(kind, [taken, self.constant(f"{output}_axes", axes, np.int64)], output, **keeps)
        return self.add(kind, [taken], output, axes=axes, **keeps)

    def model(self, form: Form, taken: Any, outputs: list[Any]) -> onnx.ModelProto:
        domains = [helper.make_opsetid("", self.opset)]
        if form.wrap == "unused domain":
            domains += [helper.make_opsetid("com.microsoft", 1), helper.make_opsetid("ai.onnx.ml", 2)]
        least = 3 if self.opset < 9 else 4 if self.opset < 10 else 6 if self.opset < 15 else 8
        ir = form.ir or (10 if self.opset > 20 else least)
        inputs = [taken]
        if form.wrap == "initializers as inputs" or ir < 4:
            inputs += [helper.make_tensor_value_info(t.name, t.data_type, t.dims) for t in self.initializers]
        if form.wrap == "constants":
            front = [helper.make_node("Constant", [], [t.name], value=t) for t in self.initializers]
            graph = helper.make_graph([*front, *self.nodes], "main", inputs, outputs)
        else:
            graph = helper.make_graph(self.nodes, "main_graph", inputs, outputs, self.initializers)
        return helper.make_model(graph, opset_imports=domains, ir_version=ir, producer_name="somebody")


def _taken(form: Form, channels: int) -> Any:
    kinds = {"double": TensorProto.DOUBLE, "half": TensorProto.FLOAT16, "uint8": TensorProto.UINT8}
    sides = {"fixed": [SIZE, SIZE], "height/width": ["height", "width"], "none": [None, None]}[form.sides]
    shape = [form.batch, *sides, channels] if form.layout == "nhwc" else [form.batch, channels, *sides]
    return helper.make_tensor_value_info("input", kinds.get(form.start, TensorProto.FLOAT), shape)


def _start(graph: _Graph, form: Form, channels: int) -> str:
    current = "input"
    if form.start in ("double", "half"):
        current = graph.add("Cast", [current], "input_float", to=TensorProto.FLOAT)
    if form.layout == "nhwc":
        current = graph.add("Transpose", [current], "input_nchw", perm=[0, 3, 1, 2])
    if form.start == "uint8":
        current = graph.add("Cast", [current], "input_float", to=TensorProto.FLOAT)
        mean = np.array(MEAN[:channels], np.float32).reshape(1, -1, 1, 1) * 255
        std = np.array(STD[:channels], np.float32).reshape(1, -1, 1, 1) * 255
        current = graph.add("Sub", [current, graph.constant("mean", mean)], "input_centered")
        current = graph.add("Div", [current, graph.constant("std", std)], "input_normalized")
    return current


def _convolution(graph: _Graph, form: Form, taken: str, kernel: str, bias: str) -> str:
    out = f"{kernel}_out"
    if form.padding == "SAME_UPPER":
        # What tf2onnx writes; stride 1 keeps it equal to one pixel on each side.
        graph.add("Conv", [taken, kernel, bias], out, auto_pad="SAME_UPPER", strides=[1, 1], kernel_shape=[3, 3])
    elif form.padding == "Pad node":
        pads = [0, 0, 1, 1, 0, 0, 1, 1]
        padded = f"{kernel}_padded"
        if graph.opset >= 11:
            graph.add("Pad", [taken, graph.constant(f"{kernel}_pads", pads, np.int64)], padded, mode="constant")
        else:
            graph.add("Pad", [taken], padded, pads=pads, mode="constant")
        graph.add("Conv", [padded, kernel, bias], out, kernel_shape=[3, 3])
    else:
        graph.add("Conv", [taken, kernel, bias], out, pads=[1, 1, 1, 1], kernel_shape=[3, 3])
    return graph.add("Relu", [out], f"{kernel}_relu")


def _head(graph: _Graph, form: Form, taken: str) -> str:
    pooled = "pooled"
    if form.head == "mean":
        flat = graph.reduce("ReduceMean", taken, pooled, [2, 3], keep=0)
    else:
        graph.add("GlobalAveragePool", [taken], pooled)
        if form.head in ("conv", "conv 4-D"):
            weights = next(t for t in graph.initializers if t.name == "weights")
            weights.dims[:] = [CLASSES, WIDTH, 1, 1]
            scores = graph.add("Conv", [pooled, "weights", "offset"], "scores_4d", kernel_shape=[1, 1])
            return scores if form.head == "conv 4-D" else graph.add("Flatten", [scores], "scores", axis=1)
        if form.head == "reshape":
            # A tracer writes the batch that it saw into the shape.
            rows = form.batch if isinstance(form.batch, int) else -1
            flat = graph.add("Reshape", [pooled, graph.constant("flat_shape", [rows, WIDTH], np.int64)], "flat")
        elif form.head == "shape arithmetic":
            graph.add("Shape", [pooled], "pooled_shape")
            graph.add("Gather", ["pooled_shape", graph.constant("zero", 0, np.int64)], "rows", axis=0)
            graph.reduce("Unsqueeze", "rows", "rows_1d", [0])
            graph.add("Concat", ["rows_1d", graph.constant("rest", [-1], np.int64)], "flat_shape", axis=0)
            flat = graph.add("Reshape", [pooled, "flat_shape"], "flat")
        else:
            flat = graph.add("Flatten", [pooled], "flat", axis=1)
    if form.head == "matmul":
        weights = next(t for t in graph.initializers if t.name == "weights")
        weights.CopyFrom(numpy_helper.from_array(np.ascontiguousarray(numpy_helper.to_array(weights).T), "weights"))
        graph.add("MatMul", [flat, "weights"], "products")
        return graph.add("Add", ["products", "offset"], "scores")
    return graph.add("Gemm", [flat, "weights", "offset"], "scores", transB=1, alpha=1.0, beta=1.0)


def _outputs(graph: _Graph, form: Form, features: str, logits: str, scores: str) -> list[Any]:
    columns = {"one sigmoid": 1, "one logit": 1}.get(form.tail, CLASSES)
    four = form.head == "conv 4-D" and form.tail not in ("flatten", "one sigmoid", "one logit")
    shape = [form.batch, columns, 1, 1] if four else [form.batch, columns]
    main = helper.make_tensor_value_info(scores, TensorProto.FLOAT, shape)
    if "label" in form.outputs:
        graph.add("ArgMax", [scores], "label", axis=1, keepdims=0)
        label = helper.make_tensor_value_info("label", TensorProto.INT64, [form.batch, *shape[2:]])
        return [label, main] if form.outputs.startswith("label") else [main, label]
    if form.outputs == "features + logits":
        return [helper.make_tensor_value_info(features, TensorProto.FLOAT, [form.batch, WIDTH, None, None]), main]
    if form.outputs == "logits + probabilities" and scores != logits:
        inner = [form.batch, CLASSES, 1, 1] if form.head == "conv 4-D" else [form.batch, CLASSES]
        return [helper.make_tensor_value_info(logits, TensorProto.FLOAT, inner), main]
    return [main]
