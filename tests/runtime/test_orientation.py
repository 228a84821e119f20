import io

import numpy as np
import pytest
from edgecnn_runtime import load_image
from PIL import Image, ImageOps
from support.pictures import encoded, scene, tiff, with_orientation

WAYS = {"TIFF": {}, "PNG": {}, "WEBP": {"lossless": True}}
SIDEWAYS = range(2, 9)


def differ(actual: Image.Image, expected: Image.Image) -> int:
    assert actual.size == expected.size
    return int(np.abs(np.asarray(actual).astype(int) - np.asarray(expected)).max())


@pytest.mark.parametrize("orientation", SIDEWAYS)
@pytest.mark.parametrize("kind", WAYS)
@pytest.mark.parametrize("loaded", [False, True], ids=["lazy", "loaded"])
def test_an_opened_picture_is_turned_once(kind, orientation, loaded):
    data = with_orientation(scene(48, 32), kind, orientation, **WAYS[kind])
    expected = load_image(data)
    assert expected.size == ((48, 32) if orientation < 5 else (32, 48))
    opened = Image.open(io.BytesIO(data))
    if loaded:
        opened.load()
    assert differ(load_image(opened), expected) == 0


@pytest.mark.parametrize("kind", ["JPEG", *WAYS])
@pytest.mark.parametrize("loaded", [False, True], ids=["lazy", "loaded"])
def test_what_was_derived_from_a_file_is_taken_as_it_stands(kind, loaded):
    data = with_orientation(scene(48, 32), kind, 6, **WAYS.get(kind, {"quality": 100, "subsampling": 0}))
    opened = Image.open(io.BytesIO(data))
    if loaded:
        opened.load()
    for derived in (
        opened.rotate(90, expand=True),
        opened.crop((0, 0, 20, 10)),
        opened.copy(),
        opened.resize((24, 16)),
        opened.transpose(Image.Transpose.ROTATE_270),
        opened.convert("RGB"),
        ImageOps.exif_transpose(opened),
        ImageOps.mirror(opened),
    ):
        assert differ(load_image(derived), derived.convert("RGB")) == 0


def test_what_was_changed_in_place_is_turned_while_its_tag_says_so():
    data = with_orientation(scene(48, 32), "JPEG", 6)
    small = Image.open(io.BytesIO(data))
    small.thumbnail((24, 24))
    assert load_image(small).size == (16, 24)
    turned = Image.open(io.BytesIO(data))
    ImageOps.exif_transpose(turned, in_place=True)
    assert load_image(turned).size == (32, 48)


def test_the_callers_picture_stays_as_it_was():
    opened = Image.open(io.BytesIO(with_orientation(scene(48, 32), "JPEG", 6)))
    load_image(opened)
    assert opened.size == (48, 32)
    assert opened.getexif()[0x0112] == 6


# Types of TIFF: 1 BYTE, 2 ASCII, 5 RATIONAL, 7 UNDEFINED, 10 SRATIONAL, 11 FLOAT.
@pytest.mark.parametrize("kind", [1, 2, 5, 7, 10, 11])
def test_an_orientation_of_an_odd_type_counts_as_upright(kind):
    pixels = np.arange(48 * 32, dtype=np.uint32).reshape(32, 48).astype(np.uint8)
    odd = tiff(48, 32, pixels.tobytes(), t274=(kind, 6))
    assert np.array_equal(np.asarray(load_image(odd))[..., 0], pixels)
    exif = b"Exif\0\0II*\0\x08\0\0\0" + odd[8 + pixels.size :]
    assert load_image(encoded(scene(48, 32), "JPEG", exif=exif)).size == (48, 32)
    assert load_image(Image.open(io.BytesIO(encoded(scene(48, 32), "JPEG", exif=exif)))).size == (48, 32)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize(
    "exif",
    [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"Exif\0\0no exif at all", b"Exif\0\0MM\0*\0\0\0\x08\xff\xff\0"],
)
def test_broken_exif_does_not_refuse_a_good_picture(kind, exif):
    assert load_image(encoded(scene(48, 32), kind, exif=exif)).size == (48, 32)


def test_a_broken_text_of_exif_in_a_png_does_not_refuse_it():
    from PIL.PngImagePlugin import PngInfo

    info = PngInfo()
    info.add_text("Raw profile type exif", "\nexif\n  12\nno hexadecimal\n", zip=True)
    assert load_image(encoded(scene(48, 32), "PNG", pnginfo=info)).size == (48, 32)
