import io
import os

import numpy as np
import pytest
from edgecnn_runtime import ImageError, Preprocess, load_image
from edgecnn_runtime.image import decode_image
from PIL import Image, ImageOps
from support.pictures import BLUE, GREEN, RED, encoded, huge_png, plain, scene

LOSSLESS = {"PNG": {}, "TIFF": {}, "WEBP": {"lossless": True}, "BMP": {}, "PPM": {}, "JPEG2000": {}}


def pixels(source, **options) -> np.ndarray:
    image = decode_image(source, **options).image
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("kind", LOSSLESS)
def test_lossless_formats_come_back_exactly(kind, tmp_path):
    image = scene(40, 30)
    data = encoded(image, kind, **LOSSLESS[kind])
    path = tmp_path / "picture"
    path.write_bytes(data)
    for source in (data, bytearray(data), memoryview(data), path, str(path), io.BytesIO(data)):
        assert np.array_equal(pixels(source), np.asarray(image))


def test_pictures_and_arrays_come_back_exactly():
    image = scene(40, 30)
    assert np.array_equal(pixels(image), np.asarray(image))
    assert np.array_equal(pixels(np.asarray(image)), np.asarray(image))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_all_eight_exif_orientations_stand_upright(kind, orientation):
    image = scene(48, 32)
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(image, kind, exif=exif, **LOSSLESS.get(kind, {"quality": 100, "subsampling": 0}))
    expected = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
    assert expected.size == ((48, 32) if orientation < 5 else (32, 48))
    assert np.array_equal(pixels(data), np.asarray(expected))


def test_orientation_is_applied_to_a_picture_that_is_open_already():
    exif = Image.Exif()
    exif[0x0112] = 6
    opened = Image.open(io.BytesIO(encoded(scene(48, 32), "JPEG", exif=exif)))
    assert load_image(opened).size == (32, 48)


def test_alpha_lies_over_white():
    rgba = Image.new("RGBA", (4, 1))
    rgba.putdata([(255, 0, 0, 255), (255, 0, 0, 0), (0, 0, 0, 128), (0, 0, 255, 255)])
    expected = [[255, 0, 0], [255, 255, 255], [127, 127, 127], [0, 0, 255]]
    assert np.abs(pixels(encoded(rgba, "PNG"))[0].astype(int) - expected).max() <= 1


def test_gray_with_alpha_lies_over_white():
    image = Image.new("LA", (3, 1))
    image.putdata([(10, 255), (10, 0), (200, 255)])
    assert pixels(encoded(image, "PNG"))[0].tolist() == [[10] * 3, [255] * 3, [200] * 3]


def test_a_transparent_palette_entry_and_color_become_white():
    palette = Image.new("P", (2, 1))
    palette.putpalette([255, 0, 0, 0, 255, 0])
    palette.putdata([0, 1])
    assert pixels(encoded(palette, "PNG"))[0].tolist() == [[255, 0, 0], [0, 255, 0]]
    assert pixels(encoded(palette, "PNG", transparency=1))[0].tolist() == [[255, 0, 0], [255, 255, 255]]
    assert pixels(encoded(palette, "GIF", transparency=0))[0].tolist() == [[255, 255, 255], [0, 255, 0]]
    keyed = Image.new("RGB", (2, 1), GREEN)
    keyed.putpixel((0, 0), RED)
    assert pixels(encoded(keyed, "PNG", transparency=RED))[0].tolist() == [[255, 255, 255], list(GREEN)]


def test_cmyk_gray_and_one_bit():
    cmyk = plain(RED).convert("CMYK")
    assert np.abs(pixels(encoded(cmyk, "JPEG", quality=95)).astype(int) - RED).max() <= 6
    assert np.abs(pixels(encoded(cmyk, "JPEG", quality=95), at_least=8).astype(int) - RED).max() <= 6
    assert (pixels(encoded(Image.new("L", (5, 4), 77), "PNG")) == 77).all()
    assert np.abs(pixels(encoded(Image.new("L", (64, 64), 77), "JPEG"), at_least=8).astype(int) - 77).max() <= 1
    bits = Image.new("1", (2, 1))
    bits.putpixel((1, 0), 1)
    assert pixels(encoded(bits, "PNG"))[0].tolist() == [[0] * 3, [255] * 3]
    assert pixels(encoded(bits, "TIFF"))[0].tolist() == [[0] * 3, [255] * 3]


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_16_bit_gray_is_scaled_not_clipped(kind):
    values = np.array([[0, 257, 32768, 65535, 12345]], np.uint16)
    expected = np.round(values / 257).astype(int)
    actual = pixels(encoded(Image.fromarray(values), kind))
    assert np.array_equal(actual[..., 0], expected)


def test_32_bit_floats_are_refused():
    data = encoded(Image.fromarray(np.full((4, 4), np.nan, np.float32)), "TIFF")
    with pytest.raises(ImageError, match="32-bit floats, whose range is not known; expected 8 or 16 bits"):
        load_image(data)


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_the_first_frame_counts(kind):
    frames = [plain(RED), plain(GREEN), plain(BLUE)]
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
    assert Image.open(io.BytesIO(data)).n_frames == 3
    assert np.abs(pixels(data).astype(int) - RED).max() <= 2


