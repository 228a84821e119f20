import io
import re
import struct
import subprocess
import sys
import zlib

import pytest
from edgecnn_runtime import Classifier, ImageError, OptionError, Preprocess, load_image, prepare
from PIL import Image
from support.models import packed
from support.pictures import encoded, scene, tiff

SIDE = 4000
PEAK = """
import resource, sys
from edgecnn_runtime import Preprocess, prepare
from PIL import Image
Image.init()
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
prepare(sys.argv[1], Preprocess(224, 224))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) * 1024)
"""


def png(side: int, *, depth: int, kind: int, channels: int, extra: bytes = b"") -> bytes:
    rows = (b"\0" * (1 + (side * depth * channels + 7) // 8)) * side
    header = _chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + _chunk(b"IDAT", zlib.compress(rows)) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def icon_of(data: bytes) -> bytes:
    """An icon that claims 16 × 16 pixels."""
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(data), 22) + data


PALETTE = _chunk(b"PLTE", bytes(6))
KINDS = {
    "gray16": {"depth": 16, "kind": 0, "channels": 1},
    "rgba": {"depth": 8, "kind": 6, "channels": 4},
    "gray-alpha16": {"depth": 16, "kind": 4, "channels": 2},
    "palette1-transparent": {"depth": 1, "kind": 3, "channels": 1, "extra": PALETTE + _chunk(b"tRNS", b"\0\x80")},
}
PREPROCESS = Preprocess(224, 224)


@pytest.mark.skipif(sys.platform != "linux", reason="peak memory is read as Linux tells it")
@pytest.mark.parametrize("kind", KINDS)
def test_a_large_picture_takes_what_was_told_from_its_header(kind, tmp_path):
    path = tmp_path / "large.png"
    path.write_bytes(png(SIDE, **KINDS[kind]))
    assert path.stat().st_size < 200_000
    done = subprocess.run([sys.executable, "-c", PEAK, path], capture_output=True, text=True, check=True)
    taken_mb = int(done.stdout) / 1e6
    with pytest.raises(ImageError, match="would take") as caught:
        prepare(path, PREPROCESS, max_memory_mb=1)
    told_mb = int(re.search(r"max_memory_mb=(\d+)", str(caught.value))[1])
    assert told_mb < 9 * SIDE * SIDE / 1e6
    assert taken_mb < told_mb + 16


def test_small_files_that_unfold_to_gigabytes_are_refused_before_they_are_decoded():
    gray, color = (png(13_000, depth=depth, kind=kind, channels=0) for depth, kind in ((16, 0), (8, 6)))
    for data in (gray, icon_of(color)):
        with pytest.raises(
            ImageError, match=r"its 13000 × 13000 pixels would take \d+ MB, and the limit is 500 MB; make"
        ):
            load_image(data)


def test_the_limit_can_be_raised_and_lowered(tmp_path):
    data = encoded(scene(1000, 1000).convert("RGBA"), "PNG")
    sentence = "too large to decode: its 1000 × 1000 pixels would take 9 MB, and the limit is 8 MB; .* max_memory_mb=9"
    for call in (
        lambda **limit: load_image(data, **limit).size,
        lambda **limit: prepare(data, PREPROCESS, **limit).shape,
        lambda **limit: Classifier(packed(), device="cpu", **limit)(data).label,
    ):
        assert call(max_memory_mb=9)
        with pytest.raises(ImageError, match=sentence):
            call(max_memory_mb=8)
        with pytest.raises(OptionError, match="max_memory_mb is 0; expected a whole number"):
            call(max_memory_mb=0)


def test_a_picture_that_the_caller_opened_counts_until_it_is_decoded():
    for kind in ("PNG", "WEBP", "TIFF"):
        opened = Image.open(io.BytesIO(encoded(scene(1000, 1000), kind)))
        with pytest.raises(ImageError, match=f"{kind.title() if kind != 'WEBP' else 'WebP'}ImageFile> is too large"):
            load_image(opened, max_memory_mb=2)
        opened.load()
        assert load_image(opened, max_memory_mb=2).size == (1000, 1000)


def test_a_jpeg_counts_by_the_fraction_that_is_decoded():
    data = encoded(scene(3000, 2000), "JPEG")
    assert prepare(data, PREPROCESS, max_memory_mb=2).shape == (224, 224, 3)
    with pytest.raises(ImageError, match="would take 25 MB"):
        prepare(data, PREPROCESS, exact=True, max_memory_mb=2)
    # All its coefficients are kept until the last scan came, whatever the fraction.
    with pytest.raises(ImageError, match="would take 39 MB"):
        prepare(encoded(scene(3000, 2000), "JPEG", progressive=True, subsampling=0), PREPROCESS, max_memory_mb=2)


def test_a_jpeg_of_one_channel_after_another_counts_as_a_progressive_one():
    data = encoded(scene(3000, 2000), "JPEG")
    scan = data.rindex(b"\xff\xda")
    one_channel = data[:scan] + b"\xff\xda\0\x08\1\1\0\0\x3f\0" + data[scan + 14 :]
    with pytest.raises(ImageError, match="would take 39 MB"):
        prepare(one_channel, PREPROCESS, max_memory_mb=2)


def test_the_copy_for_turning_a_picture_counts():
    exif = Image.Exif()
    exif[0x0112] = 6
    for kind in ("PNG", "TIFF"):
        assert load_image(encoded(scene(1000, 1000), kind), max_memory_mb=5)
        with pytest.raises(ImageError, match="would take 9 MB"):
            load_image(encoded(scene(1000, 1000), kind, exif=exif), max_memory_mb=5)


def test_a_tile_larger_than_the_picture_counts():
    tile = zlib.compress(bytes(16_000 * 16_000))
    data = tiff(64, 64, tile, t322=16_000, t323=16_000, t324=8, t325=len(tile), t259=8)
    with pytest.raises(ImageError, match=r"would take 262 MB"):
        load_image(data, max_memory_mb=200)


def test_a_jpeg_of_thousands_of_scans_is_refused():
    data = encoded(Image.new("L", (3000, 3000)), "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    scans = data[last:-2]
    assert prepare(data[:last] + 20 * scans + b"\xff\xd9", PREPROCESS).shape == (224, 224, 3)
    with pytest.raises(ImageError, match=r"3000 × 3000 pixels in 20\d\d scans, which would take too long to decode"):
        prepare(data[:last] + 2000 * scans + b"\xff\xd9", PREPROCESS)
