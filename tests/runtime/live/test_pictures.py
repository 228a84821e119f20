"""Shrinking and motion: pictures in, pictures and answers out."""

import cv2
import numpy as np
import pytest
from edgecnn_runtime import Preprocess
from edgecnn_runtime.live.motion import MotionMeter
from edgecnn_runtime.live.shrink import pixels_from_bgr
from support.streams import scene

RULES = [
    Preprocess(224, 224, resize_to=256, kernel="bicubic"),
    Preprocess(224, 224, resize="squash", kernel="bilinear"),
    Preprocess(96, 160, resize="letterbox", kernel="lanczos", pad_color=(10, 20, 30)),
]


def natural(width: int, height: int) -> np.ndarray:
    """A picture with detail at every scale, as photos have."""
    rng = np.random.default_rng(1)
    picture = np.zeros((height, width, 3), np.float32)
    for step in (2, 8, 32, 128):
        coarse = rng.random((height // step + 2, width // step + 2, 3), np.float32) * step**0.7
        picture += cv2.resize(coarse, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.asarray(picture / picture.max() * 255, np.uint8)


@pytest.mark.parametrize("preprocess", RULES, ids=lambda rule: rule.resize)
@pytest.mark.parametrize("size", [(64, 48), (300, 200), (360, 370)])
def test_small_frames_give_the_very_same_pixels(preprocess: Preprocess, size: tuple[int, int]) -> None:
    bgr = natural(*size)
    assert np.array_equal(pixels_from_bgr(bgr, preprocess), preprocess.apply(bgr[:, :, ::-1]))


@pytest.mark.parametrize("preprocess", RULES, ids=lambda rule: rule.resize)
@pytest.mark.parametrize("size", [(1920, 1080), (1081, 1927)])
def test_large_frames_stay_within_gray_levels_of_it(preprocess: Preprocess, size: tuple[int, int]) -> None:
    bgr = natural(*size)
    wanted = preprocess.apply(np.ascontiguousarray(bgr[:, :, ::-1])).astype(int)
    difference = np.abs(pixels_from_bgr(bgr, preprocess) - wanted)
    inner = difference[2:-2, 2:-2] if preprocess.resize == "letterbox" else difference
    assert inner.mean() < 1.0
    assert np.percentile(inner, 99) <= 5


def test_motion_tells_still_moving_and_cut_apart() -> None:
    meter = MotionMeter()
    still = scene(0, (640, 480))
    assert not meter.is_cut(still)
    meter.anchor()
    noisy = cv2.add(still, np.random.default_rng(4).integers(0, 3, still.shape, np.uint8))
    assert not meter.is_cut(noisy)
    assert meter.since_anchor() < 2.5
    moved = still.copy()
    cv2.circle(moved, (120, 120), 40, (255, 255, 255), -1)
    meter.is_cut(moved)
    assert meter.since_anchor() > 2.5
    assert meter.is_cut(255 - still)
    assert not meter.is_cut(255 - still)
