import argparse
from dataclasses import replace

import numpy as np
import pytest
import safetensors.torch
import torch
from edgecnn_runtime import OptionError
from support.networks import Small
from torch import nn

from edgecnn.zoo import NetworkRequest, load

OWN = NetworkRequest(labels=tuple("abcd"), size=(24, 24), mean=(0.5,) * 3, std=(0.5,) * 3)
FIVE = tuple("abcde")


def marked(module):
    """A module's state dict with numbers that no initialization gives."""
    return {name: torch.full_like(value, 2) for name, value in module.state_dict().items()}


def prefixed(prefix, state):
    return {f"{prefix}{name}": value for name, value in state.items()}


STATE = marked(Small())
ARGUMENTS = argparse.Namespace(lr=0.1, model="small")
CHECKPOINTS = {
    "plain": (STATE, ""),
    "state_dict": ({"state_dict": STATE, "epoch": 3}, "taken from its 'state_dict'"),
    "model": ({"model": STATE, "best": np.float64(0.9), "lr": torch.tensor(1)}, "taken from its 'model'"),
    "model_state_dict": ({"model_state_dict": STATE, "loss": 0.1}, "taken from its 'model_state_dict'"),
    "timm": ({"state_dict": STATE, "args": ARGUMENTS, "metric": np.float32(71)}, "taken from its 'state_dict'"),
    "data parallel": (prefixed("module.", STATE), "'module.' stripped"),
    "compiled": (prefixed("_orig_mod.", STATE), "'_orig_mod.' stripped"),
    "compiled inside": ({n.replace("head.", "head._orig_mod."): v for n, v in STATE.items()}, "'_orig_mod.' stripped"),
    "both": ({"model": prefixed("module._orig_mod.", STATE)}, "'_orig_mod.' stripped from the names, 'module.'"),
    "lightning": (
        {"state_dict": {**prefixed("net.", STATE), "loss.weight": torch.ones(4)}, "pytorch-lightning_version": "2.5"},
        r"'net.' stripped from the names, 1 tensors that are not the network's left out \('loss.weight'\)",
    ),
    "without counters": ({n: v for n, v in STATE.items() if "num_batches" not in n}, ""),
    "half": ({n: v.half() if v.is_floating_point() else v for n, v in STATE.items()}, ""),
}


@pytest.mark.parametrize("form", CHECKPOINTS)
def test_the_forms_that_training_leaves_are_taken(tmp_path, form):
    content, note = CHECKPOINTS[form]
    torch.save(content, tmp_path / "w.pth")
    network = load("support.networks:make", replace(OWN, weights=tmp_path / "w.pth"))
    assert all(
        torch.equal(value, STATE[name]) for name, value in network.module.state_dict().items() if "num" not in name
    )
    assert network.source["weights"] == "w.pth"
    assert bool(note) == ("weights_note" in network.source)
    if note:
        with pytest.raises(AssertionError, match=note):
            raise AssertionError(network.source["weights_note"])


@pytest.mark.parametrize("name", ["model.safetensors", "pytorch_model.bin"])
def test_a_folder_as_hugging_face_has_it_and_a_file_as_the_source(tmp_path, name):
    if name.endswith("bin"):
        torch.save(STATE, tmp_path / name)
    else:
        safetensors.torch.save_file(STATE, tmp_path / name)
    for source, request in (
        ("support.networks:make", replace(OWN, weights=tmp_path)),
        (str(tmp_path / name), replace(OWN, network="support.networks:make")),
    ):
        network = load(source, request)
        assert torch.equal(network.module.head.weight, STATE["head.weight"]) and network.name == "make"
    with pytest.raises(OptionError, match=r"holds weights and does not say of which network; give it with --network"):
        load(str(tmp_path / name), OWN)


@pytest.mark.parametrize(
    ("source", "make"),
    [
        ("torchvision:squeezenet1_1", lambda: __import__("torchvision").models.squeezenet1_1(num_classes=5)),
        ("torchvision:resnet18", lambda: __import__("torchvision").models.resnet18(num_classes=5)),
        ("timm:test_resnet", lambda: __import__("timm").create_model("test_resnet", num_classes=5)),
        ("efficientnet_lite0", lambda: __import__("timm").create_model("tf_efficientnet_lite0", num_classes=5)),
    ],
)
def test_the_head_is_sized_and_nothing_is_downloaded(tmp_path, monkeypatch, source, make):
    for name in ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    torch.save(marked(make()), tmp_path / "mine.pth")
    network = load(source, NetworkRequest(weights=tmp_path / "mine.pth", labels=FIVE))
    assert network.labels == FIVE and network.license == "unknown"
    with torch.inference_mode():
        assert network.module(torch.zeros(1, 3, 224, 224)).shape == (1, 5)
    with pytest.raises(OptionError, match="they know 5 classes and the network was built for 1000: give the 5 names"):
        load(source, NetworkRequest(weights=tmp_path / "mine.pth"))
    with pytest.raises(OptionError, match="they know 5 classes and the network was built for 2: give the 5 names with"):
        load(source, NetworkRequest(weights=tmp_path / "mine.pth", labels=("a", "b")))


