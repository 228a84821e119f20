import numpy as np
import pytest
from edgecnn_runtime import OptionError

from edgecnn.zoo.channel_units import in_units_of_one

IMAGENET = ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))


@pytest.mark.parametrize(
    ("mean", "std", "expected"),
    [
        ((123.675, 116.28, 103.53), (58.395, 57.12, 57.375), IMAGENET),
        ((127.5,) * 3, (127.5,) * 3, ((0.5,) * 3, (0.5,) * 3)),
        ((0.0,) * 3, (255.0,) * 3, ((0.0,) * 3, (1.0,) * 3)),
        (None, (255.0,) * 3, ((0.0,) * 3, (1.0,) * 3)),
        ((103.939, 116.779, 123.68), None, ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255,) * 3)),
        ((103.939, 116.779, 123.68), (1.0,) * 3, ((103.939 / 255, 116.779 / 255, 123.68 / 255), (1 / 255,) * 3)),
    ],
)
def test_units_of_255_are_converted_and_said(mean, std, expected):
    found = in_units_of_one(mean, std)
    np.testing.assert_allclose((found.mean, found.std), expected, rtol=1e-9)
    assert "are in units of 0 to 255; taken as --mean" in found.note


@pytest.mark.parametrize(
    ("mean", "std"),
    [IMAGENET, ((0.5,) * 3, (0.5,) * 3), ((0.0,) * 3, (1.0,) * 3), ((0.0,) * 3, (1 / 255,) * 3), (None, None)],
)
def test_units_of_one_stay_as_they_are(mean, std):
    found = in_units_of_one(mean, std)
    assert (found.mean, found.std, found.note) == (mean, std, "")


@pytest.mark.parametrize(
    ("mean", "std"),
    [((123.675, 116.28, 103.53), IMAGENET[1]), (IMAGENET[0], (58.395, 57.12, 57.375)), ((300.0,) * 3, (1.0,) * 3)],
)
def test_numbers_that_fit_neither_units_are_refused(mean, std):
    with pytest.raises(OptionError, match=r"fit neither pixels from 0 to 1 .* nor pixels from 0 to 255"):
        in_units_of_one(mean, std)
