import csv
import json
import os
from dataclasses import replace

import numpy as np
import pytest
import torch
from edgecnn_runtime import Preprocess
from edgecnn_runtime.errors import DataError
from safetensors.torch import load_file, save_file
from support.command import edgecnn, python
from support.training import train_toy

from edgecnn.data import PicturesInMemory
from edgecnn.training import DivergedError, Listener
from edgecnn.training.checkpoint import checkpoint_path, load_checkpoint, save_checkpoint
from edgecnn.zoo.runs import load_run, read_run


def weights(folder):
    return load_file(folder / "weights.safetensors")


def same_bits(one, two):
    return one.keys() == two.keys() and all(torch.equal(one[name], two[name]) for name in one)


def test_learns_and_leaves_a_whole_run_folder(toy, tmp_path, precision):
    plans, epochs = [], []
    listener = Listener(on_plan=plans.append, on_epoch=epochs.append)
    outcome = train_toy(toy, tmp_path / "run", listener=listener, views=True, precision=precision)
    assert outcome.evaluation.accuracy == 1.0 and outcome.evaluation.count == 40
    names = {path.name for path in (tmp_path / "run").iterdir()}
    assert names == {"weights.safetensors", "run.json", "history.csv", "curves.png", "confusion.png", "mistakes.png"}
    run = read_run(tmp_path / "run")
    assert (run.status, run.seed, run.labels) == ("finished", 0, ("0", "1", "2"))
    assert run.result.accuracy == 1.0 and run.result.accuracy_views is not None
    assert run.data.fingerprint == toy.fingerprint and run.versions["torch"] == torch.__version__
    with (tmp_path / "run" / "history.csv").open() as file:
        assert [int(line["epoch"]) for line in csv.DictReader(file)] == [1, 2, 3]
    assert (run.precision, run.precision_reason) == (precision, "as asked for")
    assert plans[0].number_format.name == precision
    assert plans[0].steps == 12 and plans[0].seconds > 0 and plans[0].memory_bytes > 0 and len(epochs) == 3


def test_load_run_gives_the_network_that_was_measured(toy, tmp_path):
    outcome = train_toy(toy, tmp_path)
    network = load_run(tmp_path)
    pixels = torch.from_numpy(toy.test.batch(np.arange(40))).float() / 255
    inputs = ((pixels - torch.tensor(network.mean)) / torch.tensor(network.std)).permute(0, 3, 1, 2)
    with torch.inference_mode():
        logits = network.module(inputs).numpy()
    np.testing.assert_allclose(logits, outcome.evaluation.logits, atol=1e-4)
    assert network.labels == ("0", "1", "2") and network.preprocess == toy.preprocess


def test_the_same_seed_gives_the_same_bits_and_another_seed_does_not(toy, tmp_path, precision):
    for name, seed in (("a", 5), ("b", 5), ("c", 6)):
        train_toy(toy, tmp_path / name, epochs=2, seed=seed, precision=precision)
    assert same_bits(weights(tmp_path / "a"), weights(tmp_path / "b"))
    assert not same_bits(weights(tmp_path / "a"), weights(tmp_path / "c"))


@pytest.mark.parametrize(("network", "skip"), [("edge_cnn_nano", None), ("simple_cnn", None), ("edge_cnn_nano", 0.4)])
def test_a_stopped_run_goes_on_to_the_same_bits(toy, tmp_path, network, skip, precision):
    settings = {"network": network, "skip": skip, "epochs": 4}
    train_toy(toy, tmp_path / "whole", precision=precision, **settings)

    def stop(line):
        if line.epoch == 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path / "stopped", listener=Listener(on_epoch=stop), precision=precision, **settings)
    with pytest.raises(DataError, match="has not finished; continue it with edgecnn train --resume"):
        load_run(tmp_path / "stopped")
    plans = []
    train_toy(toy, tmp_path / "stopped", resume=True, listener=Listener(on_plan=plans.append), **settings)
    assert plans[0].resumed_at == 2 and plans[0].number_format.name == precision  # the one that it was begun with
    assert same_bits(weights(tmp_path / "whole"), weights(tmp_path / "stopped"))
    with pytest.raises(DataError, match="has finished; there is nothing to resume"):
        train_toy(toy, tmp_path / "stopped", resume=True, **settings)


