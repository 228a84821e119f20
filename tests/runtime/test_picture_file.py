import io
import os
import struct

import numpy as np
import pytest
from edgecnn_runtime import ImageError, load_image
from edgecnn_runtime.image import decode_image
from PIL import Image
from support.command import python
from support.pictures import BLUE, GREEN, RED, encoded, plain, scene, tiff


def pixels(source) -> np.ndarray:
    return np.asarray(load_image(source))


def bmp(pixel: int, masks: tuple[int, ...], *, bits: int = 32, header: int = 40, down: bool = True) -> bytes:
    """Two rows of one pixel: `pixel` below (or, from the top down, above) a black one."""
    body = struct.pack("<I", pixel) + struct.pack("<I", 0)
    fields = struct.pack("<IiiHHIIiiII", header, 1, -2 if down else 2, 1, bits, 3, len(body), 0, 0, 0, 0)
    fields += struct.pack(f"<{len(masks)}I", *masks)
    fields = fields.ljust(header, b"\0")
    start = 14 + len(fields)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + fields + body


@pytest.mark.parametrize("down", [True, False])
@pytest.mark.parametrize(
    ("pixel", "masks", "options", "expected"),
    [
        (0x00112233, (0xFF0000, 0xFF00, 0xFF), {}, (0x11, 0x22, 0x33)),
        (0x00112233, (0xFF, 0xFF00, 0xFF0000), {}, (0x33, 0x22, 0x11)),
        (0x00112233, (0xFF, 0xFF00, 0xFF0000, 0), {"header": 108}, (0x33, 0x22, 0x11)),
        (0x11223344, (0xFF000000, 0xFF0000, 0xFF00), {}, (0x11, 0x22, 0x33)),
        (0xFF112233, (0xFF, 0xFF00, 0xFF0000, 0xFF000000), {"header": 124}, (0x33, 0x22, 0x11)),
        (0x11223300, (0xFF000000, 0xFF0000, 0xFF00, 0xFF), {"header": 124}, (255, 255, 255)),
        (1023 << 20 | 512 << 10 | 256, (0x3FF00000, 0xFFC00, 0x3FF), {}, (255, 128, 64)),
        (0xF0A5, (0xF00, 0xF0, 0xF), {"bits": 16}, (0, 170, 85)),
        (0xF800, (0xF800, 0x7E0, 0x1F), {"bits": 16}, (255, 0, 0)),
    ],
)
def test_bit_fields_of_a_bmp_in_any_order(pixel, masks, options, expected, down):
    read = pixels(bmp(pixel, masks, down=down, **options))
    assert read.shape == (2, 1, 3)
    assert read[0 if down else 1, 0].tolist() == list(expected)


def test_a_bmp_of_bit_fields_that_ends_early_is_refused(tmp_path):
    (tmp_path / "cut.bmp").write_bytes(bmp(0, (0xFF, 0xFF00, 0xFF0000))[:-2])
    with pytest.raises(ImageError, match=r"cut\.bmp could not be decoded: image file is truncated"):
        load_image(tmp_path / "cut.bmp")


def test_icons_and_headless_bitmaps(tmp_path):
    icon = encoded(plain(RED, (64, 64)), "ICO", sizes=[(16, 16), (64, 64)])
    (tmp_path / "icon.ico").write_bytes(icon)
    for source in (icon, tmp_path / "icon.ico", io.BytesIO(icon)):
        read = pixels(source)
        assert read.shape == (64, 64, 3)
        assert (read == RED).all()
    assert (pixels(encoded(plain(GREEN, (32, 32)), "ICO", sizes=[(32, 32)], bitmap_format="bmp")) == GREEN).all()
    assert (pixels(encoded(plain(BLUE), "DIB")) == BLUE).all()
    with pytest.raises(ImageError, match="is not a picture"):
        load_image(b"\0\0\1\0" + bytes(40))


