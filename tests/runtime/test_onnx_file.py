import numpy as np
import onnx
import pytest
from edgecnn_runtime import Classifier, DeviceError, EdgecnnError, ModelFile, ModelFileError, Preprocess
from edgecnn_runtime.onnx_file import graph_digest, read_onnx, with_outputs
from edgecnn_runtime.protobuf import encode_bytes, fields
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, helper
from support.models import LABELS, color_model, float_model, packed, random_pixels


def test_declarations_are_those_that_the_onnx_package_reads():
    file = read_onnx(packed(24, 40))
    model = onnx.load_model_from_string(packed(24, 40))
    assert [(t.name, t.element_type, t.shape) for t in file.inputs] == [("pixels", TensorProto.UINT8, (0, 24, 40, 3))]
    assert [(t.name, t.shape) for t in file.outputs] == [("logits", (0, 4)), ("features", (0, 3, 24, 40))]
    assert file.nodes == [(node.op_type, node.output[0]) for node in model.graph.node]
    assert file.metadata == {entry.key: entry.value for entry in model.metadata_props}


def test_an_initializer_that_is_listed_as_input_is_none():
    model = color_model()
    model.graph.input.append(helper.make_tensor_value_info("weights", TensorProto.FLOAT, [4, 3]))
    assert [tensor.name for tensor in read_onnx(model.SerializeToString()).inputs] == ["pixels"]


def test_inner_tensors_become_outputs_without_the_onnx_package():
    data = with_outputs(packed(), ["planes", "pooled", "logits", "pooled"])
    assert [tensor.name for tensor in read_onnx(data).outputs] == ["logits", "features", "planes", "pooled"]
    pixels = random_pixels(2)
    planes, pooled, logits = (
        Classifier(packed()).with_outputs(["planes", "pooled"]).run(pixels, ["planes", "pooled", "logits"])
    )
    assert np.array_equal(planes, pixels.transpose(0, 3, 1, 2).astype(np.float32))
    assert pooled.shape == (2, 3, 1, 1)
    assert np.array_equal(logits, Classifier(packed()).logits(pixels))
    with pytest.raises(ModelFileError, match=r"cannot load the model.*absent"):
        Classifier(packed()).with_outputs(["absent"])


def test_the_digest_counts_the_graph_and_not_the_metadata():
    model = onnx.load_model_from_string(packed())
    model.metadata_props.add(key="note", value="anything")
    assert graph_digest(model.SerializeToString()) == graph_digest(packed())

    model.graph.node[0].name = "another"
    assert graph_digest(model.SerializeToString()) != graph_digest(packed())


def _refused(model: onnx.ModelProto) -> str:
    with pytest.raises(ModelFileError) as caught:
        read_onnx(model.SerializeToString())
    return str(caught.value)


def _make_external(tensor: onnx.TensorProto, location: str = "../../etc/passwd") -> None:
    tensor.ClearField("raw_data")
    tensor.data_location = TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value=location)


def test_external_data_is_refused_wherever_it_hides():
    first = color_model()
    _make_external(first.graph.initializer[0])
    assert "keeps weights in another file (external data), which is refused" in _refused(first)

    hidden = TensorProto(name="hidden", data_type=TensorProto.FLOAT, dims=[1])
    _make_external(hidden)
    constant = color_model()
    constant.graph.node.append(helper.make_node("Constant", [], ["secret"], value=hidden))
    assert "external data" in _refused(constant)

    inside = helper.make_graph([helper.make_node("Identity", ["hidden"], ["out"])], "branch", [], [], [hidden])
    nested = color_model()
    nested.graph.node.append(helper.make_node("If", ["flag"], ["secret"], then_branch=inside, else_branch=inside))
    assert "external data" in _refused(nested)

    function = color_model()
    body = [helper.make_node("Constant", [], ["out"], value=hidden)]
    function.functions.append(helper.make_function("pkg.own", "F", [], ["out"], body, [helper.make_opsetid("", 18)]))
    assert "external data" in _refused(function)

    sparse = color_model()
    sparse.graph.sparse_initializer.add().values.CopyFrom(hidden)
    assert "external data" in _refused(sparse)


