"""Small pictures of every format and layout that Pillow writes, as bytes, to be mutated or read."""

import io
import struct
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np
from PIL import Image, features

__all__ = ["base_pictures", "interlaced_png", "png_chunk", "raw_png"]

_SIZE = (96, 64)  # width, height
_JPEGS: dict[str, tuple[str, dict[str, Any]]] = {
    "baseline": ("RGB", {}),
    "progressive": ("RGB", {"progressive": True}),
    "cmyk": ("CMYK", {}),
    "gray": ("L", {}),
    "restarts": ("RGB", {"restart_marker_rows": 1}),
    "420": ("RGB", {"subsampling": 2}),
    "444": ("RGB", {"subsampling": 0}),
}
_TIFFS = ("raw", "packbits", "tiff_lzw", "tiff_adobe_deflate")
_TIFF_MODES = ("1", "L", "P", "LA", "RGB", "RGBA", "CMYK", "YCbCr", "LAB", "I;16", "I", "F")


def base_pictures(seed: int = 0) -> dict[str, bytes]:
    """A small picture of every layout by name; the same bytes for the same seed and Pillow."""
    return dict(_all(_scene(seed)))


def raw_png(width: int, height: int, *, depth: int, kind: int, rows: bytes, extra: bytes = b"") -> bytes:
    """A PNG put together by hand: `rows` are filtered scan lines, `extra` chunks go before them."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, kind, 0, 0, 0))
    return b"\x89PNG\r\n\x1a\n" + header + extra + png_chunk(b"IDAT", zlib.compress(rows, 9)) + png_chunk(b"IEND", b"")


def png_chunk(kind: bytes, data: bytes) -> bytes:
    """One PNG chunk with its length and check sum."""
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def interlaced_png(pixels: np.ndarray) -> bytes:
    """`(H, W, 3)` uint8 as an Adam7-interlaced PNG, which Pillow reads but does not write."""
    height, width = pixels.shape[:2]
    passes = [(0, 0, 8, 8), (0, 4, 8, 8), (4, 0, 8, 4), (0, 2, 4, 4), (2, 0, 4, 2), (0, 1, 2, 2), (1, 0, 2, 1)]
    parts = [pixels[top::down, left::right] for top, left, down, right in passes]
    rows = b"".join(b"\0" + row.tobytes() for part in parts if part.size for row in part)
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 1))
    return b"\x89PNG\r\n\x1a\n" + header + png_chunk(b"IDAT", zlib.compress(rows)) + png_chunk(b"IEND", b"")


def _scene(seed: int) -> Image.Image:
    """A picture with edges and gradients, so that every coder has something to do."""
    random = np.random.default_rng(seed)
    width, height = _SIZE
    rows, columns = np.mgrid[:height, :width]
    pixels = np.stack([columns * 2, rows * 3, (rows + columns) % 256], axis=-1)
    pixels[20:40, 30:70] = random.integers(0, 256, 3)
    return Image.fromarray(np.clip(pixels + random.integers(-8, 8, pixels.shape), 0, 255).astype(np.uint8))


def _all(scene: Image.Image) -> Iterator[tuple[str, bytes]]:
    for name, (mode, settings) in _JPEGS.items():
        yield f"jpeg-{name}", _save(scene.convert(mode), "JPEG", **settings)
    exif = Image.Exif()
    exif[0x0112], exif[0x010E] = 6, "a description"
    yield "jpeg-exif", _save(scene, "JPEG", exif=exif)
    yield "mpo", _save(scene, "MPO", save_all=True, append_images=[scene])
    yield from _pngs(scene, exif)
    for lossless in (False, True):
        yield f"webp-{'lossless' if lossless else 'lossy'}", _save(scene.convert("RGBA"), "WEBP", lossless=lossless)
    yield "webp-animated", _save(scene, "WEBP", save_all=True, append_images=[scene.rotate(90)])
    yield "gif", _save(scene.convert("P"), "GIF")
    yield "gif-animated", _save(scene.convert("P"), "GIF", save_all=True, append_images=[scene.rotate(9).convert("P")])
    for mode in ("1", "L", "P", "RGB", "RGBA"):
        yield f"bmp-{mode}", _save(scene.convert(mode), "BMP")
    yield "dib", _save(scene, "DIB")
    yield "ico", _save(scene.resize((64, 64)), "ICO", sizes=[(32, 32), (64, 64)])
    yield "ico-bmp", _save(scene.resize((32, 32)), "ICO", sizes=[(32, 32)], bitmap_format="bmp")
    for mode in ("1", "L", "RGB", "I;16", "I"):
        yield f"ppm-{mode}", _save(_as_mode(scene, mode), "PPM")
    for mode in _TIFF_MODES:
        extra = ("group3", "group4") if mode == "1" else ("jpeg",) if mode in ("L", "RGB", "YCbCr") else ()
        for compression in _TIFFS + extra:
            data = _try(_as_mode(scene, mode), "TIFF", compression=compression)
            if data is not None:
                yield f"tiff-{mode}-{compression}", data
    yield "tiff-pages", _save(scene, "TIFF", save_all=True, append_images=[scene])
    yield "tiff-exif", _save(scene, "TIFF", exif=exif)
    if features.check("avif"):
        yield "avif", _save(scene, "AVIF")
    if features.check("jpg_2000"):
        for mode in ("L", "RGB", "RGBA", "I;16"):
            yield f"jp2-{mode}", _save(_as_mode(scene, mode), "JPEG2000")
        yield "j2k", _save(scene, "JPEG2000", no_jp2=True)
    for kind in ("TGA", "PCX", "SGI", "DDS", "QOI", "XBM"):
        data = _try(scene.convert("1") if kind == "XBM" else scene, kind)
        if data is not None:
            yield kind.lower(), data


def _pngs(scene: Image.Image, exif: Image.Exif) -> Iterator[tuple[str, bytes]]:
    for bits in (1, 2, 4, 8):
        yield f"png-palette-{bits}", _save(scene.quantize(1 << bits), "PNG", bits=bits)
        yield f"png-transparent-{bits}", _save(scene.quantize(1 << bits), "PNG", bits=bits, transparency=0)
    for mode in ("1", "L", "LA", "RGB", "RGBA", "I;16"):
        yield f"png-{mode}", _save(_as_mode(scene, mode), "PNG")
    yield "png-gray-trns", _save(scene.convert("L"), "PNG", transparency=7)
    yield "png-rgb-trns", _save(scene, "PNG", transparency=(1, 2, 3))
    yield "png-exif", _save(scene, "PNG", exif=exif)
    yield "apng", _save(scene, "PNG", save_all=True, append_images=[scene.rotate(90)])
    pixels = np.asarray(scene)
    yield "png-interlaced", interlaced_png(pixels)
    for kind, channels in ((0, 1), (2, 3), (4, 2), (6, 4)):
        values = np.repeat(pixels[..., :1].astype(">u2") * 257, channels, axis=2)
        rows = b"".join(b"\0" + row.tobytes() for row in values)
        yield f"png-16-{kind}", raw_png(*_SIZE, depth=16, kind=kind, rows=rows)


def _as_mode(scene: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.asarray(scene.convert("L")).astype(np.uint16) * 257)
    if mode == "I":
        return Image.fromarray(np.asarray(scene.convert("L")).astype(np.int32) * 257)
    return scene.convert(mode)


def _save(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()


def _try(image: Image.Image, kind: str, **settings: Any) -> bytes | None:
    """As `_save`, or None where the format does not hold such a picture."""
    try:
        return _save(image, kind, **settings)
    except (OSError, ValueError, KeyError, RuntimeError):
        return None