@pytest.mark.parametrize("brand", [b"heic", b"mif1"])
def test_heic_says_what_to_install(brand, tmp_path, monkeypatch):
    monkeypatch.delitem(Image.OPEN, "HEIF", raising=False)
    (tmp_path / "photo.heic").write_bytes(struct.pack(">I", 24) + b"ftyp" + brand + bytes(40))
    with pytest.raises(ImageError, match=r"photo\.heic is a HEIC .* pip install pillow-heif.*register_heif_opener\(\)"):
        load_image(tmp_path / "photo.heic")


def test_heic_is_read_where_the_program_registered_it(tmp_path, monkeypatch):
    pillow_heif = pytest.importorskip("pillow_heif", reason="pillow-heif reads HEIC")
    for table in ("OPEN", "ID", "SAVE", "SAVE_ALL", "EXTENSION", "MIME"):
        monkeypatch.setattr(Image, table, getattr(Image, table).copy())
    pillow_heif.register_heif_opener()
    scene(64, 48).save(tmp_path / "photo.heic", quality=90)
    expected = np.asarray(Image.open(tmp_path / "photo.heic"))
    for source in (tmp_path / "photo.heic", (tmp_path / "photo.heic").read_bytes()):
        assert np.array_equal(pixels(source), expected)


@pytest.mark.parametrize("tags", [{"t50706": 0x00000401}, {"t254": 1}])
def test_a_raw_photo_is_not_answered_from_its_preview(tags, tmp_path):
    (tmp_path / "photo.dng").write_bytes(tiff(4, 4, bytes(16), **tags))
    for source in (tmp_path / "photo.dng", Image.open(tmp_path / "photo.dng")):
        with pytest.raises(ImageError, match=r"photo\.dng is a raw photo .* a small preview .* expected the developed"):
            load_image(source)


def test_a_tiff_that_cannot_be_read_says_that_it_is_one():
    with pytest.raises(ImageError, match="a TIFF of a kind that cannot be read; expected 8 or 16 bits"):
        load_image(tiff(4, 4, bytes(16), t258=10))


def lossless_jpeg(value: int, size: int = 16) -> bytes:
    """One gray value, as a lossless JPEG of 8 bits: a difference, then no differences at all."""
    difference = value - 128
    category = difference.bit_length()
    codes = bytes([0, 2]) + bytes(14) + bytes([0, category])  # two codes of two bits: 00 and 01
    bits = f"01{difference:0{category}b}" + "00" * (size * size - 1)
    bits += "1" * (-len(bits) % 8)
    scan = bytes(int(bits[i : i + 8], 2) for i in range(0, len(bits), 8))

    def segment(marker: int, data: bytes) -> bytes:
        return bytes([0xFF, marker]) + struct.pack(">H", len(data) + 2) + data

    frame = struct.pack(">BHHBBBB", 8, size, size, 1, 1, 0x11, 0)
    return (
        b"\xff\xd8" + segment(0xC3, frame) + segment(0xC4, b"\0" + codes) + segment(0xDA, bytes([1, 1, 0, 1, 0, 0]))
        + scan + b"\xff\xd9"
    )  # fmt: skip


def test_a_lossless_jpeg_is_decoded_whole_where_no_fraction_can_be():
    data = lossless_jpeg(200)
    assert (pixels(data) == 200).all()
    reading, writing = os.pipe()
    os.write(writing, data)
    os.close(writing)
    with os.fdopen(reading, "rb") as pipe:
        decoded = decode_image(pipe, at_least=2)
    assert decoded.image.size == (16, 16)
    assert decoded.box == (0, 0, 16, 16)
    assert (np.asarray(decoded.image) == 200).all()


def test_a_large_picture_that_the_limit_allows_is_read_without_a_warning(tmp_path):
    path = tmp_path / "large.jpg"
    Image.new("L", (9500, 9500)).save(path)
    read = f"from edgecnn_runtime import Preprocess, prepare; prepare({str(path)!r}, Preprocess(32, 32, resize_to=32))"
    done = python("-c", read)
    assert (done.code, done.err) == (0, "")
