from dataclasses import replace

import numpy as np
import pytest
import torch
import torchvision
from edgecnn_runtime import Preprocess
from edgecnn_runtime.errors import DataError, EdgecnnError, OptionError
from safetensors.torch import load_file

from edgecnn import zoo
from edgecnn.training import DivergedError, Listener, TrainOptions, Transfer, train
from edgecnn.training.blocks import cut_before, find_blocks, train_only_last
from edgecnn.training.default_recipes import RecipeChanges, fine_tuning_recipe
from edgecnn.zoo.runs import load_run, read_run


def transfer(data, base, folder, cache, *, train_last=1, unfreeze=0, epochs=2, listener=None, **options):
    reused = Transfer(str(base), train_last=train_last, unfreeze=unfreeze, cache=cache)
    chosen = TrainOptions(epochs=epochs, batch=50, device="cpu", **options)
    return train(data, reused, chosen, folder=folder, listener=listener)


def weights(folder):
    return load_file(folder / "weights.safetensors")


def test_the_head_alone_is_trained_and_features_are_kept_by_content(toy, toy_run, tmp_path):
    notes, plans = [], []
    listener = Listener(on_note=notes.append, on_plan=plans.append)
    outcome = transfer(toy, toy_run, tmp_path / "one", tmp_path / "cache", listener=listener)
    assert outcome.evaluation.accuracy > 0.95
    before, after = weights(toy_run), weights(tmp_path / "one")
    changed = {name for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head.weight", "head.bias"}
    assert len(list((tmp_path / "cache").iterdir())) == 2
    assert not any("cache" in note for note in notes)
    assert (plans[0].features, plans[0].steps) == (240, 0) and plans[0].seconds > 0
    assert "head" in plans[0].network and read_run(tmp_path / "one").precision is None
    transfer(toy, toy_run, tmp_path / "two", tmp_path / "cache", listener=listener)
    assert sum("come from the cache" in note for note in notes) == 2
    assert torch.equal(weights(tmp_path / "two")["head.weight"], after["head.weight"])
    for file in (tmp_path / "cache").iterdir():
        file.write_bytes(b"damaged")
    transfer(toy, toy_run, tmp_path / "three", tmp_path / "cache")
    assert torch.equal(weights(tmp_path / "three")["head.weight"], after["head.weight"])


def test_a_reused_run_loads_without_the_run_it_came_from(toy, toy_run, tmp_path):
    outcome = transfer(toy, toy_run, tmp_path, None)
    assert read_run(tmp_path).network.kind == "small"
    network = load_run(tmp_path)
    pixels = torch.from_numpy(toy.test.batch(np.arange(40))).float() / 255
    inputs = ((pixels - torch.tensor(network.mean)) / torch.tensor(network.std)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        np.testing.assert_allclose(network.module(inputs).numpy(), outcome.evaluation.logits, atol=1e-3)


def test_last_blocks_learn_on_frozen_features(toy, toy_run, tmp_path):
    outcome = transfer(toy, toy_run, tmp_path, None, train_last=2)
    assert outcome.evaluation.accuracy > 0.95
    before, after = weights(toy_run), weights(tmp_path)
    changed = {name.split(".")[0] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"head", "blocks"}
    assert torch.equal(before["blocks.0.0.weight"], after["blocks.0.0.weight"])


def test_fine_tuning_goes_on_where_it_was_stopped(toy, toy_run, tmp_path, precision):
    whole = transfer(toy, toy_run, tmp_path / "whole", None, unfreeze=3, precision=precision)
    assert whole.evaluation.accuracy > 0.95 and len(whole.history) == 2
    assert read_run(tmp_path / "whole").head_accuracy > 0.95
    kept = weights(toy_run)["blocks.0.2.running_mean"]
    assert torch.equal(weights(tmp_path / "whole")["blocks.0.2.running_mean"], kept)

    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        stopping = Listener(on_epoch=stop)
        transfer(toy, toy_run, tmp_path / "stopped", None, unfreeze=3, listener=stopping, precision=precision)
    transfer(toy, toy_run, tmp_path / "stopped", None, unfreeze=3, resume=True)
    one, two = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(torch.equal(one[name], two[name]) for name in one)
    with pytest.raises(DataError, match="has finished"):
        transfer(toy, toy_run, tmp_path / "stopped", None, unfreeze=3, resume=True)


def test_transfer_stops_at_the_same_faults_as_training_from_scratch(toy, toy_run, tmp_path, monkeypatch):
    recipe = replace(fine_tuning_recipe(20, 200), rate=1e20)
    with pytest.raises(DivergedError, match="The loss became"):
        transfer(toy, toy_run, tmp_path / "diverged", None, unfreeze=3, recipe=recipe)
    assert read_run(tmp_path / "diverged").status == "diverged"
    assert all(torch.isfinite(value).all() for value in weights(tmp_path / "diverged").values())
    with pytest.raises(DataError, match=r"the data has 3 channels after .*; load it with preprocess="):
        transfer(replace(toy, preprocess=Preprocess(24, 24)), toy_run, tmp_path, None)

    def scarce(module, *inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    listener = Listener(on_plan=lambda plan: monkeypatch.setattr(torch.nn.Conv2d, "forward", scarce))
    with pytest.raises(EdgecnnError, match="Memory ran out; try --batch 12 or a smaller --size"):
        transfer(toy, toy_run, tmp_path / "memory", None, listener=listener)


def test_large_features_lie_in_a_file_and_train_the_same(toy, toy_run, tmp_path, monkeypatch):
    transfer(toy, toy_run, tmp_path / "memory", None, train_last=2)
    monkeypatch.setattr("edgecnn.training.frozen_features.MEMORY_LIMIT", 1000)
    transfer(toy, toy_run, tmp_path / "file", None, train_last=2)
    one, two = weights(tmp_path / "memory"), weights(tmp_path / "file")
    assert all(torch.equal(one[name], two[name]) for name in one)


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", "vgg11"])
def test_known_networks_are_cut_at_every_late_block(name):
    module = torchvision.models.get_model(name, weights=None, num_classes=5).eval()
    inputs = torch.randn(2, 3, 64, 64)
    with torch.inference_mode():
        expected = module(inputs)
        for count in (2, 3):
            trained = train_only_last(module, count)
            front, back = cut_before(module, trained[0])
            torch.testing.assert_close(back(front(inputs)), expected, atol=1e-5, rtol=1e-5)
    assert sum(weight.requires_grad for weight in module.parameters()) > 2


def test_efficientnet_is_seventeen_blocks_and_cut_before_the_last_two():
    module = zoo.load("efficientnet_lite0", zoo.NetworkRequest(random_weights=True)).module
    blocks = find_blocks(module)
    assert len(blocks) == 19 and blocks[0] == ["conv_stem", "bn1"] and blocks[-1] == ["classifier"]
    front, back = cut_before(module, blocks[-2][0])
    inputs = torch.randn(1, 3, 96, 96)
    with torch.inference_mode():
        torch.testing.assert_close(back(front(inputs)), module(inputs), atol=1e-5, rtol=1e-5)


def test_too_many_blocks_and_wrong_optimizers_are_refused(toy, toy_run, tmp_path):
    with pytest.raises(OptionError, match=r"The network has \d+ blocks; 99 cannot be trained"):
        transfer(toy, toy_run, tmp_path, None, train_last=99)
    with pytest.raises(OptionError, match="muon is for edge_cnn from scratch"):
        fine_tuning_recipe(20, 200, RecipeChanges(optimizer="muon"))


def test_a_network_with_extra_state_is_refused_before_it_is_trained(toy, tmp_path, monkeypatch):
    (tmp_path / "network_with_extra_state.py").write_text(
        "from edgecnn_export.network import Network\nfrom edgecnn_runtime import Preprocess\nfrom torch import nn\n"
        "class Counted(nn.Linear):\n"
        "    def get_extra_state(self): return {'calls': 1}\n"
        "    def set_extra_state(self, state): pass\n"
        "def make():\n"
        "    module = nn.Sequential(nn.Flatten(), Counted(1200, 3))\n"
        "    return Network(module, 'counted', ('a', 'b', 'c'), Preprocess(20, 20))\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    same = replace(toy, preprocess=Preprocess(20, 20))
    with pytest.raises(
        OptionError, match=r"keeps extra state \('1\._extra_state'\), which a run's weights, all tensors"
    ):
        transfer(same, "network_with_extra_state:make", tmp_path / "run", None)
    assert not (tmp_path / "run").exists()