class WithExtraState(nn.Linear):
    def get_extra_state(self):
        return {"calls": 3}

    def set_extra_state(self, state):
        assert state == {"calls": 3}


def with_extra_state():
    return nn.Sequential(nn.Flatten(), WithExtraState(3 * 24 * 24, 4))


def saved(content):
    return lambda path: torch.save(content, path)


def scripted(path):
    torch.jit.save(torch.jit.trace(Small().eval(), torch.zeros(1, 3, 24, 24)), path)


def exported(path):
    torch.export.save(torch.export.export(Small().eval(), (torch.zeros(1, 3, 24, 24),)), path)


def quantized(path):
    torch.save({"head.weight": torch.quantize_per_tensor(torch.ones(4, 6), 0.1, 0, torch.qint8)}, path)


REFUSED = [
    (saved(Small()), r"cannot be read safely \(it is a whole module, whose code is not run: in the program that"),
    (saved({"state_dict": STATE, "model": Small()}), "it is a whole module"),
    (saved({"state_dict": STATE, "hook": print}), "it holds .*print, whose code is not run: save the state dict"),
    (scripted, r"are a TorchScript program; .* save the module it came from: torch\.save\(model\.state_dict\(\)"),
    (exported, "are an exported program of torch.export; in the program that made it, save the module it came from"),
    (quantized, "are those of a quantized network; give the ones before"),
    (saved({"epoch": 3, "loss": 0.5}), r"hold more than tensors \(epoch, loss\); expected a state dict"),
    (saved([1, 2]), r"hold more than tensors \(list\)"),
    (saved({n: v for n, v in STATE.items() if n != "stem.weight"}), r"Missing key 'stem\.weight'"),
    (saved({**STATE, "other.bias": torch.ones(2)}), r"unexpected key 'other\.bias'"),
    (saved({"encoder.0.weight": torch.ones(3)}), "another architecture, or names its layers in another way"),
    (
        saved({**{n: v for n, v in STATE.items() if "head" not in n}, "head.1.weight": STATE["head.weight"]}),
        "the layer 'head' was replaced in training: give a function that builds the network as it was trained",
    ),
    (saved(with_extra_state().state_dict()), "do not fit the network: Missing key"),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("save", "message"), REFUSED)
def test_what_is_no_state_dict_or_does_not_fit_is_said_in_a_sentence(tmp_path, save, message):
    save(tmp_path / "w.pt")
    with pytest.raises(OptionError, match=message) as raised:
        load("support.networks:make", replace(OWN, weights=tmp_path / "w.pt"))
    assert "\n" not in str(raised.value)


def test_extra_state_goes_to_the_module_that_keeps_it(tmp_path):
    torch.save(with_extra_state().state_dict(), tmp_path / "w.pth")
    load(f"{__name__}:with_extra_state", replace(OWN, weights=tmp_path / "w.pth"))
    torch.save(nn.Sequential(nn.Flatten(), nn.Linear(3 * 24 * 24, 4)).state_dict(), tmp_path / "w.pth")
    with pytest.raises(OptionError, match="keeps extra state, which the other does not know"):
        load(f"{__name__}:with_extra_state", replace(OWN, weights=tmp_path / "w.pth"))


def test_inception_is_not_guessed(tmp_path):
    torch.save(STATE, tmp_path / "w.pth")
    with pytest.raises(OptionError, match="do not say whether it was trained with transform_input"):
        load("torchvision:googlenet", NetworkRequest(weights=tmp_path / "w.pth"))


def test_timm_networks_of_another_size_and_another_imagenet():
    small = load("timm:test_vit", NetworkRequest(random_weights=True, size=(96, 96)))
    with torch.inference_mode():
        assert small.module(torch.zeros(1, 3, 96, 96)).shape == (1, 1000)
    with pytest.raises(OptionError, match=r"takes pictures of 224×224 pixels and cannot be built for another size"):
        load("timm:mvitv2_tiny", NetworkRequest(random_weights=True, size=(160, 121)))
    large = load("timm:tiny_vit_5m_224.dist_in22k", NetworkRequest(random_weights=True))
    assert len(large.labels) == 21_841 and all(large.labels)
