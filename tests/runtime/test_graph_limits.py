"""Graphs that would never end, or take any amount of memory, are refused before ONNX Runtime gets them."""

import itertools

import numpy as np
import onnx
import pytest
from edgecnn_runtime import Classifier, ModelFile, ModelFileError, OptionError, verify
from edgecnn_runtime.class_activation import class_activation_map
from edgecnn_runtime.footprint import footprint
from edgecnn_runtime.profile import profile
from edgecnn_runtime.protobuf import encode_bytes
from onnx import TensorProto, helper, numpy_helper
from support.models import card_of, packed, random_pixels, with_card


def _with_nodes(*nodes: onnx.NodeProto, **constants: np.ndarray) -> bytes:
    """The color network whose logits have the scalar `more` added, which the given nodes make of the constants."""
    model = onnx.load_model_from_string(packed())
    model.graph.node[-1].output[0] = "before"
    model.graph.initializer.extend(numpy_helper.from_array(value, name) for name, value in constants.items())
    model.graph.node.extend([*nodes, helper.make_node("Add", ["before", "more"], ["logits"])])
    return bytes(model.SerializeToString())


def _looped(turns: int) -> list[onnx.NodeProto]:
    value = helper.make_tensor_value_info
    body = helper.make_graph(
        [helper.make_node("Identity", ["sum"], ["sum_out"]), helper.make_node("Identity", ["go"], ["go_out"])],
        "body",
        [value("turn", TensorProto.INT64, []), value("go", TensorProto.BOOL, []), value("sum", TensorProto.FLOAT, [])],
        [value("go_out", TensorProto.BOOL, []), value("sum_out", TensorProto.FLOAT, [])],
    )
    return [helper.make_node("Loop", ["turns", "go_on", "nothing"], ["more"], body=body)]


LOOP = {"turns": np.array(10**15), "go_on": np.array(True), "nothing": np.array(0, np.float32)}


def _in_branch(node: onnx.NodeProto) -> onnx.NodeProto:
    """An If whose two bodies hold the node."""
    body = helper.make_graph([node], "body", [], [helper.make_tensor_value_info("more", TensorProto.FLOAT, [])])
    return helper.make_node("If", ["go_on"], ["more"], then_branch=body, else_branch=body)


def test_a_loop_is_refused_before_it_runs_and_taken_when_it_is_asked_for():
    data = _with_nodes(*_looped(3), **{**LOOP, "turns": np.array(3)})
    for use in (Classifier, ModelFile.load, verify, profile):
        with pytest.raises(ModelFileError, match=r"has the operator Loop, which may never end.*allow_unbounded"):
            use(data)
    classifier = Classifier(data, allow_unbounded=True)
    assert np.isfinite(classifier.logits(random_pixels(1))).all()
    assert classifier.with_outputs(["pooled"]).model.allow_unbounded


def test_a_loop_is_found_inside_branches_and_functions():
    with pytest.raises(ModelFileError, match="the operator Loop"):
        ModelFile.load(_with_nodes(_in_branch(_looped(1)[0]), **LOOP))
    model = onnx.load_model_from_string(
        _with_nodes(helper.make_node("Again", ["nothing"], ["more"], domain="pkg.a"), **LOOP)
    )
    versions = [*model.opset_import, helper.make_opsetid("pkg.a", 1)]
    scan = helper.make_node("Scan", ["x"], ["y"], num_scan_inputs=1, body=helper.make_graph([], "body", [], []))
    model.opset_import.append(versions[-1])
    model.functions.append(helper.make_function("pkg.a", "Again", ["x"], ["y"], [scan], versions))
    with pytest.raises(ModelFileError, match="the operator Scan"):
        ModelFile.load(model.SerializeToString())


def test_the_last_of_two_operators_of_a_node_counts_as_it_does_for_protobuf():
    first = encode_bytes(4, b"Relu")
    loop = first + _looped(3)[0].SerializeToString()
    assert onnx.NodeProto.FromString(loop).op_type == "Loop"
    # A second graph in the file is joined with the first.
    with pytest.raises(ModelFileError, match="the operator Loop"):
        ModelFile.load(packed() + encode_bytes(7, encode_bytes(1, loop)))