def test_operators_from_outside_are_refused():
    opset = color_model()
    opset.opset_import.append(helper.make_opsetid("evil.library", 1))
    assert "operators of the domain 'evil.library', which need a library from outside" in _refused(opset)
    node = color_model()
    node.graph.node.append(helper.make_node("Op", ["features"], ["out"], domain="evil.library"))
    assert "evil.library" in _refused(node)


def test_graphs_without_end_are_refused():
    graph = helper.make_graph([], "inner", [], [])
    for _ in range(24):
        graph = helper.make_graph([helper.make_node("If", ["flag"], ["out"], then_branch=graph)], "outer", [], [])
    model = color_model()
    model.graph.node.extend(graph.node)
    assert "nests graphs more than 16 deep" in _refused(model)


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "no ONNX model: it holds no graph"),
        (b"hello, this is text", "not ONNX"),
        (b"\x89PNG\r\n\x1a\n" + bytes(64), "no ONNX model"),
        (b"\x08\x08", "no ONNX model"),
        (b"\x3a\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", "reaches beyond its end"),
        (b"\x08" + b"\xff" * 12, "a number in it has no end"),
        (b"\x08\xff", "ends inside a number"),
        (b"\x38\x01", "a number where a message belongs"),
        (b"\x0b", "wire type 3"),
        (encode_bytes(14, encode_bytes(1, b"\xff\xfe")), "a text in it is not UTF-8"),
        (encode_bytes(14, b"\x08\x01"), "a number where a text belongs"),
    ],
)
def test_what_is_no_onnx_says_so(data, message):
    with pytest.raises(ModelFileError, match=message):
        read_onnx(data)


def test_fields_come_back_as_they_were_written():
    message = encode_bytes(1, b"abc") + b"\x10\x96\x01" + b"\x1d\x01\x02\x03\x04" + encode_bytes(99_999, bytes(300))
    assert [(n, v if isinstance(v, int) else bytes(v)) for n, v in fields(memoryview(message))] == [
        (1, b"abc"),
        (2, 150),
        (3, b"\x01\x02\x03\x04"),
        (99_999, bytes(300)),
    ]


@settings(max_examples=300, deadline=2000, derandomize=True)
@given(st.binary(max_size=400))
def test_random_bytes_are_refused_in_words(data):
    with pytest.raises(ModelFileError):
        ModelFile.load(data)


@settings(max_examples=100, deadline=2000, derandomize=True)
@given(st.integers(0, len(packed()) - 1))
def test_a_truncated_file_is_refused(length):
    with pytest.raises(ModelFileError):
        Classifier(packed()[:length], device="cpu")


def _classify_or_refuse(data: bytes, **given_options: object) -> None:
    try:
        classifier = Classifier(data, device="cpu", threads=1, **given_options)
        assert classifier.logits(random_pixels(1, classifier.model.height, classifier.model.width)).dtype == np.float32
    except (ModelFileError, DeviceError) as error:
        assert isinstance(error, EdgecnnError)
        assert str(error).strip()


@settings(max_examples=250, deadline=5000, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(packed()) - 1), st.integers(0, 7)), min_size=1, max_size=3))
def test_flipped_bits_give_a_working_session_or_a_refusal(flips):
    damaged = bytearray(packed())
    for position, bit in flips:
        damaged[position] ^= 1 << bit
    _classify_or_refuse(bytes(damaged))


# The graph alone, so that every flip hits structure or weights rather than the metadata's text.
_BARE = color_model(8, 8).SerializeToString()


@settings(max_examples=250, deadline=5000, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, len(_BARE) - 1), st.integers(0, 255)), min_size=1, max_size=2))
def test_overwritten_bytes_of_a_foreign_graph_give_a_working_session_or_a_refusal(changes):
    damaged = bytearray(_BARE)
    for position, value in changes:
        damaged[position] = value
    _classify_or_refuse(bytes(damaged), labels=LABELS, preprocess=Preprocess(8, 8))


def test_the_float_model_reads_too():
    assert read_onnx(float_model().SerializeToString()).inputs[0].shape == (0, 3, 32, 32)