def test_resume_refuses_another_run(toy, tmp_path):
    def stop(line):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train_toy(toy, tmp_path, listener=Listener(on_epoch=stop))
    with pytest.raises(DataError, match=r"was begun with another seed \(0, now 1\)"):
        train_toy(toy, tmp_path, resume=True, seed=1)
    with pytest.raises(DataError, match="was begun with another data fingerprint"):
        train_toy(replace(toy, fingerprint="x"), tmp_path, resume=True)
    with pytest.raises(DataError, match="was begun with another network"):
        train_toy(toy, tmp_path, network="resnet8", resume=True)
    with pytest.raises(DataError, match=r"another preprocessing \(height 20, width 20, .*, now height 24, width 24"):
        larger = Preprocess(height=24, width=24)
        train_toy(replace(toy, preprocess=larger), tmp_path, resume=True)
    with pytest.raises(DataError, match="was begun with other classes"):
        train_toy(replace(toy, labels=("x", "y", "z")), tmp_path, resume=True)
    other = replace(load_checkpoint(checkpoint_path(tmp_path)), network={"weight": torch.zeros(3)})
    save_checkpoint(checkpoint_path(tmp_path), other)
    with pytest.raises(DataError, match="belongs to another network; start again without --resume"):
        train_toy(toy, tmp_path, resume=True)
    (tmp_path / "checkpoint.safetensors").write_bytes(b"x" * 50)
    with pytest.raises(DataError, match="is no checkpoint of edgecnn train"):
        train_toy(toy, tmp_path, resume=True)


def test_resume_begins_a_run_that_has_not_begun_and_sweeps_what_a_kill_has_left(toy, tmp_path):
    for name in ("checkpoint.safetensors", "run.json"):
        program = (
            "import os, sys; from edgecnn_runtime.files import atomic_path\nwith atomic_path(sys.argv[1]): os._exit(9)"
        )
        assert python("-c", program, tmp_path / name).code == 9
    left, theirs = list(tmp_path.iterdir()), tmp_path / ".notes.tmp"
    assert len(left) == 2
    theirs.write_bytes(b"half")
    assert train_toy(toy, tmp_path, epochs=1, resume=True).history[0].epoch == 1
    assert not any(path.exists() for path in left) and theirs.exists()


def test_class_names_that_mean_something_elsewhere_are_drawn_as_they_are(toy, tmp_path):
    names = ("$5", "$10^{", os.fsdecode(b"caf\xe9"))
    train_toy(replace(toy, labels=names), tmp_path, epochs=1)
    assert (tmp_path / "confusion.png").is_file() and load_run(tmp_path).labels == names


def test_the_record_keeps_the_keys_that_older_runs_have(toy, tmp_path):
    train_toy(toy, tmp_path, epochs=1)
    document = json.loads((tmp_path / "run.json").read_text())
    older = {"format", "status", "network", "labels", "preprocess", "mean", "std", "licence", "recipe", "seed"}
    older |= {"precision", "threads", "processes", "device", "versions", "data", "teacher", "weights_sha256", "result"}
    assert set(document) == older | {"precision_reason"}
    assert set(document["network"]) == {"kind", "name", "channels", "parameters"}
    del document["precision_reason"], document["teacher"]
    (tmp_path / "run.json").write_text(json.dumps({**document, "of_a_later_version": 1}))
    again = read_run(tmp_path)
    assert again.result.count == 40 and again.teacher is None and load_run(tmp_path).labels == ("0", "1", "2")


@pytest.mark.parametrize("precision", ["auto", "bf16"])
def test_an_older_processor_trains_the_same_network(toy, tmp_path, precision):
    path = tmp_path / "toy.npz"
    splits = {"x_train": toy.train.pixels, "y_train": toy.train.labels}
    np.savez(path, **splits, x_test=toy.test.pixels, y_test=toy.test.labels)
    older = {**os.environ, "ONEDNN_MAX_CPU_ISA": "AVX2", "ATEN_CPU_CAPABILITY": "avx2", "OMP_NUM_THREADS": "1"}
    done = edgecnn(
        *(
            "train",
            path,
            "--network",
            "edge_cnn_nano",
            "--epochs",
            "2",
            "--precision",
            precision,
            "-o",
            tmp_path / "run",
        ),
        env=older,
        timeout_s=300,
    )
    assert done.code == 0, done
    run = read_run(tmp_path / "run")
    assert run.result.accuracy > 0.9
    assert run.precision == ("fp32" if precision == "auto" else "bf16")