@pytest.mark.parametrize("depth", [6, 40])
def test_functions_are_counted_as_written_out(depth: int):
    """ONNX Runtime writes functions out where they are called: ten calls in each of seven take minutes."""
    model = onnx.load_model_from_string(packed())
    versions = [*model.opset_import, helper.make_opsetid("pkg.a", 1)]
    model.opset_import.append(versions[-1])
    relu = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("pkg.a", "F0", ["x"], ["y"], [relu], versions))
    for level in range(1, depth):
        names = ["x", *(f"t{index}" for index in range(9)), "y"]
        calls = [
            helper.make_node(f"F{level - 1}", [taken], [given], domain="pkg.a")
            for taken, given in itertools.pairwise(names)
        ]
        model.functions.append(helper.make_function("pkg.a", f"F{level}", ["x"], ["y"], calls, versions))
    node = next(node for node in model.graph.node if node.op_type == "Relu")
    node.op_type, node.domain = f"F{depth - 1}", "pkg.a"
    with pytest.raises(
        ModelFileError, match=r"the graph has 1\d*0{3},00\d nodes; expected at most 100,000|[\d,]+ nodes"
    ):
        ModelFile.load(model.SerializeToString(), allow_unbounded=True)


def test_a_function_that_calls_itself_is_refused():
    model = onnx.load_model_from_string(packed())
    versions = [*model.opset_import, helper.make_opsetid("pkg.a", 1)]
    again = helper.make_node("F", ["x"], ["y"], domain="pkg.a")
    model.functions.append(helper.make_function("pkg.a", "F", ["x"], ["y"], [again], versions))
    with pytest.raises(ModelFileError, match=r"function pkg\.a\.F calls itself"):
        ModelFile.load(model.SerializeToString())


@pytest.mark.parametrize("node", [
    helper.make_node("ConstantOfShape", ["size"], ["huge"]),
    helper.make_node("Expand", ["one", "size"], ["huge"]),
    helper.make_node("Tile", ["one", "size"], ["huge"]),
    helper.make_node("Range", ["zero", "end", "one_scalar"], ["huge"]),
    helper.make_node("Pad", ["one", "pads"], ["huge"]),
    helper.make_node("Resize", ["one", "", "", "size"], ["huge"]),
    helper.make_node("RandomNormal", [], ["huge"], shape=[10**9]),
], ids=lambda node: node.op_type)  # fmt: skip
def test_a_constant_of_4_gb_is_foreseen(node: onnx.NodeProto):
    data = _with_nodes(
        node,
        helper.make_node("ReduceMax", ["huge"], ["more"], keepdims=0),
        size=np.array([10**9]),
        one=np.ones(1, np.float32),
        zero=np.array(0, np.float32),
        end=np.array(10**9, np.float32),
        one_scalar=np.array(1, np.float32),
        pads=np.array([0, 10**9]),
    )
    with pytest.raises(
        ModelFileError, match=r"takes 4,0\d\d MB for one picture; expected at most 1,07\d MB.*allow_unb"
    ):
        Classifier(data)


def test_doubling_again_and_again_is_foreseen():
    names = ["pooled", *(f"twice{index}" for index in range(30))]
    doubled = [
        helper.make_node("Concat", [taken, taken], [given], axis=2) for taken, given in itertools.pairwise(names)
    ]
    with pytest.raises(ModelFileError, match=r"takes [\d,]+ MB for one picture"):
        Classifier(_with_nodes(*doubled, helper.make_node("ReduceMax", [names[-1]], ["more"], keepdims=0)))


def test_work_without_end_is_foreseen():
    names = ["square", *(f"power{index}" for index in range(4))]
    products = [helper.make_node("MatMul", [a, a], [b]) for a, b in itertools.pairwise(names)]
    data = _with_nodes(
        helper.make_node("ConstantOfShape", ["size"], ["square"]),
        *products,
        helper.make_node("ReduceMax", [names[-1]], ["more"], keepdims=0),
        size=np.array([7000, 7000]),
    )
    with pytest.raises(ModelFileError, match=r"takes 1\.4e\+12 multiply-accumulates for one picture"):
        Classifier(data)


@pytest.mark.parametrize("inside", [False, True])
def test_a_size_that_is_computed_from_the_picture_cannot_be_foreseen(inside: bool):
    filled = helper.make_node("ConstantOfShape", ["count"], ["filled"])
    nodes = [
        helper.make_node("ReduceMax", ["pooled"], ["most"], keepdims=0),
        helper.make_node("Cast", ["most"], ["most_whole"], to=TensorProto.INT64),
        helper.make_node("Unsqueeze", ["most_whole", "axis"], ["count"]),
        filled,
        helper.make_node("ReduceMax", ["filled"], ["more"], keepdims=0),
    ]
    if inside:
        nodes[3:] = [_in_branch(helper.make_node("ConstantOfShape", ["size"], ["more"]))]
    data = _with_nodes(*nodes, axis=np.array([0]), size=np.array([], np.int64), go_on=np.array(True))
    with pytest.raises(ModelFileError, match=r"a result of ConstantOfShape whose size cannot be foreseen"):
        Classifier(data)


