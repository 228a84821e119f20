import gzip
import pickle
import struct

import numpy as np
import pytest
from edgecnn_runtime.errors import DataError

from edgecnn.data import load_data


def write_idx(path, array, *, packed=False):
    data = struct.pack(">HBB", 0, 8, array.ndim) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(gzip.compress(data) if packed else data)


def write_mnist(root, *, packed=False):
    suffix = ".gz" if packed else ""
    random = np.random.default_rng(0)
    for stem, count in (("train", 400), ("t10k", 50)):
        pixels = random.integers(0, 256, (count, 28, 28)).astype(np.uint8)
        write_idx(root / f"{stem}-images-idx3-ubyte{suffix}", pixels, packed=packed)
        write_idx(root / f"{stem}-labels-idx1-ubyte{suffix}", (np.arange(count) % 10).astype(np.uint8), packed=packed)


@pytest.mark.parametrize("place", ["MNIST/raw", "mnist"])
@pytest.mark.parametrize("packed", [False, True])
def test_finds_mnist_in_every_form(tmp_path, place, packed):
    write_mnist(tmp_path / place, packed=packed)
    data = load_data("mnist", data_dir=tmp_path)
    assert data.train.shape == (28, 28, 1) and len(data.train.labels) == 400
    assert data.labels == tuple("0123456789")
    assert load_data("mnist", data_dir=tmp_path / place).fingerprint == data.fingerprint


def test_damaged_idx_files_are_named(tmp_path):
    write_mnist(tmp_path / "mnist")
    path = tmp_path / "mnist" / "train-images-idx3-ubyte"
    path.write_bytes(path.read_bytes()[:-1])
    with pytest.raises(DataError, match=r"holds 313615 bytes where its header promises 313616"):
        load_data("mnist", data_dir=tmp_path)
    path.write_bytes(b"\x00\x00\x0d\x03 not bytes")
    with pytest.raises(DataError, match="is no IDX file of unsigned bytes"):
        load_data("mnist", data_dir=tmp_path)


def write_cifar(root, value=None):
    root.mkdir(parents=True)
    random = np.random.default_rng(0)
    for name in (*(f"data_batch_{n}" for n in range(1, 6)), "test_batch"):
        pixels = random.integers(0, 256, (40, 3072)).astype(np.uint8)
        content = value or {b"data": pixels, b"labels": [i % 10 for i in range(40)]}
        (root / name).write_bytes(pickle.dumps(content, protocol=2))
    return pixels


def test_reads_torchvisions_cifar(tmp_path):
    last = write_cifar(tmp_path / "cifar-10-batches-py")
    data = load_data("cifar10", data_dir=tmp_path)
    assert len(data.train.labels) == 200 and data.labels[3] == "cat"
    np.testing.assert_array_equal(data.test.batch(np.array([0]))[0], last[0].reshape(3, 32, 32).transpose(1, 2, 0))


class Bad:
    def __reduce__(self):
        return (print, ("run",))


def test_a_pickle_that_wants_more_than_arrays_is_refused(tmp_path, capsys):
    write_cifar(tmp_path / "cifar-10-batches-py", value=Bad())
    with pytest.raises(DataError, match=r"it asks for .*print"):
        load_data("cifar10", data_dir=tmp_path)
    assert capsys.readouterr().out == ""


def test_npz_by_name_wins_without_torchvision(tmp_path):
    random = np.random.default_rng(0)
    np.savez(
        tmp_path / "fashion-mnist.npz",
        x_train=random.integers(0, 256, (200, 28, 28)).astype(np.uint8),
        y_train=np.arange(200) % 10,
        x_test=random.integers(0, 256, (20, 28, 28)).astype(np.uint8),
        y_test=np.arange(20) % 10,
    )
    assert load_data("fashion-mnist", data_dir=tmp_path).labels[9] == "Ankle boot"


def test_real_mnist_has_the_known_statistics(data_dir):
    data = load_data("mnist", data_dir=data_dir)
    assert (len(data.train.labels), len(data.test.labels)) == (60_000, 10_000)
    mean = float(data.train.batch(np.arange(60_000)).mean()) / 255
    assert abs(mean - 0.1307) < 1e-4  # the published mean
