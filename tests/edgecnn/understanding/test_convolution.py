"""The sliding window: the worked example, equality with torch and OpenCV, pictures, bad input."""

import io
from typing import Any

import numpy as np
import pytest
from edgecnn_runtime import OptionError
from PIL import Image

from edgecnn.understanding.convolving import (
    KERNELS,
    Convolution,
    Slide,
    animate,
    convolve,
    convolve_channels,
    convolve_page,
    draw,
    format_trace,
    max_pool,
    parse_kernels,
    parse_matrix,
    trace,
)

IMAGE = parse_matrix("3 3 2 1 0 / 0 0 1 3 1 / 3 1 2 2 3 / 2 0 0 2 2 / 2 0 0 0 1")
KERNEL = parse_matrix("0 1 2 / 2 2 0 / 0 1 2")


def test_the_worked_example():
    assert convolve(IMAGE, KERNEL).tolist() == [[12, 12, 17], [10, 17, 19], [9, 6, 14]]
    assert convolve(IMAGE, KERNEL, Slide(stride=2)).tolist() == [[12, 17], [9, 14]]
    assert convolve(IMAGE, KERNEL, Slide(padding=1))[0].tolist() == [6, 14, 17, 11, 3]
    assert convolve(IMAGE, KERNEL, Slide(padding="same")).shape == IMAGE.shape
    assert convolve(IMAGE, KERNEL).dtype == np.int64


@pytest.mark.parametrize("stride", [1, 2, 3])
@pytest.mark.parametrize("padding", [0, 1, (0, 1, 2, 3)])
@pytest.mark.parametrize("dilation", [1, 2])
@pytest.mark.parametrize("kernel", [(1, 1), (3, 3), (2, 5)])
def test_equal_to_torch(stride: int, padding: Any, dilation: int, kernel: tuple[int, int]):
    torch = pytest.importorskip("torch", reason="the comparison needs torch")
    generator = np.random.default_rng(0)
    image = generator.integers(-1000, 1000, (17, 13, 3))
    kernels = generator.integers(-50, 50, (3, *kernel))
    slide = Slide(stride=stride, padding=padding, dilation=dilation)
    top, left, bottom, right = slide.sides(kernel)

    def by_torch(pixels: np.ndarray, weights: np.ndarray) -> np.ndarray:
        x = torch.nn.functional.pad(torch.from_numpy(pixels).permute(2, 0, 1)[None], (left, right, top, bottom))
        w = torch.from_numpy(weights)[None]
        return torch.nn.functional.conv2d(x, w, stride=stride, dilation=dilation)[0, 0].numpy()

    exact = convolve_channels(image, list(kernels), slide).total
    assert exact.dtype == np.int64
    np.testing.assert_array_equal(exact, by_torch(image, kernels))
    approximate = convolve_channels(image / 7, list(kernels / 3), slide).total
    assert approximate.dtype == np.float64
    np.testing.assert_allclose(approximate, by_torch(image / 7, kernels / 3), rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize(("size", "stride", "padding"), [(2, 2, 0), (3, 2, 1), (3, 1, 1)])
def test_max_pooling_equals_torch(size: int, stride: int, padding: int):
    torch = pytest.importorskip("torch", reason="the comparison needs torch")
    image = np.random.default_rng(1).standard_normal((11, 9))
    expected = torch.nn.functional.max_pool2d(torch.from_numpy(image)[None], size, stride, padding)[0].numpy()
    np.testing.assert_array_equal(max_pool(image, size, Slide(stride=stride, padding=padding)), expected)


def test_sobel_kernels_are_opencvs():
    cv2 = pytest.importorskip("cv2", reason="the comparison needs OpenCV")
    image = np.random.default_rng(2).integers(0, 256, (20, 24)).astype(np.float64)
    for name, order in (("sobel_x", (1, 0)), ("sobel_y", (0, 1))):
        expected = cv2.Sobel(image, cv2.CV_64F, *order)[1:-1, 1:-1]
        np.testing.assert_array_equal(convolve(image, KERNELS[name]), expected)


def test_sobel_x_draws_upright_edges():
    step = np.zeros((5, 6))
    step[:, 3:] = 1
    assert np.abs(convolve(step, KERNELS["sobel_x"])).max() == 4
    assert np.abs(convolve(step, KERNELS["sobel_y"])).max() == 0


def test_channels_add_up_with_the_bias_once():
    image = np.stack([IMAGE, 2 * IMAGE, 3 * IMAGE], axis=2)
    maps = convolve_channels(image, [KERNEL] * 3, bias=5)
    np.testing.assert_array_equal(maps.total, 6 * convolve(IMAGE, KERNEL) + 5)
    np.testing.assert_array_equal(maps.partial[1], 2 * convolve(IMAGE, KERNEL))


def test_the_trace_gives_every_window_and_its_sum():
    steps = list(trace(IMAGE, KERNEL, Slide(padding=1, stride=2), bias=1))
    assert [step.value for step in steps] == (convolve(IMAGE, KERNEL, Slide(padding=1, stride=2)) + 1).ravel().tolist()
    assert (steps[0].top, steps[0].left) == (-1, -1)
    text = format_trace(steps[:1], KERNEL)
    assert "window at (-1, -1)" in text
    assert text.endswith("6 + bias 1 = 7")
    pooled = list(trace(IMAGE, 2))
    assert [step.value for step in pooled] == [3, 3, 3, 2]
    assert "largest 3" in format_trace(pooled[:1], None)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1 2 / 3", "ragged: row 1 has 2 numbers, row 2 has 1"),
        ("1 x / 3 4", "the row '1 x'; expected numbers"),
        (" / ", "is empty"),
        ("1 inf / 2 3", "not finite"),
    ],
)
def test_a_wrong_matrix_says_what_is_wrong(text: str, message: str):
    with pytest.raises(OptionError, match=message):
        parse_matrix(text)


