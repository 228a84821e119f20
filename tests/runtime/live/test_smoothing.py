from itertools import pairwise

import numpy as np
import pytest
from edgecnn_runtime import OptionError
from edgecnn_runtime.live import Smoother, SmoothingOptions


def probabilities(index: int, score: float = 0.6, classes: int = 5) -> np.ndarray:
    result = np.full(classes, (1 - score) / (classes - 1), np.float32)
    result[index] = score
    return result


def changes(labels: list[int]) -> int:
    return sum(a != b for a, b in pairwise(labels))


def test_flicker_between_two_classes_is_calmed() -> None:
    rng = np.random.default_rng(0)
    raw = [int(rng.random() < 0.4) for _ in range(300)]
    smoother = Smoother()
    shown = [smoother.update(probabilities(index, 0.55), number / 30).index for number, index in enumerate(raw)]
    assert changes(raw) > 100
    assert changes(shown) <= changes(raw) / 5


def test_a_real_change_is_shown_within_four_tenths_of_a_second() -> None:
    smoother = Smoother()
    for number in range(60):
        smoother.update(probabilities(0), number / 30)
    for number in range(60, 90):
        if smoother.update(probabilities(1), number / 30).index == 1:
            break
    assert (number - 60) / 30 <= 0.4


@pytest.mark.parametrize("fps", [5, 30, 120])
def test_the_average_follows_time_and_not_the_number_of_frames(fps: int) -> None:
    smoother = Smoother(SmoothingOptions(time_constant_s=0.5))
    smoother.update(probabilities(0, 1.0), 0)
    for number in range(1, fps + 1):
        last = smoother.update(probabilities(1, 1.0), number / fps)
    assert last.probabilities[0] == pytest.approx(np.exp(-2), abs=0.01)
    assert last.probabilities.sum() == pytest.approx(1, abs=1e-5)


def test_zero_shows_raw_results_and_reset_forgets() -> None:
    raw = Smoother(SmoothingOptions(time_constant_s=0))
    assert [raw.update(probabilities(index), 0.01 * index).index for index in (0, 1, 2)] == [0, 1, 2]
    smoother = Smoother()
    for number in range(30):
        smoother.update(probabilities(0), number / 30)
    smoother.reset()
    assert smoother.update(probabilities(3), 1.01).index == 3


def test_options_are_checked() -> None:
    with pytest.raises(OptionError, match="time_constant_s is -1; expected 0 to 60"):
        SmoothingOptions(time_constant_s=-1)
    with pytest.raises(OptionError, match="margin is 2"):
        SmoothingOptions(margin=2)