def test_epochs_in_the_middle_leave_out_what_is_known_best(toy, tmp_path):
    epochs, plans = [], []
    listener = Listener(on_epoch=epochs.append, on_plan=plans.append)
    outcome = train_toy(toy, tmp_path, epochs=10, skip=0.5, listener=listener)
    assert plans[0].steps == 3 * 4 + 7 * 2  # the first epoch and the last fifth show all 200 pictures
    assert outcome.evaluation.accuracy == 1.0
    assert epochs[6].train_accuracy <= epochs[8].train_accuracy


def test_loss_and_accuracy_are_of_all_pictures_though_only_some_are_shown(toy, tmp_path):
    epochs = []
    # At this rate nothing is learned, so that every epoch would be the same if it showed the same.
    train_toy(
        toy, tmp_path, network="resnet8", epochs=10, skip=0.5, rate=1e-9, listener=Listener(on_epoch=epochs.append)
    )
    whole, parts = [epochs[0], *epochs[8:]], epochs[1:8]
    for name in ("loss", "train_accuracy"):
        expected = np.mean([getattr(line, name) for line in whole])
        assert np.mean([getattr(line, name) for line in parts]) == pytest.approx(expected, rel=0.08), name


def test_a_loss_that_is_no_number_stops_the_run_and_keeps_good_weights(toy, tmp_path):
    with pytest.raises(DivergedError, match=r"The loss became (nan|inf) in epoch \d+; .* try --rate"):
        train_toy(toy, tmp_path, network="simple_cnn", rate=1e12)
    assert read_run(tmp_path).status == "diverged"
    assert all(torch.isfinite(value).all() for value in weights(tmp_path).values())


def test_memory_that_runs_out_halves_the_batch_once(toy, tmp_path, monkeypatch):
    notes = []
    asked = []
    real = torch.nn.Conv2d.forward

    def scarce(layer, inputs):
        asked.append(len(inputs))
        if len(inputs) > limit and layer.training:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return real(layer, inputs)

    monkeypatch.setattr(torch.nn.Conv2d, "forward", scarce)
    limit = 25
    outcome = train_toy(toy, tmp_path / "half", epochs=1, listener=Listener(on_note=notes.append))
    assert notes == ["Memory ran out with a batch of 50; going on with 25."]
    assert read_run(outcome.folder).recipe["batch"] == 25
    limit = 10
    with pytest.raises(Exception, match=r"Memory ran out with a batch of 25; give a smaller --batch or --size"):
        train_toy(toy, tmp_path / "none", epochs=1)


def test_gray_pictures_train_a_network_of_one_channel(toy, tmp_path):
    def gray(split):
        return PicturesInMemory(split.pixels[..., :1].copy(), split.labels)

    train_toy(replace(toy, train=gray(toy.train), test=gray(toy.test)), tmp_path, epochs=1)
    network = load_run(tmp_path)
    assert network.channels == 1 and len(network.mean) == 3
    assert network.module(torch.zeros(1, 1, 20, 20)).shape == (1, 3)


def test_load_run_says_what_is_wrong_with_a_folder(toy, tmp_path):
    train_toy(toy, tmp_path, epochs=1)
    good = weights(tmp_path)
    path = tmp_path / "weights.safetensors"
    save_file({**good, "head.weight": torch.zeros(4, 48)}, path)
    with pytest.raises(DataError, match=r"holds 'head.weight' of shape \(4, 48\); expected \(3, 48\)"):
        load_run(tmp_path)
    save_file({name: value for name, value in good.items() if name != "head.bias"}, path)
    with pytest.raises(DataError, match=r"lacks the tensor 'head\.bias'"):
        load_run(tmp_path)
    path.write_bytes(b"not safetensors")
    with pytest.raises(DataError, match="is not the weights file it should be"):
        load_run(tmp_path)
    document = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**document, "network": None}))
    with pytest.raises(DataError, match="lacks or garbles a field"):
        load_run(tmp_path)
    (tmp_path / "run.json").write_text(json.dumps({**document, "format": 9}))
    with pytest.raises(DataError, match="has the format 9; this edgecnn reads format 1"):
        load_run(tmp_path)
