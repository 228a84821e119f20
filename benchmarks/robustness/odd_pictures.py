"""Pictures that are well-formed and rare: integer gray in TIFF, and odd EXIF."""

import io
import struct
from typing import Any

import numpy as np
from base_pictures import png_chunk, raw_png
from PIL import Image

__all__ = ["odd_pictures"]


def odd_pictures() -> dict[str, bytes]:
    """Rare pictures by name."""
    ramp = np.tile(np.linspace(0, 1, 64), (48, 1))
    found: dict[str, bytes] = {}
    for bits in (8, 10, 12, 14, 16):
        values = np.rint(ramp * (2**bits - 1)).astype(np.uint16)
        found[f"tiff-gray-max{bits}"] = gray_tiff(values, largest=2**bits - 1)
    sixteen, thirty_two = np.rint(ramp * 65535), np.rint(ramp * (2**31 - 1))
    found["tiff-gray-white-is-zero"] = gray_tiff(sixteen.astype(np.uint16), photometric=0)
    found["tiff-gray-signed16"] = gray_tiff((sixteen - 32768).astype(np.int16), signed=True)
    found["tiff-gray-signed32"] = gray_tiff(thirty_two.astype(np.int32), signed=True)
    found["tiff-gray-unsigned32"] = gray_tiff(np.rint(ramp * (2**32 - 1)).astype(np.uint32))
    found["tiff-gray-0-255-in-32"] = gray_tiff(np.rint(ramp * 255).astype(np.int32), signed=True, largest=255)
    scene = Image.fromarray(np.stack([ramp * 255, ramp[:, ::-1] * 255, ramp * 128], axis=2).astype(np.uint8))
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        found[f"jpeg-orientation-{orientation}"] = _save(scene, "JPEG", exif=exif)
        found[f"png-orientation-{orientation}"] = _save(scene, "PNG", exif=exif)
        found[f"webp-orientation-{orientation}"] = _save(scene, "WEBP", exif=exif, lossless=True)
        found[f"tiff-orientation-{orientation}"] = _save(scene, "TIFF", exif=exif)
    for name, kind, value in (("byte", 1, b"\x06\0\0\0"), ("text", 2, b"6\0\0\0"), ("undefined", 7, b"\x06\0\0\0"),
                              ("rational", 5, struct.pack("<I", 38)), ("long", 4, b"\x06\0\0\0")):  # fmt: skip
        entry = struct.pack("<HHHI", 1, 0x0112, kind, 1) + value + bytes(4)
        found[f"jpeg-orientation-as-{name}"] = _with_exif(scene, b"II*\0\x08\0\0\0" + entry + struct.pack("<II", 6, 0))
    for name, block in (("cut", b"II*\0\x08"), ("noise", bytes(range(256))), ("empty", b"")):
        found[f"jpeg-exif-{name}"] = _with_exif(scene, block)
    rows = b"".join(b"\0" + row.tobytes() for row in sixteen.astype(">u2"))
    extra = png_chunk(b"tRNS", struct.pack(">H", int(sixteen[0, 20])))
    found["png-gray16-transparent"] = raw_png(64, 48, depth=16, kind=0, rows=rows, extra=extra)
    return found


def gray_tiff(values: np.ndarray, *, photometric: int = 1, signed: bool = False, largest: int | None = None) -> bytes:
    """An uncompressed gray TIFF of `(H, W)` integers; `largest` is written as MaxSampleValue."""
    height, width = values.shape
    data = values.astype(values.dtype.newbyteorder("<")).tobytes()
    tags = [(256, 3, width), (257, 3, height), (258, 3, values.itemsize * 8), (259, 3, 1), (262, 3, photometric),
            (273, 4, 8), (277, 3, 1), (278, 3, height), (279, 4, len(data))]  # fmt: skip
    tags += [] if largest is None else [(280, 3, 0), (281, 3, largest)]
    tags.append((339, 3, 2 if signed else 1))
    directory = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    head = b"II*\0" + struct.pack("<I", 8 + len(data))
    return head + data + struct.pack("<H", len(tags)) + directory + bytes(4)


def _with_exif(image: Image.Image, block: bytes) -> bytes:
    return _save(image, "JPEG", exif=b"Exif\0\0" + block)


def _save(image: Image.Image, kind: str, **settings: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **settings)
    return buffer.getvalue()
