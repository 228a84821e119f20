import numpy as np
import onnx
import onnxruntime
import pytest
import torch
from edgecnn_export.network import Network
from edgecnn_export.to_onnx import _averaging, to_onnx
from edgecnn_runtime import ModelFileError, OptionError, Preprocess
from support.models import random_pixels
from support.networks import Small
from torch import nn

LABELS = tuple("abcd")
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def network(module: nn.Module, **options: object) -> Network:
    settings = {"name": "small", "labels": LABELS, "preprocess": Preprocess(20, 24), "mean": MEAN, "std": STD}
    return Network(module, **{**settings, **options})


def run(graph, pixels: np.ndarray) -> dict[str, np.ndarray]:
    session = onnxruntime.InferenceSession(graph.model.SerializeToString(), providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs()]
    return dict(zip(names, session.run(names, {"pixels": pixels}), strict=True))


@pytest.fixture(scope="module")
def graph():
    return to_onnx(network(Small()))


@pytest.mark.parametrize("count", [1, 5])
def test_the_graph_gives_the_modules_logits_for_any_batch(graph, count):
    pixels = random_pixels(count, 20, 24)
    normalized = (
        torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255.0 - torch.tensor(MEAN).view(3, 1, 1)
    ) / torch.tensor(STD).view(3, 1, 1)
    with torch.inference_mode():
        expected = Small().eval()(normalized).numpy()
    outputs = run(graph, pixels)
    assert outputs["logits"].dtype == np.float32
    np.testing.assert_allclose(outputs["logits"], expected, rtol=1e-4, atol=1e-4)
    np.testing.assert_allclose(graph.reference(pixels), expected, rtol=1e-5, atol=1e-5)


def test_pixels_go_in_and_nothing_newer_than_two_years_is_needed(graph):
    taken = graph.model.graph.input[0].type.tensor_type
    assert [graph.model.graph.input[0].name, taken.elem_type] == ["pixels", onnx.TensorProto.UINT8]
    assert [d.dim_value or d.dim_param for d in taken.shape.dim] == ["N", 20, 24, 3]
    assert graph.model.ir_version <= 10
    assert {o.domain: o.version for o in graph.model.opset_import}[""] <= 21


def test_a_network_that_no_file_can_hold_is_refused_at_once():
    module = Small()
    module.much = nn.Parameter(torch.empty(2**29), requires_grad=False)  # never written to, so never in memory
    with pytest.raises(OptionError, match=r"has 2\.1 GB of weights, but an ONNX file holds less than 2 GiB"):
        to_onnx(network(module))


def test_batch_norm_is_folded_and_nodes_have_their_layers_names(graph):
    kinds = [node.op_type for node in graph.model.graph.node]
    assert "BatchNormalization" not in kinds
    assert {"stem", "head"} <= {node.name for node in graph.model.graph.node}
    assert len({node.name for node in graph.model.graph.node}) == len(kinds)
    assert b"/site-packages/" not in graph.model.SerializeToString()
    assert not any(node.metadata_props or node.doc_string for node in graph.model.graph.node)


class PooledNorm(nn.Module):
    """Convolution, max pooling, batch norm, as fast training recipes order them."""

    def __init__(self, *, lowest_scale: float, bias: bool) -> None:
        super().__init__()
        torch.manual_seed(0)
        self.filters = nn.Conv2d(3, 8, 3, padding=1, bias=bias)
        self.pool = nn.MaxPool2d(3, 2, padding=1)
        self.norm = nn.BatchNorm2d(8)
        self.head = nn.Linear(8, 4)
        for values in (self.norm.weight.data, self.norm.running_var):
            values.uniform_(0.5, 2)
        for values in (self.norm.bias.data, self.norm.running_mean):
            values.uniform_(-1, 1)
        self.norm.weight.data[3] = lowest_scale

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(torch.relu(self.norm(self.pool(self.filters(x)))).mean((2, 3)))


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize(("lowest_scale", "norms"), [(0.5, 0), (-0.5, 1)])
def test_a_norm_behind_a_pooling_is_folded_where_that_changes_nothing(lowest_scale, norms, bias):
    graph = to_onnx(network(PooledNorm(lowest_scale=lowest_scale, bias=bias)))
    assert [node.op_type for node in graph.model.graph.node].count("BatchNormalization") == norms
    pixels = random_pixels(3, 20, 24)
    np.testing.assert_allclose(run(graph, pixels)["logits"], graph.reference(pixels), rtol=1e-4, atol=1e-4)


