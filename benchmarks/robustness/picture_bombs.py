"""Small files that unfold to large pictures, of every format: what decoding and preparing them takes.

python benchmarks/robustness/picture_bombs.py --side 8000 --memory 500 --seconds 2 --output bombs.md
"""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

from base_pictures import png_chunk, raw_png
from limits import run_cases
from outcomes import Case, Report
from PIL import Image, features
from tables import finish, limits_of, markdown, options

__all__ = ["bombs"]

# Name: bit depth, color type, channels.
_PNGS = {
    "gray1": (1, 0, 1),
    "palette1": (1, 3, 1),
    "palette8": (8, 3, 1),
    "gray8": (8, 0, 1),
    "gray16": (16, 0, 1),
    "gray-alpha8": (8, 4, 2),
    "gray-alpha16": (16, 4, 2),
    "rgb8": (8, 2, 3),
    "rgb16": (16, 2, 3),
    "rgba8": (8, 6, 4),
    "rgba16": (16, 6, 4),
}
_TIFFS = {"L": "tiff_lzw", "RGB": "tiff_adobe_deflate", "RGBA": "tiff_adobe_deflate", "CMYK": "tiff_lzw"}
_TIFFS |= {"I;16": "tiff_adobe_deflate", "1": "group4", "LA": "tiff_lzw"}


def bombs(side: int) -> Iterator[tuple[str, bytes]]:
    """Name and bytes of files of `side` × `side` pixels, whole and well-formed, most of them far below 1 MB."""
    yield from _pngs(side)
    gray, color, clear = (Image.new(mode, (side, side)) for mode in ("L", "RGB", "RGBA"))
    for progressive in (False, True):
        for mode in ("L", "RGB", "CMYK"):
            name = f"jpeg-{mode}{'-progressive' * progressive}"
            yield name, _save(Image.new(mode, (side, side)), "JPEG", progressive=progressive, subsampling=0)
    yield "gif", _save(gray, "GIF")
    yield "gif-transparent", _save(gray.convert("P"), "GIF", transparency=0)
    yield "bmp-rle8", _bmp_rle8(side)
    yield "ico-png", _ico(_save(clear, "PNG"))
    for mode, compression in _TIFFS.items():
        picture = Image.new(mode, (side, side))
        for name, rows in (("strips", 16), ("one-strip", side)):
            try:
                tiff = _save(picture, "TIFF", compression=compression, tiffinfo={278: rows}, strip_size=1 << 31)
            except (OSError, ValueError):
                continue
            yield f"tiff-{mode}-{name}", tiff
    yield "tiff-jpeg", _save(color, "TIFF", compression="jpeg")
    yield "tiff-shared-strips", _tiff_shared(side)
    yield "tiff-large-tile", _tiff_tile(side)
    if side <= 16383:
        yield "webp-lossless", _save(color, "WEBP", lossless=True, method=0, quality=0)
        yield "webp-lossless-alpha", _save(clear, "WEBP", lossless=True, method=0, quality=0, exact=True)
    if features.check("jpg_2000"):
        yield "jp2-one-tile", _save(color, "JPEG2000")
        yield "jp2-tiles", _save(clear, "JPEG2000", tile_size=(512, 512))
    if features.check("avif"):
        yield "avif", _save(color, "AVIF", speed=10)


