"""Single changes of a model file: its card, its graph, its bytes. Each takes a model and a source of chance."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["CARD_CHANGES", "GRAPH_CHANGES", "change_bytes", "odd_value"]

Random = np.random.Generator
Change = Callable[[onnx.ModelProto, Random], None]
_KEY = "edgecnn"
_OPERATORS = ("Relu", "Identity", "Conv", "Gemm", "Softmax", "Loop", "Scan", "If", "NonZero", "Shape",
              "ReduceMean", "SequenceConstruct", "OptionalHasElement", "StringNormalizer", "Resize", "Expand", "Nope",
              "\u202eRelu")  # fmt: skip
_HUGE = (0, -1, 1, 2**31 - 1, 2**31, 2**40, 2**62, -(2**63))
_TEXTS = ("", "\x00", "\x1b[31mred\x1b[0m", "a\nb\r", "\u202eevil\u2066", "=1+1", "../../etc/passwd", "x" * 300_000,
          "\ud7ff\ue000", "C:\\con", "https://example.invalid/")  # fmt: skip


def odd_value(random: Random) -> Any:
    """A JSON value that nobody expects."""
    deep: Any = 1
    for _ in range(60):
        deep = [deep]
    values: list[Any] = [None, True, False, 0, -1, 1e308, -1.5, 2**70, float("nan"), float("inf"), [], {}, [[]], deep]
    values += [list(range(2000)), {"a": {"b": {}}}, {str(i): i for i in range(300)}, *_TEXTS]
    return values[random.integers(len(values))]


def change_bytes(data: bytes, random: Random) -> bytes:
    """Bytes flipped, cut, dropped or doubled, as a disk or a net would."""
    array = bytearray(data)
    for _ in range(random.integers(1, 20)):
        array[random.integers(len(array))] = random.integers(256)
    at, length = int(random.integers(len(array))), int(random.integers(1, 200))
    way = random.integers(4)
    if way == 0:
        return bytes(array[:at])
    if way == 1:
        del array[at : at + length]
    if way == 2:
        array[at:at] = array[at : at + length]
    return bytes(array)


def _on_card(change: Callable[[Any, Random], Any]) -> Change:
    def apply(model: onnx.ModelProto, random: Random) -> None:
        entry = next(entry for entry in model.metadata_props if entry.key == _KEY)
        entry.value = json.dumps(change(json.loads(entry.value), random))

    return apply


def _spot(card: Any, random: Random) -> tuple[Any, Any]:
    """A container anywhere in the card, and a key or index of it."""
    container = card
    while True:
        keys = list(container) if isinstance(container, dict) else list(range(len(container)))
        key = keys[random.integers(len(keys))]
        inner = container[key]
        if isinstance(inner, dict | list) and inner and random.random() < 0.7:
            container = inner
            continue
        return container, key


def _remove_entry(card: Any, random: Random) -> Any:
    container, key = _spot(card, random)
    del container[key]
    return card


def _replace_entry(card: Any, random: Random) -> Any:
    container, key = _spot(card, random)
    container[key] = odd_value(random)
    return card


def _add_entry(card: Any, random: Random) -> Any:
    container, _ = _spot(card, random)
    if isinstance(container, dict):
        container[_TEXTS[random.integers(len(_TEXTS))]] = odd_value(random)
    else:
        container.insert(0, odd_value(random))
    return card


def _odd_text(model: onnx.ModelProto, random: Random) -> None:
    """The card is no JSON object, or there are two, or one of 20,000 levels."""
    entry = next(entry for entry in model.metadata_props if entry.key == _KEY)
    texts = ["", "[]", "null", "{", '{"a": NaN}', "[" * 20_000 + "]" * 20_000, entry.value[:-1], entry.value * 2]
    entry.value = texts[random.integers(len(texts))]
    if random.random() < 0.3:
        model.metadata_props.add(key=_KEY, value="{}")


def _node(model: onnx.ModelProto, random: Random) -> onnx.NodeProto:
    return model.graph.node[int(random.integers(len(model.graph.node)))]


def _change_operator(model: onnx.ModelProto, random: Random) -> None:
    _node(model, random).op_type = _OPERATORS[random.integers(len(_OPERATORS))]


def _change_attribute(model: onnx.ModelProto, random: Random) -> None:
    having = [node for node in model.graph.node if node.attribute]
    node = having[int(random.integers(len(having)))]
    attribute = node.attribute[int(random.integers(len(node.attribute)))]
    way = random.integers(5)
    value = int(_HUGE[random.integers(len(_HUGE))])
    if way == 0:
        node.attribute.remove(attribute)
    elif way == 1 and attribute.ints:
        attribute.ints[:] = [value] * len(attribute.ints)
    elif way == 2:
        attribute.CopyFrom(helper.make_attribute(attribute.name, "text"))
    elif way == 3:
        attribute.CopyFrom(helper.make_attribute(attribute.name, [value] * int(random.integers(1, 9))))
    else:
        attribute.i = value


def _change_wire(model: onnx.ModelProto, random: Random) -> None:
    """An input of a node removed, emptied, or taken from elsewhere: cycles, too."""
    node = _node(model, random)
    names = [name for other in model.graph.node for name in (*other.input, *other.output)] + [""]
    if node.input:
        node.input[int(random.integers(len(node.input)))] = names[random.integers(len(names))]


def _drop_node(model: onnx.ModelProto, random: Random) -> None:
    model.graph.node.remove(_node(model, random))


def _change_shape(model: onnx.ModelProto, random: Random) -> None:
    """A declared size of an input or output, or its whole type."""
    values = [*model.graph.input, *model.graph.output]
    value = values[int(random.integers(len(values)))]
    way = random.integers(4)
    if way == 0:
        value.ClearField("type")
    elif way == 1:
        value.type.tensor_type.elem_type = int(random.integers(0, 25))
    elif way == 2:
        value.CopyFrom(helper.make_tensor_sequence_value_info(value.name, TensorProto.FLOAT, [1, 5]))
    elif value.type.tensor_type.shape.dim:
        dims = value.type.tensor_type.shape.dim
        dims[int(random.integers(len(dims)))].dim_value = int(_HUGE[random.integers(len(_HUGE))])


def _change_weights(model: onnx.ModelProto, random: Random) -> None:
    """A weight's values, sizes, type or bytes."""
    tensor = model.graph.initializer[int(random.integers(len(model.graph.initializer)))]
    way = random.integers(5)
    if way == 0:
        bad = [np.nan, np.inf, -np.inf, 1e38, 0][random.integers(5)]
        shape = list(tensor.dims)
        tensor.CopyFrom(numpy_helper.from_array(np.full(shape, bad, np.float32), tensor.name))
    elif way == 1 and tensor.dims:
        tensor.dims[int(random.integers(len(tensor.dims)))] = int(_HUGE[random.integers(len(_HUGE))])
    elif way == 2:
        tensor.data_type = int(random.integers(0, 25))
    elif way == 3:
        tensor.raw_data = tensor.raw_data[: len(tensor.raw_data) // 2]
    else:
        tensor.data_location = TensorProto.EXTERNAL
        tensor.external_data.add(key="location", value=_TEXTS[random.integers(len(_TEXTS))])


def _rename(model: onnx.ModelProto, random: Random) -> None:
    text = _TEXTS[random.integers(len(_TEXTS))]
    model.graph.name = model.producer_name = text
    node = _node(model, random)
    node.name = text
    if random.random() < 0.5 and node.output:
        node.output[0] = text


def _huge_constant(model: onnx.ModelProto, random: Random) -> None:
    """A tensor of up to 4 GB, added to the logits so that nobody folds it away."""
    size = int(random.choice([1 << 20, 1 << 28, 1 << 30, 1 << 40]))
    model.graph.initializer.append(numpy_helper.from_array(np.array([size], np.int64), "huge_shape"))
    _before_output(
        model,
        [helper.make_node("ConstantOfShape", ["huge_shape"], ["huge"]),
         helper.make_node("ReduceMax", ["huge"], ["huge_most"], keepdims=0)],
        "huge_most",
    )  # fmt: skip


def _long_loop(model: onnx.ModelProto, random: Random) -> None:
    turns = int(random.choice([3, 10**6, 10**9, 10**15]))
    number, flag = TensorProto.INT64, TensorProto.BOOL
    body = helper.make_graph(
        [helper.make_node("Add", ["sum", "sum"], ["sum_out"]), helper.make_node("Identity", ["go"], ["go_out"])],
        "body",
        [helper.make_tensor_value_info("turn", number, []), helper.make_tensor_value_info("go", flag, []),
         helper.make_tensor_value_info("sum", TensorProto.FLOAT, [])],
        [helper.make_tensor_value_info("go_out", flag, []),
         helper.make_tensor_value_info("sum_out", TensorProto.FLOAT, [])],
    )  # fmt: skip
    for name, value in (("turns", np.int64(turns)), ("go_on", np.bool_(True)), ("nothing", np.float32(0))):
        model.graph.initializer.append(numpy_helper.from_array(np.array(value), name))
    _before_output(model, [helper.make_node("Loop", ["turns", "go_on", "nothing"], ["looped"], body=body)], "looped")


def _before_output(model: onnx.ModelProto, nodes: list[onnx.NodeProto], scalar: str) -> None:
    logits = model.graph.output[0].name
    last = next(node for node in model.graph.node if logits in node.output)
    last.output[:] = [f"{logits}_before" if name == logits else name for name in last.output]
    model.graph.node.extend([*nodes, helper.make_node("Add", [f"{logits}_before", scalar], [logits])])


def _recursive_function(model: onnx.ModelProto, random: Random) -> None:
    again = helper.make_node("Again", ["x"], ["y"], domain="local")
    model.functions.append(helper.make_function("local", "Again", ["x"], ["y"], [again], [model.opset_import[0]]))
    model.opset_import.append(helper.make_opsetid("local", 1))
    node = _node(model, random)
    node.op_type, node.domain = "Again", "local"


def _versions(model: onnx.ModelProto, random: Random) -> None:
    model.ir_version = int(random.choice([0, 1, 3, 9, 99, 2**40]))
    model.opset_import[0].version = int(random.choice([0, 1, 6, 13, 99, 2**40]))


def _outputs(model: onnx.ModelProto, random: Random) -> None:
    """Outputs dropped, doubled, or taken from a weight."""
    way = random.integers(3)
    if way == 0:
        del model.graph.output[int(random.integers(len(model.graph.output)))]
    elif way == 1:
        model.graph.output.append(model.graph.output[0])
    else:
        model.graph.output[0].name = model.graph.initializer[0].name


CARD_CHANGES: tuple[Change, ...] = (
    _on_card(_remove_entry), _on_card(_replace_entry), _on_card(_replace_entry), _on_card(_add_entry), _odd_text,
)  # fmt: skip
GRAPH_CHANGES: tuple[Change, ...] = (
    _change_operator, _change_attribute, _change_attribute, _change_wire, _change_wire, _drop_node, _change_shape,
    _change_shape, _change_weights, _change_weights, _rename, _huge_constant, _long_loop, _recursive_function,
    _versions, _outputs,
)  # fmt: skip
