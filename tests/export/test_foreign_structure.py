import numpy as np
import onnx
import pytest
from edgecnn_export import Demands, PreparedPictures, export
from edgecnn_runtime import ModelFileError
from onnx import TensorProto, helper, numpy_helper
from support.foreign import PIXELS, answers, imported, meant, plain
from support.models import random_pixels


def old(model: onnx.ModelProto) -> None:
    model.opset_import[0].version, model.ir_version = 9, 3
    model.graph.node[-1].input.append("offset")
    model.graph.initializer.append(numpy_helper.from_array(np.zeros(4, np.float32), "offset"))
    for tensor in model.graph.initializer:
        model.graph.input.append(helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims))


def nameless(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.name = ""


def one_name(model: onnx.ModelProto) -> None:
    for node in model.graph.node:
        node.name = "node"


def constants(model: onnx.ModelProto) -> None:
    nodes = [helper.make_node("Constant", [], [t.name], value=t) for t in model.graph.initializer]
    nodes += list(model.graph.node)
    del model.graph.initializer[:], model.graph.node[:]
    model.graph.node.extend(nodes)


def unused_domain(model: onnx.ModelProto) -> None:
    model.opset_import.append(helper.make_opsetid("ai.onnx.training", 1))


def same_upper(model: onnx.ModelProto) -> None:
    conv = model.graph.node[0]
    kernel = model.graph.initializer[0]
    wide = np.zeros((3, 3, 3, 3), np.float32)
    wide[:, :, 1:2, 1:2] = numpy_helper.to_array(kernel)
    kernel.CopyFrom(numpy_helper.from_array(wide, "kernel"))
    conv.attribute.append(helper.make_attribute("auto_pad", "SAME_UPPER"))


def reserved_names(model: onnx.ModelProto) -> None:
    names = {"first": "pixels_float", "features": "logits", "kernel": "pixel_scale", "pooled": "pixels"}
    for node in model.graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]
    model.graph.initializer[0].name = "pixel_scale"


def _relu(model: onnx.ModelProto) -> onnx.NodeProto:
    return next(node for node in model.graph.node if node.op_type == "Relu")


def branch(model: onnx.ModelProto) -> None:
    relu = _relu(model)
    model.graph.initializer.append(numpy_helper.from_array(np.array(False), "training"))
    bodies = {}
    for name, operator in (("then_branch", "Neg"), ("else_branch", "Relu")):
        made = helper.make_tensor_value_info(f"{name}_out", TensorProto.FLOAT, None)
        bodies[name] = helper.make_graph([helper.make_node(operator, ["first"], [made.name])], name, [], [made])
    relu.CopyFrom(helper.make_node("If", ["training"], ["features"], "if", **bodies))


def loop(model: onnx.ModelProto, *, turns: int = 2) -> None:
    model.graph.initializer.append(numpy_helper.from_array(np.array(turns), "turns"))
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
    _relu(model).CopyFrom(helper.make_node("Loop", ["turns", "", "first"], ["features"], "loop", body=body))


def function(model: onnx.ModelProto) -> None:
    inner = helper.make_node("Relu", ["x"], ["y"])
    model.functions.append(helper.make_function("own", "Activation", ["x"], ["y"], [inner], [model.opset_import[0]]))
    model.opset_import.append(helper.make_opsetid("own", 1))
    _relu(model).CopyFrom(helper.make_node("Activation", ["first"], ["features"], "call", domain="own"))


CHANGES = [old, nameless, one_name, constants, unused_domain, same_upper, reserved_names, branch, loop, function]


@pytest.mark.parametrize("change", CHANGES)
def test_every_form_of_a_graph_gives_the_same_answers_in_fp32_and_int8(tmp_path, change):
    model = plain()
    change(model)
    graph = imported(tmp_path, model)
    np.testing.assert_allclose(answers(graph), meant(), atol=1e-5)
    assert {entry.domain: entry.version for entry in graph.model.opset_import} == {"": max(13, _opset(model))}
    names = [node.name for node in graph.model.graph.node]
    assert all(names)
    assert len(set(names)) == len(names)
    calibration = PreparedPictures(random_pixels(20, seed=3), "noise")
    report = export(
        graph, tmp_path / "int8.onnx", precision="int8", calibration=calibration, demands=Demands(force=True)
    )
    assert report.precision == "int8"


def _opset(model: onnx.ModelProto) -> int:
    return next(entry.version for entry in model.opset_import if entry.domain == "")


def test_a_loop_of_many_turns_is_refused(tmp_path):
    model = plain()
    loop(model, turns=1000)
    with pytest.raises(ModelFileError, match="holds a Loop whose turns are not known beforehand"):
        imported(tmp_path, model)


def test_an_optimized_file_is_refused_with_the_way_out(tmp_path):
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "optimized.onnx")
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    onnxruntime.InferenceSession(plain().SerializeToString(), options, providers=["CPUExecutionProvider"])
    with pytest.raises(ModelFileError, match=r"optimizer wrote this file .*give the file from before the optimization"):
        imported(tmp_path, onnx.load(tmp_path / "optimized.onnx"))


def test_a_quantized_file_stays_as_it_is_and_is_not_quantized_twice(tmp_path):
    calibration = PreparedPictures(random_pixels(40, seed=3), "noise")
    first = imported(tmp_path, plain())
    export(first, tmp_path / "int8.onnx", precision="int8", calibration=calibration, demands=Demands(force=True))
    stripped = onnx.load(tmp_path / "int8.onnx")
    del stripped.metadata_props[:]
    graph = imported(tmp_path, stripped, normalization=None)
    report = export(graph, tmp_path / "again.onnx")
    assert report.precision == "int8"
    np.testing.assert_allclose(answers(graph, PIXELS), meant(), atol=0.05)
    with pytest.raises(ModelFileError, match="the network is quantized already"):
        export(graph, tmp_path / "twice.onnx", precision="int8", calibration=calibration)
