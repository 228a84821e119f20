"""JPEGs in several scans: what those need in memory and in time, told without decoding."""

from typing import IO, Any

from PIL import Image

from edgecnn_runtime.errors import ImageError, quoted

__all__ = ["check_scans", "has_several_scans"]

_START_OF_SCAN = b"\xff\xda"
# Every scan passes over the whole picture, which takes a nanosecond for some three pixels: a file of 300 kB can ask for
# hours. Encoders write 10 scans or so.
_MAX_PIXEL_SCANS = 4_000_000_000


def has_several_scans(image: Any) -> bool:
    """Whether decoding a JPEG that is open keeps all its coefficients: progressive, or one channel after another."""
    if image.info.get("progressive"):
        return True
    if image.fp is None:  # decoded already
        return False
    position = image.fp.tell()
    channels = _channels_of_first_scan(image.fp)
    image.fp.seek(position)
    return channels < len(image.getbands())


def check_scans(image: Image.Image, name: str, whole_size: tuple[int, int]) -> None:
    """Refuse a progressive JPEG of so many scans that it would take seconds.

    Args:
        image: Opened, not loaded yet.
        name: What to call it.
        whole_size: Width and height in the file.

    Raises:
        ImageError: It would.
    """
    if image.format not in ("JPEG", "MPO") or not image.info.get("progressive"):
        return
    file: Any = getattr(image, "fp", None)
    position = file.tell()
    file.seek(0)
    scans = sum(part.count(_START_OF_SCAN) for part in iter(lambda: file.read(1 << 20), b""))
    file.seek(position)
    if scans * whole_size[0] * whole_size[1] > _MAX_PIXEL_SCANS:
        raise ImageError(
            f"{quoted(name)} is a JPEG of {whole_size[0]} × {whole_size[1]} pixels in {scans} scans, which would take "
            "too long to decode; expected some ten scans: save it anew."
        )


def _channels_of_first_scan(file: IO[bytes]) -> int:
    """0 where the segments before it make no sense."""
    file.seek(2)
    while len(head := file.read(4)) == 4 and head[0] == 0xFF:
        if head[:2] == _START_OF_SCAN:
            return int.from_bytes(file.read(1), "big")
        file.seek(int.from_bytes(head[2:], "big") - 2, 1)
    return 0