def test_the_last_feature_map_and_its_weights_are_exposed(graph):
    outputs = run(graph, random_pixels(2, 20, 24))
    assert outputs["features"].shape == (2, 6, 10, 12)
    tensors = {t.name: onnx.numpy_helper.to_array(t) for t in graph.model.graph.initializer}
    weights = tensors[graph.features.weights]
    weights = weights.T if graph.features.transposed else weights
    bias = Small().head.bias.detach().numpy()
    np.testing.assert_allclose(outputs["features"].mean((2, 3)) @ weights.T + bias, outputs["logits"], atol=1e-4)


class Unusual(nn.Module):
    """Pools to 3×2 and gives an object with logits, as some libraries do; takes gray."""

    def __init__(self) -> None:
        super().__init__()
        torch.manual_seed(1)
        self.stem = nn.Conv2d(1, 4, 3)
        self.pool = nn.AdaptiveAvgPool2d((3, 2))
        self.head = nn.Linear(24, 4)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return self.head(self.pool(torch.relu(self.stem(x))).flatten(1))


def test_gray_networks_and_other_poolings_give_their_logits():
    gray = network(Unusual(), channels=1, mean=(0.5,) * 3, std=(0.25,) * 3)
    graph = to_onnx(gray)
    assert graph.features is None
    pixels = random_pixels(3, 20, 24)
    np.testing.assert_allclose(run(graph, pixels)["logits"], gray.logits(pixels), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize(("size", "target"), [(7, 3), (18, 3), (22, 2), (2, 5), (6, 6)])
def test_pooling_windows_are_torchs(size, target):
    row = torch.rand(1, 1, size)
    expected = torch.nn.functional.adaptive_avg_pool1d(row, target)[0, 0]
    np.testing.assert_allclose(_averaging(size, target) @ row[0, 0].numpy(), expected, rtol=1e-5)


class Returning(nn.Module):
    def __init__(self, given: object) -> None:
        super().__init__()
        self.given = given

    def forward(self, x: torch.Tensor) -> object:
        return self.given


class Undecided(nn.Module):
    def forward(self, x: torch.Tensor) -> torch.Tensor:
        logits = x.mean((2, 3)) @ torch.ones(3, 4)
        return logits * 2 if float(logits.sum().item()) > 0.123 else logits


@pytest.mark.parametrize(
    ("module", "error", "message"),
    [
        (Small(classes=5), OptionError, "small gives 5 logits, but there are 4 labels; .*--labels"),
        (Small(channels=1), OptionError, "does not take a 20×24 picture with 3 channels: .*give its size with --size"),
        (nn.Sequential(nn.Flatten(), nn.Linear(7, 4)), OptionError, "does not take a 20×24 picture"),
        (Returning(torch.zeros(2, 4, 1)), OptionError, r"gives \(2, 4, 1\) for two pictures; expected \(2, classes\)"),
        (Returning([1]), OptionError, r"gives list for two pictures; expected \(2, classes\) logits"),
        (Undecided(), ModelFileError, "small cannot be exported by torch"),
    ],
)
def test_what_cannot_be_exported_says_why(module, error, message):
    with pytest.raises(error, match=message) as caught:
        to_onnx(network(module))
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": ()}, "the network has no labels; expected one name a class"),
        ({"channels": 4}, r"channels is 4; expected 3 \(RGB\) or 1 \(gray\)"),
        ({"std": (0.1, 0.0, 0.1)}, r"std is \(0.1, 0.0, 0.1\); expected three numbers above 0"),
        ({"mean": (float("nan"), 0, 0)}, "mean is .*expected three numbers, one a channel"),
    ],
)
def test_networks_are_checked(options, message):
    with pytest.raises(OptionError, match=message):
        network(Small(), **options)


def test_a_network_that_ends_in_probabilities_is_refused():
    with pytest.raises(OptionError, match="small ends in a softmax, so that it gives probabilities; expected logits"):
        to_onnx(network(nn.Sequential(Small(), nn.Softmax(dim=1))))
