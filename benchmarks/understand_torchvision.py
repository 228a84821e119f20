"""`inspect` against second methods on torchvision's classification networks.

    python benchmarks/understand_torchvision.py [NAMES …] [--minutes 60]

Receptive fields: the same graph is made linear with positive weights (ReLU and its like pass on, max pooling averages,
products add up), then lit row by row: what answers to a row depends on it; that is the extent of the input gradient.
Every layer with a number is compared at its middle position, first and last row of the picture apart; an edge
that lies outside the picture can only be checked to be no nearer. Multiply-accumulates: torch's FlopCounterMode.
Pictures are 224 high and 32 wide (96 for Inception, 224 where the network needs it), which keeps the many runs cheap;
columns are not checked. In transformers (vit, swin, maxvit) few layers have a receptive field smaller than the picture,
or one that can be told; their multiply-accumulates are compared like all others.
"""

import argparse
import io
import time
import warnings
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
import torchvision
from edgecnn_runtime.session import session_options
from onnx import helper, numpy_helper
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.utils.flop_counter import FlopCounterMode

from edgecnn.understanding.inspecting import Inspection, inspect_graph

HEIGHT = 224
BATCH = 8
WIDE = ("alexnet", "shufflenet", "vgg", "vit", "swin", "maxvit")
"""Networks that need the full width: some fix their input, ShuffleNet's maps would become one column wide."""
PASSES_ON = {
    "Relu", "Clip", "HardSwish", "HardSigmoid", "Sigmoid", "Gelu", "Erf", "Tanh", "BatchNormalization",
    "LayerNormalization", "Dropout", "LeakyRelu",
}  # fmt: skip
CELL_BY_CELL = {"Mul", "Div", "Sub", "Add"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*")
    parser.add_argument("--minutes", type=float, default=60)
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    print(f"torch {torch.__version__}, torchvision {torchvision.__version__}, onnx {onnx.__version__}", flush=True)
    until = time.monotonic() + 60 * arguments.minutes
    names = arguments.names or torchvision.models.list_models(torchvision.models)
    for name in names:
        if time.monotonic() > until:
            print("out of time; not run: " + ", ".join(names[names.index(name) :]))
            break
        check(name)


def check(name: str) -> None:
    width = 96 if name == "inception_v3" else 224 if name.startswith(WIDE) else 32
    network = torchvision.models.get_model(name, weights=None).eval()
    picture = torch.zeros(1, 3, HEIGHT, width)
    # The counter does not know the fused kernels that attention runs in otherwise.
    torch.backends.mha.set_fastpath_enabled(False)
    with FlopCounterMode(display=False) as counter, torch.no_grad(), sdpa_kernel(SDPBackend.MATH):
        network(picture)
    buffer = io.BytesIO()
    pictures = picture.expand(BATCH, -1, -1, -1).contiguous()  # a fixed batch keeps shapes out of the graph
    torch.onnx.export(network, (pictures,), buffer, dynamo=False, opset_version=17, input_names=["x"])
    inspection = inspect_graph(buffer.getvalue(), name=name)
    macs = (
        "equal"
        if inspection.macs == counter.get_total_flops() // 2
        else f"{inspection.macs} / {counter.get_total_flops() // 2}"
    )
    compared, wrong, unknown, whole = compare(inspection, width)
    print(
        f"{name:22} {len(inspection.layers):4} rows: {compared:4} compared, {len(wrong)} differ, {whole} global, "
        f"{unknown} unknown; MACs {macs}",
        flush=True,
    )
    for line in wrong[:3]:
        print("   ", line)


def compare(inspection: Inspection, width: int) -> tuple[int, list[str], int, int]:
    rows = [row for row in inspection.layers if row.axes and row.axes[0] is not None and len(row.output_shape) == 4]
    outputs = list(dict.fromkeys(row.tensor for row in rows))
    pictures = {row.tensor for row in inspection.layers}
    model = linear(onnx.load_from_string(inspection.data), outputs, pictures)
    options = session_options(optimize=False)
    session = onnxruntime.InferenceSession(model.SerializeToString(), options, providers=["CPUExecutionProvider"])
    answers: dict[str, list[Any]] = {name: [] for name in outputs}
    sizes = {}
    for start in range(0, HEIGHT, BATCH):
        lit = np.zeros((BATCH, 3, HEIGHT, width), np.float32)
        lit[np.arange(BATCH), :, start + np.arange(BATCH)] = 1
        for name, value in zip(outputs, session.run(outputs, {"x": lit}), strict=True):
            # Inside ConvNeXt maps lie channels last; the picture's proportions tell which axis is its height.
            axis = 2 if value.shape[2] * width == value.shape[3] * HEIGHT else 1
            sizes[name] = value.shape[axis]
            answers[name].append(value.take(value.shape[axis] // 2, axis=axis).sum(axis=(1, 2)) > 0)
    wrong = []
    for row in rows:
        seen = np.flatnonzero(np.concatenate(answers[row.tensor]))
        low, high = row.axes[0].span(sizes[row.tensor] // 2)
        first = seen[0] == low if low >= 0 else seen[0] >= 0
        last = seen[-1] == high if high < HEIGHT else seen[-1] <= HEIGHT - 1
        if not (first and last):
            wrong.append(f"{row.name} {row.operator}: told {low} to {high}, found {seen[0]} to {seen[-1]}")
    unknown = sum(row.axes is None for row in inspection.layers)
    whole = sum(row.axes is not None and row.axes[0] is None for row in inspection.layers)
    return len(rows), wrong, unknown, whole


def linear(model: onnx.ModelProto, outputs: list[str], pictures: set[str]) -> onnx.ModelProto:
    """The graph with positive weights, and nothing that could hide a dependence."""
    graph = model.graph
    stored = {tensor.name: tensor for tensor in graph.initializer}
    constants = set(stored) | {node.output[0] for node in graph.node if node.op_type == "Constant"}
    for node in graph.node:
        if node.op_type == "Identity" and node.input[0] in constants:  # weights that several layers share
            constants.add(node.output[0])
        elif node.op_type in PASSES_ON:
            replace(node, "Identity", node.input[:1])
        elif node.op_type in CELL_BY_CELL and node.output[0] in pictures:  # not what computes shapes
            dynamic = [name for name in node.input if name not in constants]
            replace(node, "Add" if len(dynamic) == 2 else "Identity", dynamic)
        elif node.op_type == "MaxPool":
            node.op_type = "AveragePool"
            kept = [entry for entry in node.attribute if entry.name not in ("storage_order", "dilations")]
            del node.attribute[:]
            node.attribute.extend(kept)
        elif node.op_type in ("Conv", "Gemm", "MatMul"):
            for index, name in enumerate(node.input[1:], 1):
                if name in stored:
                    shape = tuple(stored[name].dims)
                    value = 2 / max(1, int(np.prod(shape[1:]))) if index == 1 else 0
                    stored[name].CopyFrom(numpy_helper.from_array(np.full(shape, value, np.float32), name))
    del graph.output[:]
    graph.output.extend(helper.make_tensor_value_info(name, onnx.TensorProto.FLOAT, None) for name in outputs)
    del graph.value_info[:]
    return model


def replace(node: onnx.NodeProto, operator: str, inputs: Any) -> None:
    names = list(inputs)
    node.op_type = operator
    del node.attribute[:]
    del node.input[:]
    node.input.extend(names)
    del node.output[1:]


if __name__ == "__main__":
    main()