def _pngs(side: int) -> Iterator[tuple[str, bytes]]:
    palette = png_chunk(b"PLTE", bytes(6))
    transparency = {0: b"\0\1", 2: b"\0\1\0\1\0\1", 3: b"\0\x80"}
    for name, (depth, kind, channels) in _PNGS.items():
        rows = (b"\0" * (1 + (side * depth * channels + 7) // 8)) * side
        colors = palette if kind == 3 else b""
        yield f"png-{name}", raw_png(side, side, depth=depth, kind=kind, rows=rows, extra=colors)
        if kind in transparency:
            extra = colors + png_chunk(b"tRNS", transparency[kind])
            yield f"png-{name}-trns", raw_png(side, side, depth=depth, kind=kind, rows=rows, extra=extra)
    adam7 = [(8, 8), (8, 8), (4, 8), (4, 4), (2, 4), (2, 2), (1, 2)]
    rows = b"".join((b"\0" * (1 + -(-side // across) * 3)) * -(-side // down) for across, down in adam7)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 1))
    data = png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b"")
    yield "png-rgb8-interlaced", b"\x89PNG\r\n\x1a\n" + header + data


def _bmp_rle8(side: int) -> bytes:
    row = b"\xff\0" * (side // 255) + bytes([side % 255, 0]) + b"\0\0"
    body = row * side + b"\0\1"
    palette = bytes(256 * 4)
    start = 14 + 40 + len(palette)
    info = struct.pack("<IiiHHIIiiII", 40, side, side, 1, 8, 1, len(body), 0, 0, 256, 0)
    return b"BM" + struct.pack("<IHHI", start + len(body), 0, 0, start) + info + palette + body


def _ico(png: bytes) -> bytes:
    """An icon that claims 16 × 16 pixels and holds what it likes."""
    return struct.pack("<HHH", 0, 1, 1) + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(png), 22) + png


def _tiff_shared(side: int) -> bytes:
    """Uncompressed gray whose strips are all the same row."""
    offsets = struct.pack("<I", 8) * side
    counts = struct.pack("<I", side) * side
    row = bytes(side)
    entries = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (278, 1)]
    start = 8 + len(row)
    body = row + offsets + counts
    return _tiff([*entries, (273, start, side), (279, start + len(offsets), side)], body)


def _tiff_tile(side: int) -> bytes:
    """A picture of 64 × 64 pixels inside one tile of `side` × `side`."""
    side -= side % 16
    body = zlib.compress(bytes(side * side), 9)
    entries = [(256, 64), (257, 64), (258, 8), (259, 8), (262, 1), (322, side), (323, side)]
    return _tiff([*entries, (324, 8), (325, len(body))], body)


def _tiff(entries: list[Any], body: bytes) -> bytes:
    directory = b"".join(
        struct.pack("<HHII", entry[0], 4, entry[2] if len(entry) > 2 else 1, entry[1]) for entry in sorted(entries)
    )
    body += bytes(len(body) % 2)
    return b"II*\0" + struct.pack("<I", 8 + len(body)) + body + struct.pack("<H", len(entries)) + directory + bytes(4)


def _save(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def prepare_bomb(case: Case) -> str:
    """Take a file all the way to the pixels of a network of 224 × 224."""
    from edgecnn_runtime import Preprocess, prepare

    return str(prepare(case.data, Preprocess(224, 224, resize_to=256)).shape)


def main() -> None:
    parser = options(__doc__, count=1, seconds=2.0)
    parser.set_defaults(memory=500.0)
    parser.add_argument("--side", type=int, default=8000, help="pixels of each side")
    parser.add_argument("--only", default="", help="names that hold this text")
    arguments = parser.parse_args()
    limits, warm = limits_of(arguments), Case("warm", "prepare", _save(Image.new("RGB", (300, 300)), "WEBP"))
    reports: list[Report] = []
    for name, data in bombs(arguments.side):
        if arguments.only in name:
            # A process for each, as memory that one case gave back hides what the next one takes.
            reports += run_cases([Case(name, "prepare", data)], prepare_bomb, limits, warm=warm)
    rows = [
        [r.case.name, len(r.case.data) // 1000, f"{r.grown_mib * 1.048576:.0f}", f"{r.seconds:.1f}", r.outcome]
        for r in reports
    ]
    print(markdown(["file", "kB", "MB", "s", "outcome"], rows))
    finish(arguments, reports, title=f"small files of {arguments.side} × {arguments.side} pixels")


if __name__ == "__main__":
    main()
