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
