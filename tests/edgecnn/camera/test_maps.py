"""Edges, feature grids and heat: pictures and maps in, pictures out."""

import cv2
import numpy as np
import pytest
from edgecnn_runtime import ModelFile, Normalization, Preprocess
from support.models import LABELS, float_model, packed

from edgecnn.camera.controls import Mode
from edgecnn.camera.maps import feature_grid, heat_over, seen_box, shown_tensors
from edgecnn.camera.sobel import KERNELS, EdgeKind, Sobel


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (95, 40), (97, 64), (193, 31), (480, 640)])
@pytest.mark.parametrize("kind", list(EdgeKind))
def test_edges_equal_the_plain_sobel(shape: tuple[int, int], kind: EdgeKind) -> None:
    bgr = np.random.default_rng(2).integers(0, 256, (*shape, 3), np.uint8)
    gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
    # spatialGradient's border is the default one of Sobel.
    along_x, along_y = cv2.Sobel(gray, cv2.CV_16S, 1, 0), cv2.Sobel(gray, cv2.CV_16S, 0, 1)
    edges = Sobel().edges(bgr, kind)
    assert edges.shape == shape
    if kind is EdgeKind.SOBEL_Y:
        assert np.array_equal(edges, cv2.convertScaleAbs(along_y))
    elif kind is EdgeKind.SOBEL_X:
        assert np.array_equal(edges, cv2.convertScaleAbs(along_x))
    else:
        wanted = np.minimum((np.abs(along_y.astype(int)) + np.abs(along_x.astype(int))) / 2, 255)
        assert np.abs(edges - wanted).max() <= 1


def test_the_shown_kernels_are_those_that_run() -> None:
    gray = np.random.default_rng(3).integers(0, 256, (9, 9), np.uint8)
    along_x, along_y = cv2.spatialGradient(gray)
    for kind, gradient in ((EdgeKind.SOBEL_X, along_x), (EdgeKind.SOBEL_Y, along_y)):
        kernel = np.array(KERNELS[kind], np.float64)
        assert np.array_equal(cv2.filter2D(gray, cv2.CV_64F, kernel)[1:-1, 1:-1], gradient[1:-1, 1:-1])


def test_the_first_layer_is_found_and_laid_out() -> None:
    assert shown_tensors(ModelFile.load(packed())) == {Mode.FEATURES: "features", Mode.ACTIVATION: "features"}
    plain_file = ModelFile.load(
        float_model().SerializeToString(), labels=LABELS, preprocess=Preprocess(32, 32), normalization=Normalization()
    )
    assert shown_tensors(plain_file) == {Mode.FEATURES: "features"}
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
