import json

import numpy as np
import pytest
from edgecnn_runtime.errors import DataError
from PIL import Image
from safetensors.numpy import load_file
from support.command import edgecnn

from edgecnn.training import DataRequest, TrainOptions, Transfer, train
from edgecnn.training.repetition import repetition_of
from edgecnn.training.resources import intra_op_threads
from edgecnn.zoo.runs import read_run


def again(folder, into, **where):
    asked = repetition_of(folder, **where)
    return train(asked.data, asked.network, asked.options, folder=into)


def same_bits(one, two):
    first, second = (load_file(folder / "weights.safetensors") for folder in (one, two))
    return first.keys() == second.keys() and all((first[name] == second[name]).all() for name in first)


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    root, random = tmp_path_factory.mktemp("photos"), np.random.default_rng(0)
    for number in range(40):
        folder = root / ("light" if number % 2 else "dark")
        folder.mkdir(exist_ok=True)
        pixels = random.integers(0, 120, (24, 30, 3)) + 100 * (number % 2)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}.png")
    return root


def test_a_run_is_done_again_to_the_same_bits(toy_path, tmp_path, precision):
    options = TrainOptions(
        epochs=2, batch=25, rate=0.03, shift=3, skip=0.2, seed=7, precision=precision, device="cpu", views=True
    )
    with intra_op_threads(2):
        train(str(toy_path), "edge_cnn_nano", options, folder=tmp_path / "one")
    again(tmp_path / "one", tmp_path / "two")
    assert same_bits(tmp_path / "one", tmp_path / "two")
    first, second = (json.loads((tmp_path / name / "run.json").read_text()) for name in ("one", "two"))
    for document in (first, second):
        del document["result"]["seconds"], document["result"]["cpu_seconds"]
    assert first == second and first["threads"] == 2 and first["precision"] == precision


def test_pictures_are_split_and_sized_as_before(photos, tmp_path):
    request = DataRequest(str(photos), size=20, test_share=0.35)
    train(request, "simple_cnn", TrainOptions(epochs=1, batch=4, device="cpu"), folder=tmp_path / "one")
    assert read_run(tmp_path / "one").data.test_share == 0.35
    done = edgecnn("train", "--like", "one", "-o", "two", cwd=tmp_path)
    assert done.code == 0, done
    assert same_bits(tmp_path / "one", tmp_path / "two")
    done = edgecnn("train", "--like", "one", "--epochs", 3, "-o", "three", cwd=tmp_path)
    assert done.code == 2 and "--like takes all settings from one; leave the others out, or --like." in done.err, done


def test_a_transfer_and_a_student_are_done_again(toy_path, toy_run, tmp_path):
    options = TrainOptions(epochs=1, batch=50, device="cpu")
    train(str(toy_path), Transfer(str(toy_run), unfreeze=2, cache=None), options, folder=tmp_path / "transfer")
    again(tmp_path / "transfer", tmp_path / "again")
    assert same_bits(tmp_path / "transfer", tmp_path / "again")
    student = TrainOptions(epochs=1, batch=50, device="cpu", teacher=tmp_path / "transfer")
    train(str(toy_path), "edge_cnn_nano", student, folder=tmp_path / "student")
    again(tmp_path / "student", tmp_path / "student again")
    assert same_bits(tmp_path / "student", tmp_path / "student again")
    (tmp_path / "transfer").rename(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="learned from a run called transfer, which is not beside it: put it there"):
        repetition_of(tmp_path / "student")


def test_other_data_and_other_versions_are_said(toy_path, toy_run, tmp_path):
    with np.load(toy_path) as arrays:
        np.savez(tmp_path / "other.npz", **{**arrays, "x_train": arrays["x_train"][::-1].copy()})
    with pytest.raises(
        DataError, match=r"was begun with another data fingerprint .* it cannot be done again with this"
    ):
        again(toy_run, tmp_path / "run", data=str(tmp_path / "other.npz"))
    assert not (tmp_path / "run").exists()
