import io
import struct
import zlib

import numpy as np
import pytest
from edgecnn_runtime import ImageError, load_image
from edgecnn_runtime.image import decode_image
from PIL import Image
from support.pictures import encoded, scene, tiff, with_orientation

BITS, PHOTOMETRIC, SAMPLE_FORMAT, LEAST, MOST = "t258", "t262", "t339", "t280", "t281"
SIGNED_LEAST, SIGNED_MOST = "t340", "t341"
SIGNED_16, SIGNED_32 = 8, 9  # types of tags
UNKNOWN = "integers, whose range is not known; expected 8 or 16 bits a channel"


def gray(source) -> list[int]:
    pixels = np.asarray(load_image(source))
    assert (pixels == pixels[..., :1]).all()
    return pixels[0, :, 0].tolist()


def gray_tiff(values, dtype, **tags) -> bytes:
    data = np.array(values, dtype)
    return tiff(len(values), 1, data.tobytes(), **({BITS: data.itemsize * 8} | tags))


def png(width, height, depth, rows, **chunks) -> bytes:
    kinds = [(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0))]
    kinds += [(name.encode(), data) for name, data in chunks.items()]
    kinds += [(b"IDAT", zlib.compress(rows)), (b"IEND", b"")]
    parts = (struct.pack(">I", len(d)) + k + d + struct.pack(">I", zlib.crc32(k + d)) for k, d in kinds)
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


def test_unsigned_16_bits_are_scaled_by_their_full_range():
    assert gray(gray_tiff([0, 257, 32768, 65535], "<u2")) == [0, 1, 128, 255]


def test_white_is_zero_in_an_x_ray():
    assert gray(gray_tiff([0, 257, 32768, 65535], "<u2", **{PHOTOMETRIC: 0})) == [255, 254, 127, 0]


@pytest.mark.parametrize("bits", [10, 12, 14])
def test_fewer_bits_in_16_are_scaled_by_the_largest_value_that_the_file_declares(bits):
    most = (1 << bits) - 1
    assert gray(gray_tiff([0, most // 3, most], "<u2", **{MOST: (3, most)})) == [0, 85, 255]
    assert gray(gray_tiff([0, most // 3, most], "<u2", **{MOST: (3, most), PHOTOMETRIC: 0})) == [255, 170, 0]
    assert gray(gray_tiff([100, most, 5], "<u2", **{LEAST: (3, 100), MOST: (3, most)})) == [0, 255, 0]


def test_12_bits_packed_into_bytes_are_scaled_by_their_full_range():
    packed = bytes([0x00, 0x0F, 0xFF, 0x80, 0x00, 0x00])  # 0x000, 0xFFF, 0x800, 0x000
    assert gray(tiff(4, 1, packed, **{BITS: 12})) == [0, 255, 128, 0]


def test_integers_of_an_unknown_range_are_refused():
    for values, dtype, kind in (([0, 1 << 31], "<u4", 1), ([-5, 70000], "<i4", 2), ([-5, 300], "<i2", 2)):
        with pytest.raises(ImageError, match=UNKNOWN):
            load_image(gray_tiff(values, dtype, **{SAMPLE_FORMAT: kind}))
    with pytest.raises(ImageError, match=f"8-bit signed {UNKNOWN}"):
        load_image(gray_tiff([-5, 30], "<i1", **{SAMPLE_FORMAT: 2}))


def test_integers_whose_range_the_file_declares_are_scaled_by_it():
    assert gray(gray_tiff([0, 1000, 2000, 9000], "<u4", **{MOST: 2000})) == [0, 128, 255, 255]
    signed = {SAMPLE_FORMAT: 2, SIGNED_LEAST: (SIGNED_16, -1000), SIGNED_MOST: (SIGNED_16, 1000)}
    assert gray(gray_tiff([-1000, 0, 1000, -3000], "<i2", **signed)) == [0, 128, 255, 0]
    signed |= {SIGNED_LEAST: (SIGNED_32, -70000), SIGNED_MOST: (SIGNED_32, 70000)}
    assert gray(gray_tiff([-70000, 0, 70000], "<i4", **signed)) == [0, 128, 255]


@pytest.mark.parametrize("tags", [{MOST: 0}, {LEAST: 9, MOST: 3}, {MOST: (2, 65)}, {MOST: (7, 9)}])
def test_a_range_that_makes_no_sense_is_none(tags):
    assert gray(gray_tiff([0, 65535], "<u2", **tags)) == [0, 255]


def test_a_16_bit_png_keeps_its_transparent_value():
    rows = b"\0" + struct.pack(">4H", 0, 257, 258, 65535)
    assert gray(png(4, 1, 16, rows)) == [0, 1, 1, 255]
    assert gray(png(4, 1, 16, rows, tRNS=struct.pack(">H", 257))) == [0, 255, 1, 255]
    assert gray(Image.open(io.BytesIO(png(4, 1, 16, rows, tRNS=struct.pack(">H", 257))))) == [0, 255, 1, 255]


@pytest.mark.parametrize("kind", ["PNG", "TIFF", "PPM", "JPEG2000"])
def test_an_opened_picture_is_scaled_as_its_file(kind):
    values = np.array([[0, 257, 32768, 65535, 12345]], np.uint16).repeat(8, axis=0)
    options = {"irreversible": False} if kind == "JPEG2000" else {}
    data = encoded(Image.fromarray(values), kind, **options)
    expected = np.round(values / 257).astype(int)
    for source in (data, Image.open(io.BytesIO(data))):
        assert np.array_equal(np.asarray(load_image(source))[..., 0], expected)


@pytest.mark.parametrize("picture", [scene(4, 4).convert("I"), Image.fromarray(np.ones((4, 4), np.uint16))])
def test_a_pillow_picture_of_many_bits_and_no_file_is_refused(picture):
    with pytest.raises(
        ImageError, match=f"mode {picture.mode}, whose range is not known without its file; expected mode L"
    ):
        load_image(picture)


def test_a_picture_of_many_bits_is_turned_upright_too():
    values = np.array([[0, 257, 32768], [65535, 12345, 514]], np.uint16)
    for kind in ("PNG", "TIFF"):
        data = with_orientation(Image.fromarray(values), kind, 6)
        for source in (data, Image.open(io.BytesIO(data))):
            assert np.array_equal(np.asarray(load_image(source))[..., 0], np.rot90(np.round(values / 257), -1))


def test_floats_are_refused_before_they_are_decoded():
    floats = Image.fromarray(np.ones((4, 4), np.float32))
    for source in (floats, encoded(floats, "TIFF"), encoded(floats, "TIFF")[:-4]):
        with pytest.raises(ImageError, match="32-bit floats, whose range is not known; expected 8 or 16 bits"):
            load_image(source)


def test_bands_of_a_large_picture_fit_together():
    values = (np.arange(700 * 1500, dtype=np.uint32).reshape(1500, 700) * 7).astype(np.uint16)
    large = np.asarray(decode_image(encoded(Image.fromarray(values), "PNG")).image)
    assert np.array_equal(large[..., 1], np.round(values / 257))
    alpha = Image.merge("RGBA", (*scene(700, 1500).split(), scene(700, 1500, seed=1).getchannel(0)))
    white = Image.new("RGBA", alpha.size, (255, 255, 255, 255))
    expected = Image.alpha_composite(white, alpha).convert("RGB")
    assert np.array_equal(np.asarray(load_image(encoded(alpha, "PNG"))), np.asarray(expected))
