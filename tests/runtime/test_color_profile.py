import io

import numpy as np
import pytest
from edgecnn_runtime import Preprocess, load_image, prepare
from PIL import Image, ImageCms
from support.pictures import DISPLAY_P3, SRGB, encoded, icc_profile, scene

WIDE = icc_profile()


def in_display_p3(picture: Image.Image) -> Image.Image:
    wide = ImageCms.ImageCmsProfile(io.BytesIO(WIDE))
    return ImageCms.profileToProfile(picture, ImageCms.createProfile("sRGB"), wide, outputMode="RGB")


def far(actual, expected) -> int:
    return int(np.abs(np.asarray(actual).astype(int) - np.asarray(expected)).max())


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "WEBP"])
def test_a_wide_profile_is_converted_to_srgb(kind):
    picture = Image.blend(scene(60, 40), Image.new("RGB", (60, 40), (128, 128, 128)), 0.5)
    data = encoded(in_display_p3(picture), kind, icc_profile=WIDE, **({"lossless": True} if kind == "WEBP" else {}))
    assert far(Image.open(io.BytesIO(data)).convert("RGB"), picture) > 10
    assert far(load_image(data), picture) <= 2


def test_a_color_beyond_srgb_is_clipped():
    data = encoded(Image.new("RGB", (8, 8), (255, 0, 0)), "PNG", icc_profile=WIDE)
    assert far(load_image(data), (255, 0, 0)) <= 1


def test_the_conversion_is_the_textbooks():
    data = encoded(Image.new("RGB", (8, 8), (200, 60, 40)), "PNG", icc_profile=WIDE)
    encoded_light = np.array([200, 60, 40]) / 255
    light = ((encoded_light + 0.055) / 1.055) ** 2.4
    light = np.linalg.inv(np.transpose(SRGB)) @ np.transpose(DISPLAY_P3) @ light
    expected = 255 * (1.055 * light ** (1 / 2.4) - 0.055)
    assert np.asarray(load_image(data))[0, 0] == pytest.approx(expected, abs=1)


def test_a_fraction_of_a_jpeg_is_converted_too():
    picture = Image.blend(scene(1600, 1200), Image.new("RGB", (1600, 1200), (128, 128, 128)), 0.5)
    data = encoded(in_display_p3(picture), "JPEG", quality=95, subsampling=0, icc_profile=WIDE)
    preprocess = Preprocess(64, 64)
    assert np.abs(prepare(data, preprocess).astype(int) - preprocess.apply(picture)).mean() < 1
    assert np.abs(prepare(data, preprocess, exact=True).astype(int) - preprocess.apply(picture)).mean() < 1


def test_the_callers_picture_keeps_its_colors_and_is_converted_once():
    opened = Image.open(io.BytesIO(encoded(scene(60, 40), "PNG", icc_profile=WIDE)))
    before = np.asarray(opened).copy()
    converted = load_image(opened)
    assert np.array_equal(np.asarray(opened), before)
    assert opened.info["icc_profile"] == WIDE
    assert far(converted, before) > 10
    assert far(load_image(converted), converted) == 0
    assert far(load_image(opened.crop((0, 0, 60, 40))), converted) == 0


@pytest.mark.parametrize(
    "profile",
    [
        icc_profile(SRGB, "sRGB IEC61966-2.1"),
        icc_profile(SRGB, "c2"),
        ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes(),
        icc_profile(DISPLAY_P3, "gray", space=b"GRAY"),
        icc_profile(DISPLAY_P3, "ink", space=b"CMYK"),
        WIDE[:200],
        WIDE[:128] + bytes(300),
        b"no profile",
    ],
    ids=["sRGB", "sRGB of another name", "Little CMS's", "gray", "CMYK", "cut", "empty", "none"],
)
def test_other_profiles_leave_a_picture_as_it_is(profile):
    picture = scene(60, 40)
    assert far(load_image(encoded(picture, "PNG", icc_profile=profile)), picture) == 0


def test_a_wide_profile_is_not_taken_for_srgb_by_its_name():
    data = encoded(scene(60, 40), "PNG", icc_profile=icc_profile(description="sRGB Transfer with Display P3 Gamut"))
    assert far(load_image(data), scene(60, 40)) > 10


def test_transparent_pictures_are_converted_over_white():
    picture = scene(60, 40)
    picture.putalpha(Image.new("L", picture.size, 0))
    assert far(load_image(encoded(picture, "PNG", icc_profile=WIDE)), Image.new("RGB", (60, 40), (255, 255, 255))) == 0
    for size in ((60, 40), (900, 700)):
        opaque = load_image(encoded(scene(*size), "PNG", icc_profile=WIDE))
        assert far(load_image(encoded(scene(*size).convert("RGBA"), "PNG", icc_profile=WIDE)), opaque) == 0
