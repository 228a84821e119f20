"""Pictures made in memory."""

import io
import struct
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

RED, GREEN, BLUE = (230, 20, 20), (20, 230, 20), (20, 20, 230)


def plain(color: tuple[int, int, int], size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A picture of one RGB color, `size` as (width, height)."""
    return Image.new("RGB", size, color)


def scene(width: int, height: int, seed: int = 0) -> Image.Image:
    """A smooth picture with edges in it, as photos have, different in all its corners."""
    random = np.random.default_rng(seed)
    coarse = Image.fromarray(random.integers(0, 256, (7, 9, 3), dtype=np.uint8))
    smooth = np.asarray(coarse.resize((width, height), Image.Resampling.BICUBIC)).copy()
    smooth[: max(1, height // 3), : max(1, width // 4)] = (250, 30, 30)
    smooth[-max(1, height // 5) :, -max(1, width // 2) :] = (10, 10, 200)
    return Image.fromarray(smooth)


def encoded(image: Image.Image, kind: str, **options: Any) -> bytes:
    """The bytes of a picture file."""
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


def save(image: Image.Image, path: Path, **options: Any) -> Path:
    """Write a picture, folders included."""
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path, **options)
    return path


def huge_png(side: int = 50_000) -> bytes:
    """A PNG whose header promises `side` × `side` pixels, and which holds next to nothing."""
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(bytes(1000))), (b"IEND", b"")]
    body = b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data)) for kind, data in chunks
    )
    return b"\x89PNG\r\n\x1a\n" + body


def with_orientation(image: Image.Image, kind: str, orientation: int, **options: Any) -> bytes:
    """The bytes of a picture file that is to be turned."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(image, kind, exif=exif, **options)


def tiff(width: int, height: int, data: bytes, **tags: int | tuple[int, int]) -> bytes:
    """An uncompressed TIFF put together by hand; `tags` are `t258=16` or, with their type, `t258=(3, 16)`."""
    entries = {256: width, 257: height, 258: 8, 259: 1, 262: 1, 273: 8, 277: 1, 278: height, 279: len(data)}
    entries |= {int(name[1:]): value for name, value in tags.items()}
    directory = b""
    for tag, value in sorted(entries.items()):
        kind, number = value if isinstance(value, tuple) else (4, value)
        directory += struct.pack("<HHI", tag, kind, 1) + struct.pack("<q", number)[:4]
    data += bytes(len(data) % 2)
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(entries)) + directory + bytes(4)


DISPLAY_P3 = ((0.51512, 0.24120, -0.00105), (0.29198, 0.69225, 0.04189), (0.15710, 0.06657, 0.78407))
SRGB = ((0.43607, 0.22249, 0.01392), (0.38515, 0.71687, 0.09708), (0.14307, 0.06061, 0.71410))


def icc_profile(primaries: Any = DISPLAY_P3, description: str = "Display P3", space: bytes = b"RGB ") -> bytes:
    """An ICC profile of sRGB's curve and other primaries (XYZ of red, green and blue, adapted to D50)."""
    text = description.encode("utf-16-be")
    curve = struct.pack(">4s4xHH", b"para", 3, 0) + _fixed(2.4, 1 / 1.055, 0.055 / 1.055, 1 / 12.92, 0.04045)
    white = (0.9642, 1.0, 0.8249)
    tags = {b"desc": struct.pack(">4s4xII2s2sII", b"mluc", 1, 12, b"en", b"US", len(text), 28) + text}
    tags[b"wtpt"] = b"XYZ " + bytes(4) + _fixed(*white)
    for letter, xyz in zip("rgb", primaries, strict=True):
        tags[f"{letter}XYZ".encode()] = b"XYZ " + bytes(4) + _fixed(*xyz)
        tags[f"{letter}TRC".encode()] = curve
    table, body, start = b"", b"", 128 + 4 + 12 * len(tags)
    for name, data in tags.items():
        table += struct.pack(">4sII", name, start + len(body), len(data))
        body += data + bytes(-len(data) % 4)
    head = struct.pack(">I4xI4s4s4s12x4s", start + len(body), 0x04300000, b"mntr", space, b"XYZ ", b"acsp")
    head = head.ljust(68, b"\0") + _fixed(*white)
    return head.ljust(128, b"\0") + struct.pack(">I", len(tags)) + table + body


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(value * 65536) for value in values))
