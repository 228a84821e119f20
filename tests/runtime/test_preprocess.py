import numpy as np
import pytest
from edgecnn_runtime import ImageError, OptionError, Preprocess
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image, ImageOps
from support.pictures import scene

torchvision_transforms = pytest.importorskip("torchvision.transforms", reason="torchvision is the reference")

KERNELS = ["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"]
SIDES = st.integers(1, 300)


def worst(actual: np.ndarray, expected: object) -> int:
    expected = np.asarray(expected)
    assert actual.dtype == np.uint8
    assert actual.shape == expected.shape
    return int(np.abs(actual.astype(int) - expected.astype(int)).max())


def torchvision_way(image: Image.Image, preprocess: Preprocess) -> Image.Image:
    modes = torchvision_transforms.InterpolationMode
    return torchvision_transforms.Compose(
        [
            torchvision_transforms.Resize(preprocess.resize_to, modes(preprocess.kernel)),
            torchvision_transforms.CenterCrop((preprocess.height, preprocess.width)),
        ]
    )(image)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(width=SIDES, height=SIDES, crop=st.tuples(st.integers(1, 48), st.integers(1, 48)), more=st.integers(0, 9))
@example(width=1, height=1, crop=(32, 32), more=0)
@example(width=1, height=10_000, crop=(8, 8), more=0)
@example(width=10_000, height=1, crop=(8, 8), more=1)
@example(width=37, height=37, crop=(32, 32), more=5)
@pytest.mark.parametrize("kernel", ["bilinear", "bicubic"])
def test_short_side_equals_torchvisions_resize_and_center_crop_to_one_gray_level(kernel, width, height, crop, more):
    preprocess = Preprocess(*crop, resize_to=max(crop) + more, kernel=kernel)
    image = scene(width, height)
    actual, expected = preprocess.apply(image), np.asarray(torchvision_way(image, preprocess))
    assert worst(actual, expected) <= 8
    # Pillow keeps a box's corners as float32; beside hard edges that moves one value in millions by more.
    assert np.count_nonzero(np.abs(actual.astype(int) - expected) > 1) <= 1


@pytest.mark.parametrize("kernel", ["nearest", "box", "hamming", "lanczos"])
@pytest.mark.parametrize("size", [(640, 480), (199, 333), (60, 50)])
def test_other_kernels_equal_torchvision_too(kernel, size):
    preprocess = Preprocess(64, 48, resize_to=72, kernel=kernel)
    image = scene(*size)
    assert worst(preprocess.apply(image), torchvision_way(image, preprocess)) <= 1


@pytest.mark.parametrize("size", [(500, 375), (375, 500), (4000, 3000), (224, 224), (256, 256), (100, 90)])
def test_the_usual_256_to_224_equals_torchvision(size):
    preprocess = Preprocess(224, 224, resize_to=256, kernel="bicubic")
    image = scene(*size)
    assert worst(preprocess.apply(image), torchvision_way(image, preprocess)) <= 1


def test_a_sliver_costs_no_more_than_what_the_crop_keeps():
    # torchvision would make 256 × 2,560,000 pixels of this one: 2 GB.
    pixels = Preprocess(224, 224, resize_to=256).apply(scene(10_000, 1))
    assert pixels.shape == (224, 224, 3)
    assert int(np.ptp(pixels.astype(int), axis=0).max()) == 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(SIDES, SIDES, st.tuples(st.integers(1, 60), st.integers(1, 60)), st.sampled_from(KERNELS))
def test_squash_equals_pillow(width, height, size, kernel):
    image = scene(width, height)
    expected = image.resize((size[1], size[0]), Image.Resampling[kernel.upper()])
    assert worst(Preprocess(*size, "squash", kernel=kernel).apply(image), expected) == 0


