import numpy as np
import pytest
from edgecnn_runtime import Normalization, OptionError
from support.models import random_pixels

MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@pytest.mark.parametrize("channels_last", [True, False])
def test_values_are_scaled_shifted_and_divided_a_channel(channels_last):
    pixels = random_pixels(2, 6, 5)
    actual = Normalization(MEAN, STD).apply(pixels, channels_last=channels_last)
    expected = (pixels / 255 - np.array(MEAN)) / np.array(STD)
    assert actual.dtype == np.float32
    assert actual.flags.c_contiguous
    np.testing.assert_allclose(actual, expected if channels_last else expected.transpose(0, 3, 1, 2), atol=1e-5)


def test_a_scale_and_an_offset_say_the_same():
    pixels = random_pixels(2, 6, 5)
    normalization = Normalization(MEAN, STD)
    folded = pixels * normalization.scale + normalization.offset
    assert folded.dtype == np.float32
    np.testing.assert_allclose(folded, normalization.apply(pixels, channels_last=True), atol=2e-6)


def test_one_channel_takes_gray_pixels_and_the_luma_of_colored_ones():
    gray = Normalization((0.5,), (0.25,))
    assert gray.channels == 1
    levels = random_pixels(1)[..., :1]
    expected = (levels / 255 - 0.5) / 0.25
    np.testing.assert_allclose(gray.apply(levels, channels_last=True), expected, atol=1e-5)
    same = gray.apply(np.repeat(levels, 3, axis=-1), channels_last=False)
    assert same.shape == (1, 1, 32, 32)
    np.testing.assert_allclose(same[:, 0], expected[..., 0], atol=1e-5)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mean": (0, 0)}, r"mean is \(0, 0\); expected three numbers"),
        ({"mean": (0, 0, float("inf"))}, "mean is .*inf.*expected three numbers"),
        ({"std": (1, 1, float("nan"))}, "std is .*nan.*expected three numbers"),
        ({"mean": (0.5,)}, r"mean is \(0.5,\); expected three numbers"),
        ({"mean": (0, 0), "std": (0.5,)}, r"mean is \(0, 0\); expected one number, one a channel"),
        ({"mean": (), "std": ()}, r"mean is \(\); expected"),
        ({"std": (1, 1, -1)}, r"std is \(1, 1, -1\); expected three numbers above 0"),
    ],
)
def test_wrong_values_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        Normalization(**options)
