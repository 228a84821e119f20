import numpy as np
import pytest
from edgecnn_runtime import ModelFileError, Normalization, OptionError
from onnx import TensorProto, helper, numpy_helper
from support.foreign import MEAN, PIXELS, STD, answers, imported, logits, meant, plain, softmax


def taken(model, kind: int, shape: list) -> None:
    model.graph.input[0].CopyFrom(helper.make_tensor_value_info("input", kind, shape))


@pytest.mark.parametrize(
    "shape",
    [
        ["batch_size", "num_channels", "height", "width"],
        [None, 3, None, None],
        ["unk__0", 3, 32, 32],
        [1, 3, 32, 32],
        [4, 3, 32, 32],
    ],
)
def test_free_and_fixed_dimensions_end_in_a_free_batch_of_one_size(tmp_path, shape):
    model = plain()
    taken(model, TensorProto.FLOAT, shape)
    model.graph.output[0].type.tensor_type.shape.dim[0].Clear()
    graph = imported(tmp_path, model)
    dims = graph.model.graph.input[0].type.tensor_type.shape.dim
    assert [d.dim_param or d.dim_value for d in dims] == ["N", 32, 32, 3]
    for count in (1, 3, 5):
        np.testing.assert_allclose(answers(graph, PIXELS[:count]), meant()[:count], atol=1e-5)


@pytest.mark.parametrize("batch", [1, 4])
def test_a_reshape_that_holds_the_batch_is_opened(tmp_path, batch):
    model = plain()
    taken(model, TensorProto.FLOAT, [batch, 3, 32, 32])
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = batch
    flatten = next(node for node in model.graph.node if node.op_type == "Flatten")
    flatten.CopyFrom(helper.make_node("Reshape", ["pooled", "shape"], ["flat"], "reshape"))
    model.graph.initializer.append(numpy_helper.from_array(np.array([batch, 3]), "shape"))
    graph = imported(tmp_path, model)
    assert f"its batch of {batch} is free now" in graph.notes
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)


def test_a_batch_that_cannot_be_freed_is_refused(tmp_path):
    model = plain()
    taken(model, TensorProto.FLOAT, [2, 3, 32, 32])
    model.graph.output[0].type.tensor_type.shape.dim[0].dim_value = 2
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.append(numpy_helper.from_array(np.zeros((2, 4), np.float32), "each"))
    model.graph.node.append(helper.make_node("Add", ["before", "each"], ["output"], "add"))
    with pytest.raises(ModelFileError, match=r"is made for batches of 2, and with another it fails .*dynamic_shapes"):
        imported(tmp_path, model)


@pytest.mark.parametrize("kind", [TensorProto.DOUBLE, TensorProto.FLOAT16])
def test_double_and_half_networks_become_float32(tmp_path, kind):
    model = plain()
    taken(model, kind, ["N", 3, 32, 32])
    model.graph.output[0].type.tensor_type.elem_type = kind
    dtype = np.float64 if kind == TensorProto.DOUBLE else np.float16
    for tensor in model.graph.initializer:
        tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor).astype(dtype), tensor.name))
    graph = imported(tmp_path, model)
    assert "its half or double numbers became float32" in graph.notes
    assert {t.data_type for t in graph.model.graph.initializer} <= {TensorProto.FLOAT, TensorProto.INT64}
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5 if kind == TensorProto.DOUBLE else 2e-3)


@pytest.mark.parametrize("channels_last", [False, True])
def test_a_network_that_takes_pixels_gets_them_in_its_layout(tmp_path, channels_last):
    model = plain()
    taken(model, TensorProto.UINT8, ["N", 32, 32, 3] if channels_last else ["N", 3, 32, 32])
    front = [helper.make_node("Cast", ["input"], ["floats"], to=TensorProto.FLOAT)]
    if channels_last:
        front.append(helper.make_node("Transpose", ["floats"], ["planes"], perm=[0, 3, 1, 2]))
    front += [
        helper.make_node("Sub", [front[-1].output[0], "mean"], ["centered"]),
        helper.make_node("Div", ["centered", "std"], ["scaled"]),
    ]
    for name, values in (("mean", MEAN), ("std", STD)):
        array = 255 * np.array(values, np.float32).reshape(1, 3, 1, 1)
        model.graph.initializer.append(numpy_helper.from_array(array, name))
    body = list(model.graph.node)
    body[0].input[0] = "scaled"
    del model.graph.node[:]
    model.graph.node.extend([*front, *body])
    graph = imported(tmp_path, model, normalization=None)
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)
    with_numbers = imported(tmp_path, model)
    assert "it takes pixels as they are, so mean and std were not used" in with_numbers.notes


def test_gray_networks_get_luma(tmp_path):
    model = plain()
    taken(model, TensorProto.FLOAT, ["N", 1, 32, 32])
    kernel = next(t for t in model.graph.initializer if t.name == "kernel")
    kernel.CopyFrom(numpy_helper.from_array(np.array([1, -1, 0.5], np.float32).reshape(3, 1, 1, 1), "kernel"))
    with pytest.raises(OptionError, match=r"takes one channel .* give one number for each, such as --mean 0\.5"):
        imported(tmp_path, model)
    graph = imported(tmp_path, model, normalization=Normalization((0.5,) * 3, (0.25,) * 3))
    gray = (PIXELS / 255.0 @ np.array([0.299, 0.587, 0.114]) - 0.5) / 0.25
    values = np.maximum(gray[..., None] * np.array([1, -1, 0.5]), 0).mean(axis=(1, 2))
    weights = next(numpy_helper.to_array(t) for t in model.graph.initializer if t.name == "weights")
    np.testing.assert_allclose(answers(graph), softmax(0.1 * values @ weights.T), atol=1e-5)
    assert not np.allclose(answers(graph), softmax(logits()), atol=1e-2)


@pytest.mark.parametrize(
    ("kind", "shape", "message"),
    [
        (TensorProto.FLOAT, ["N", 4, 32, 32], "takes four channels, .* nothing says what the fourth is"),
        (TensorProto.FLOAT, ["N", 3, 48, 48], r"takes \(48, 48, 3\) .*preprocess gives \(32, 32, 3\)"),
        (TensorProto.FLOAT, [3, 32, 32], "takes 3 dimensions .*expected four: a batch of pictures"),
        (TensorProto.INT32, ["N", 3, 32, 32], "the input 'input' is int32; expected a picture as float32"),
    ],
)
def test_inputs_that_cannot_be_meant_are_refused_in_a_sentence(tmp_path, kind, shape, message):
    model = plain()
    taken(model, kind, shape)
    with pytest.raises(ModelFileError, match=message):
        imported(tmp_path, model)


def test_several_inputs_are_refused(tmp_path):
    model = plain()
    model.graph.input.append(helper.make_tensor_value_info("mask", TensorProto.FLOAT, ["N"]))
    with pytest.raises(ModelFileError, match="has the inputs input, mask; expected exactly one, a picture"):
        imported(tmp_path, model)
