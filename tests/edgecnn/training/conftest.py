import numpy as np
import pytest
from support.training import train_toy

from edgecnn.data import load_data
from edgecnn.training.resources import intra_op_threads


@pytest.fixture(scope="session")
def toy_path(tmp_path_factory):
    """Three classes told apart by which channel is brighter in one half of noisy 20×20 pictures."""
    random = np.random.default_rng(0)
    labels = np.arange(240) % 3
    pixels = random.integers(0, 160, (240, 20, 20, 3)).astype(np.uint8)
    for number, label in enumerate(labels):
        pixels[number, :10, :, label] += 90
    path = tmp_path_factory.mktemp("toy") / "toy.npz"
    np.savez(path, x_train=pixels[:200], y_train=labels[:200], x_test=pixels[200:], y_test=labels[200:])
    return path


@pytest.fixture(scope="session")
def toy(toy_path):
    return load_data(str(toy_path))


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Tiny networks gain nothing from threads, and tests that wait for each other's threads lose much."""
    with intra_op_threads(1):
        yield


@pytest.fixture(params=["fp32", "bf16"])
def precision(request):
    """Both number formats on every machine: where bf16 is not in the hardware, torch emulates it."""
    return request.param


@pytest.fixture(scope="session")
def toy_run(toy, tmp_path_factory):
    """A trained run on the toy data, to start other trainings from."""
    folder = tmp_path_factory.mktemp("base") / "run"
    train_toy(toy, folder, epochs=2)
    return folder