def test_other_bad_input():
    with pytest.raises(OptionError, match="reaches over 5×5 cells, the padded picture has 3×3"):
        convolve(np.ones((3, 3)), np.ones((3, 3)), Slide(dilation=2))
    with pytest.raises(OptionError, match="no kernel 'sobel'; the nearest of 7 are 'sobel_"):
        parse_kernels("sobel")
    with pytest.raises(OptionError, match="sizes 3×3, 1×2"):
        parse_kernels("box | 1 2")
    with pytest.raises(OptionError, match="stride is 0"):
        Slide(stride=0)
    with pytest.raises(OptionError, match="padding is -1"):
        Slide(padding=-1)
    with pytest.raises(OptionError, match="rows of different lengths"):
        convolve([[1, 2], [3]], KERNEL)
    with pytest.raises(OptionError, match=r"shape \(5, 5\) and there are 2 kernels"):
        convolve_channels(IMAGE, [KERNEL, KERNEL])
    with pytest.raises(OptionError, match="either a kernel or the size"):
        Convolution(IMAGE[:, :, None], (), 0, Slide())


def test_animation_has_a_frame_a_position_and_pages_hold_the_numbers():
    convolution = Convolution(IMAGE[:, :, None], (KERNEL,), 0, Slide())
    gif = Image.open(io.BytesIO(animate(convolution)))
    assert gif.format == "GIF"
    assert gif.n_frames == 9
    assert draw(convolution).width > 300
    page = convolve_page(convolution)
    assert '"result": [[12, 12, 17], [10, 17, 19], [9, 6, 14]]' in page
    assert "https://" not in page


def test_large_pictures_are_drawn_without_numbers():
    picture = np.random.default_rng(3).integers(0, 256, (40, 50, 3))
    convolution = Convolution(picture, (KERNELS["sobel_x"],) * 3, 0, Slide(), bias=2)
    assert draw(convolution).height < 120
    assert Image.open(io.BytesIO(animate(convolution))).n_frames <= 42
    pooled = Convolution(picture[:, :, :1], (), 2, Slide(stride=2, padding=1))
    assert "null" in convolve_page(pooled)
