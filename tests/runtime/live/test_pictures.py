"""Shrinking, edges, motion, feature grids and heat: pictures in, pictures out."""

import cv2
import numpy as np
import pytest
from edgecnn_runtime import ModelFile, Preprocess
from edgecnn_runtime.live.feature_grid import feature_grid, first_layer_tensor
from edgecnn_runtime.live.motion import MotionMeter
from edgecnn_runtime.live.shrink import pixels_from_bgr
from live_models import color_model
from live_streams import scene

from edgecnn.camera.heat import heat_over, seen_box
from edgecnn.camera.sobel import KERNELS, EdgeKind, Sobel

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


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (95, 40), (97, 64), (193, 31), (480, 640)])
@pytest.mark.parametrize("kind", list(EdgeKind))
def test_edges_equal_the_plain_sobel(shape: tuple[int, int], kind: EdgeKind) -> None:
    bgr = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    # spatialGradient's border is the default one of Sobel.
    down, across = cv2.Sobel(gray, cv2.CV_16S, 0, 1), cv2.Sobel(gray, cv2.CV_16S, 1, 0)
    edges = Sobel().edges(bgr, kind)
    assert edges.shape == shape
    if kind is EdgeKind.HORIZONTAL:
        assert np.array_equal(edges, cv2.convertScaleAbs(down))
    elif kind is EdgeKind.VERTICAL:
        assert np.array_equal(edges, cv2.convertScaleAbs(across))
    else:
        wanted = np.minimum((np.abs(down.astype(int)) + np.abs(across.astype(int))) / 2, 255)
        assert np.abs(edges - wanted).max() <= 1


def test_the_shown_kernels_are_those_that_run() -> None:
    gray = np.random.default_rng(3).integers(0, 256, (9, 9), np.uint8)
    across, down = cv2.spatialGradient(gray)
    for kind, gradient in ((EdgeKind.VERTICAL, across), (EdgeKind.HORIZONTAL, down)):
        kernel = np.array(KERNELS[kind], np.float64)
        assert np.array_equal(cv2.filter2D(gray, cv2.CV_64F, kernel)[1:-1, 1:-1], gradient[1:-1, 1:-1])


def test_motion_tells_still_moving_and_cut_apart() -> None:
    meter = MotionMeter()
    still = scene(0, (640, 480))
    meter.look(still)
    meter.anchor()
    noisy = cv2.add(still, np.random.default_rng(4).integers(0, 3, still.shape, np.uint8))
    assert not meter.look(noisy).is_cut
    assert meter.since_anchor() < 2.5
    moved = still.copy()
    cv2.circle(moved, (120, 120), 40, (255, 255, 255), -1)
    meter.look(moved)
    assert meter.since_anchor() > 2.5
    assert meter.look(255 - still).is_cut
    assert not meter.look(255 - still).is_cut


def test_the_first_layer_is_found_and_laid_out() -> None:
    model = ModelFile.load(color_model())
    assert first_layer_tensor(model) == "features"
    maps = np.stack([np.full((8, 8), index, np.int8) for index in range(12)])
    maps[:, 4:] += 50
    grid = feature_grid(maps, (320, 180))
    assert grid.shape == (180, 320, 3)
    assert len(np.unique(grid.reshape(-1, 3), axis=0)) >= 2
    assert feature_grid(np.zeros((1, 3, 3), np.float32), (7, 5)).shape == (5, 7, 3)


def test_heat_lies_where_the_network_looks() -> None:
    square = Preprocess(224, 224, resize_to=256)
    assert seen_box(square, 1280, 720) == (325, 45, 955, 675)
    assert seen_box(Preprocess(100, 100, resize="squash"), 640, 480) == (0, 0, 640, 480)
    assert seen_box(Preprocess(100, 100, resize="letterbox"), 640, 480) == (0, -80, 640, 560)
    activation = np.full((7, 7), -1.0, np.float32)
    activation[0, 0] = 1.0
    picture = np.full((720, 1280, 3), 100, np.uint8)
    heat = heat_over(picture, activation, square)
    assert heat[60, 340].max() > 150
    assert heat[600, 900].max() < 80
    assert heat[10, 10].max() < 50
    boxed = Preprocess(100, 100, resize="letterbox")
    assert heat_over(picture, np.full((7, 7), -1, np.float32), boxed).shape == picture.shape