@settings(max_examples=25, deadline=None, derandomize=True)
@given(width=SIDES, height=SIDES, size=st.tuples(st.integers(4, 60), st.integers(4, 60)))
@example(width=1, height=10_000, size=(32, 32))
def test_letterbox_keeps_the_whole_picture_and_pads_the_rest(width, height, size):
    color = (9, 99, 199)
    preprocess = Preprocess(*size, "letterbox", kernel="bilinear", pad_color=color)
    image = scene(width, height)
    inside = ImageOps.contain(image, (size[1], size[0]), Image.Resampling.BILINEAR)
    if 0 in inside.size:  # Pillow rounds a sliver away
        inside = image.resize((max(inside.width, 1), max(inside.height, 1)), Image.Resampling.BILINEAR)
    expected = Image.new("RGB", (size[1], size[0]), color)
    expected.paste(inside, ((size[1] - inside.width) // 2, (size[0] - inside.height) // 2))
    assert worst(preprocess.apply(image), expected) <= 1


def test_an_array_goes_the_same_way_as_a_picture_and_channel_order_does_not_matter():
    preprocess = Preprocess(40, 30, resize_to=50, kernel="bicubic")
    array = np.asarray(scene(120, 90))
    pixels = preprocess.apply(array)
    assert np.array_equal(pixels, preprocess.apply(Image.fromarray(array)))
    assert np.array_equal(pixels[..., ::-1], preprocess.apply(np.ascontiguousarray(array[..., ::-1])))
    assert np.array_equal(pixels, preprocess.apply(np.asfortranarray(array)))
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((4, 4, 3), np.float32), r"got an array of float32; expected uint8 values .* multiply by 255"),
        (np.full((4, 4, 3), np.nan), r"got an array of float64; expected uint8"),
        (np.zeros((4, 4, 3), np.int64), r"got an array of int64; expected uint8 values from 0 to 255\."),
        (np.zeros((4, 4), np.uint8), r"got an array of shape \(4, 4\); expected \(height, width, 3\)"),
        (np.zeros((3, 4, 4), np.uint8), r"got an array of shape \(3, 4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"got an array of shape \(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"got an array of shape \(0, 4, 3\).* not empty"),
        ([[1, 2, 3]], r"got list; expected an \(H, W, 3\) uint8 RGB array"),
    ],
)
def test_wrong_arrays_are_named(array, message):
    with pytest.raises(ImageError, match=message):
        Preprocess(8, 8).apply(array)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"height": 0}, "height is 0; expected a whole number of pixels from 1 to 8192"),
        ({"width": True}, "width is True; expected"),
        ({"height": 1.5}, "height is 1.5; expected"),
        ({"width": 9000}, "width is 9000"),
        ({"resize": "stretch"}, "resize is 'stretch'; expected one of short-side, squash, letterbox"),
        ({"kernel": "cubic"}, "kernel is 'cubic'; expected one of nearest"),
        ({"resize_to": 10}, "resize_to is 10, smaller than the 16×16 crop; expected at least 16"),
        ({"resize": "squash", "resize_to": 20}, "it goes with short-side"),
        ({"pad_color": (0, 0, 256)}, r"pad_color is \(0, 0, 256\)"),
        ({"pad_color": (0, 0)}, "expected three whole numbers"),
    ],
)
def test_wrong_options_are_named(options, message):
    with pytest.raises(OptionError, match=message):
        Preprocess(**{"height": 16, "width": 16, **options})


@pytest.mark.parametrize("rule", ["short-side", "squash", "letterbox"])
def test_the_json_form_comes_back_equal(rule):
    preprocess = Preprocess(20, 30, rule, kernel="lanczos", pad_color=(1, 2, 3))
    assert Preprocess.from_dict(preprocess.to_dict()) == preprocess


@pytest.mark.parametrize(
    ("document", "message"),
    [
        ({"height": 8}, "preprocess has no 'width'"),
        ({"height": 8, "width": 8, "crop": 3}, "unknown field 'crop'; expected height"),
        ({"height": 8, "width": 8, "pad_colour": 3}, "pad_colour is 3"),
        ({"height": 8, "width": 8, "resize_to": "8"}, "resize_to is '8'"),
        ({"height": 8, "width": 8, "kernel": []}, r"kernel is \[\]"),
    ],
)
def test_a_wrong_json_form_is_named(document, message):
    with pytest.raises(OptionError, match=message):
        Preprocess.from_dict(document)