@pytest.mark.parametrize(
    ("size", "at_least", "expected"),
    [
        ((1600, 1200), None, (1600, 1200)),
        ((1600, 1200), 1200, (1600, 1200)),
        ((1600, 1200), 512, (800, 600)),
        ((1600, 1200), 300, (400, 300)),
        ((1600, 1200), 128, (200, 150)),
        ((1600, 1200), 10, (200, 150)),
        ((1601, 1201), 512, (801, 601)),
    ],
)
def test_a_jpeg_is_decoded_at_the_smallest_fraction_that_serves(size, at_least, expected):
    assert decode_image(encoded(scene(*size), "JPEG"), at_least=at_least).image.size == expected


def test_a_fraction_of_a_jpeg_looks_like_the_whole_one_and_stands_upright():
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(scene(1600, 1200), "JPEG", quality=95, exif=exif)
    small = decode_image(data, at_least=300).image
    assert small.size == (300, 400)
    whole = load_image(data).resize(small.size, Image.Resampling.BOX)
    difference = np.abs(np.asarray(small).astype(int) - np.asarray(whole).astype(int))
    assert difference.mean() < 1
    assert np.percentile(difference, 99) <= 8


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_fraction_knows_where_the_picture_ends(orientation):
    """A side that the fraction does not divide must not stretch the picture, whichever way it was turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(1603, 1205), "JPEG", quality=95, subsampling=0, exif=exif)
    preprocess = Preprocess(96, 96, resize_to=128, kernel="bicubic")
    decoded = decode_image(data, at_least=preprocess.decode_side)
    assert sorted(decoded.image.size) == [302, 401]
    left, top, right, bottom = decoded.box
    assert sorted([right - left, bottom - top]) == [301.25, 400.75]
    fast = preprocess.apply(decoded.image, box=decoded.box).astype(int)
    exact = preprocess.apply(load_image(data)).astype(int)
    assert np.abs(fast - exact).mean() < 0.5
    assert np.percentile(np.abs(fast - exact), 99) <= 3


def test_extreme_shapes_load():
    for size in ((1, 1), (1, 10_000), (10_000, 1)):
        for kind in ("PNG", "JPEG"):
            assert decode_image(encoded(plain(RED, size), kind), at_least=64).image.size == size


@pytest.mark.parametrize(
    ("source", "message"),
    [
        (b"", "got 0 bytes; expected the content of a picture file"),
        (b"this is text, whatever its name", "is not a picture; expected JPEG, PNG, WebP"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 1 1\n", "is not a picture"),
        (encoded(scene(200, 200), "JPEG")[:-800], "could not be decoded: image file is truncated"),
        (encoded(scene(200, 200), "PNG")[:-2000], "could not be decoded"),
        (encoded(scene(20, 20), "JPEG")[:40], "is not a picture|could not be decoded"),
        (huge_png(), "is too large to decode: Image size .2500000000 pixels. exceeds limit"),
        (np.zeros((4, 4, 3), np.float32), "got an array of float32; expected uint8"),
        (np.full((4, 4, 3), np.nan), "got an array of float64; expected uint8"),
        (np.zeros((4, 4), np.uint8), r"got an array of shape \(4, 4\)"),
        (17, "got int; expected a path, bytes, an open file"),
        (None, "got NoneType; expected a path"),
        ("absent.jpg", "absent.jpg cannot be read: No such file or directory"),
        ("a\0b.jpg", "could not be decoded|cannot be read"),
        ("x" * 5000, "File name too long"),
    ],
    ids=str,
)
def test_what_is_no_picture_says_so(source, message):
    with pytest.raises(ImageError, match=message):
        load_image(source)


def test_files_that_cannot_be_pictures_are_named(tmp_path):
    (tmp_path / "empty.jpg").touch()
    with pytest.raises(ImageError, match=r"empty\.jpg is empty; expected a picture file"):
        load_image(tmp_path / "empty.jpg")
    with pytest.raises(ImageError, match=r"is a folder; expected a picture file"):
        load_image(tmp_path)
    (tmp_path / "text.jpg").write_text("text")
    with pytest.raises(ImageError, match=r"text\.jpg is not a picture"):
        load_image(tmp_path / "text.jpg")


def test_an_unreadable_file_is_named(tmp_path):
    path = tmp_path / "locked.png"
    path.write_bytes(encoded(plain(RED), "PNG"))
    path.chmod(0)
    if os.access(path, os.R_OK):
        pytest.skip("this user reads every file, whatever its permissions")
    with pytest.raises(ImageError, match=r"locked\.png cannot be read: Permission denied"):
        load_image(path)


def test_a_descriptor_opened_as_a_file_gets_a_name_of_text(tmp_path):
    path = tmp_path / "broken.png"
    path.write_bytes(b"no picture")
    with os.fdopen(os.open(path, os.O_RDONLY), "rb") as file, pytest.raises(ImageError, match="is not a picture"):
        load_image(file)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "WEBP", "TIFF", "BMP", "PPM"])
def test_damaged_files_give_an_image_error_or_a_picture(kind):
    data = encoded(scene(40, 30), kind)
    random = np.random.default_rng(0)
    for _ in range(60):
        damaged = bytearray(data)
        for position in random.integers(0, len(data), 4):
            damaged[position] = random.integers(256)
        try:
            assert decode_image(bytes(damaged[: random.integers(1, len(data) + 1)]), at_least=16).image.mode == "RGB"
        except ImageError as error:
            assert "\n" not in str(error)