def test_a_size_that_is_computed_from_the_shape_of_the_picture_is_taken():
    """Transformers repeat a token for each picture of a batch, by arithmetic that shape inference does not follow."""
    nodes = [
        helper.make_node("Shape", ["pixels"], ["shape"]),
        helper.make_node("Gather", ["shape", "axis"], ["batch"]),
        helper.make_node("Concat", ["batch", "one_size"], ["asked"], axis=0),
        helper.make_node("Equal", ["asked", "minus_one"], ["free"]),
        helper.make_node("Where", ["free", "one_size", "asked"], ["sizes"]),
        helper.make_node("Expand", ["token", "sizes"], ["more"]),
    ]
    data = _with_nodes(
        *nodes,
        axis=np.array([0]),
        one_size=np.array([1]),
        minus_one=np.array([-1]),
        token=np.ones((1, 1), np.float32),
    )
    assert Classifier(data).logits(random_pixels(2)).shape == (2, 4)


def test_a_size_that_is_hidden_in_constants_cannot_be_foreseen():
    nodes = [
        helper.make_node("Where", ["yes", "size", "small"], ["sizes"]),
        helper.make_node("ConstantOfShape", ["sizes"], ["huge"]),
        helper.make_node("ReduceMax", ["huge"], ["more"], keepdims=0),
    ]
    data = _with_nodes(*nodes, yes=np.array([True]), size=np.array([10**9]), small=np.array([1]))
    with pytest.raises(ModelFileError, match=r"takes 4,0\d\d MB|a result of ConstantOfShape whose size cannot be"):
        Classifier(data)


def test_a_forecast_is_that_of_one_picture():
    model = ModelFile.load(packed(32, 32))
    found = footprint(model.data, [model.one_picture])
    # Most is alive where the network reads one set of three float planes and writes another.
    assert found.memory_bytes == 2 * 3 * 32 * 32 * 4
    assert found.macs == 3 * 32 * 32 * 3 + 4 * 3
    assert not found.unknown


def test_a_tensor_that_claims_more_than_it_holds_is_refused():
    model = onnx.load_model_from_string(packed())
    model.graph.initializer[0].dims[0] = 2**40
    with pytest.raises(ModelFileError, match=r"sizes \[1099511627776, .* whose numbers are not in it"):
        ModelFile.load(model.SerializeToString())


def test_logits_that_are_a_sequence_are_refused():
    model = onnx.load_model_from_string(packed())
    model.graph.node[-1].output[0] = "before"
    model.graph.node.append(helper.make_node("SequenceConstruct", ["before"], ["logits"]))
    model.graph.output[0].CopyFrom(helper.make_tensor_sequence_value_info("logits", TensorProto.FLOAT, None))
    with pytest.raises(ModelFileError, match="no float tensor"):
        ModelFile.load(model.SerializeToString())
    model.graph.output[0].ClearField("type")  # then only running it tells
    with pytest.raises(ModelFileError, match="is a list; expected one tensor"):
        Classifier(model.SerializeToString()).logits(random_pixels(1))


@pytest.mark.parametrize("weights", ["kernel", "pixels", "pooled"])
def test_class_weights_that_are_none_are_refused(weights: str):
    card = card_of(packed())
    card["outputs"]["features"]["weights"] = weights
    with pytest.raises(ModelFileError, match="as the weights of its classes; expected floats, one row a class for 4"):
        Classifier(with_card(packed(), card)).class_activation_map(random_pixels(1)[0])


def test_a_map_needs_weights_of_its_feature_map():
    features, weights = np.ones((3, 2, 2), np.float32), np.ones((4, 3), np.float32)
    with pytest.raises(ModelFileError, match="give no class activation map"):
        class_activation_map(features[:2], weights, 0)
    with pytest.raises(ModelFileError, match="not finite"):
        class_activation_map(features * np.nan, weights, 0)
    with pytest.raises(OptionError, match="class 4 was asked for; expected 0 to 3"):
        class_activation_map(features, weights, 4)
