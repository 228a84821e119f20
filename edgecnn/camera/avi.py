"""AVI with MJPEG at a fixed rate, for programs that read nothing newer.

Source: https://learn.microsoft.com/windows/win32/directshow/avi-riff-file-reference. AVI knows no frame times: a frame
goes to the slot nearest to its time, and slots that nothing fell into hold an empty chunk, which repeats the picture.
"""

import struct
from pathlib import Path

from edgecnn.camera.mkv import write_all

__all__ = ["AviWriter"]

_MOST_BYTES = (1 << 31) - (64 << 20)  # beyond 2 GB a plain AVI cannot point
_KEYFRAME = 0x10
_HAS_INDEX = 0x10


class AviWriter:
    """One MJPEG stream; sizes and counts in the header are brought up to date every second of video.

    Args:
        path: the file, which must not exist.
        size: `(width, height)` of all frames, in pixels.
        fps: slots a second.

    Raises:
        FileExistsError: the file is there already; OSError: it cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int], *, fps: int = 30) -> None:
        self._file = path.open("xb", buffering=0)
        self._size, self._fps = size, fps
        self._index: list[tuple[int, int]] = []  # offset from "movi", length
        self._largest = 0
        write_all(self._file, self._header(0))
        self._movi_at = self._file.tell() - 4
        self._patched = 0

    def write(self, jpeg: bytes, at_s: float) -> None:
        """Put a frame into the slot of its time; a frame whose slot is taken already is left out.

        Args:
            jpeg: the encoded frame.
            at_s: its time since the first frame, in seconds.

        Raises:
            OSError: the disk is full, or the file reaches 2 GB; what was written before still plays.
        """
        slot = round(at_s * self._fps)
        if slot < len(self._index):
            return
        if self._file.tell() > _MOST_BYTES:
            raise OSError("an AVI file ends at 2 GB; record to a name that ends in .mkv")
        chunks = bytearray()
        offset = self._file.tell() - self._movi_at
        for _ in range(slot - len(self._index)):
            self._index.append((offset + len(chunks), 0))
            chunks += b"00dc" + struct.pack("<I", 0)
        self._index.append((offset + len(chunks), len(jpeg)))
        chunks += b"00dc" + struct.pack("<I", len(jpeg)) + jpeg + b"\0" * (len(jpeg) % 2)
        self._largest = max(self._largest, len(jpeg))
        write_all(self._file, bytes(chunks))
        if len(self._index) - self._patched >= self._fps:
            self._patch()

    def close(self) -> None:
        """Write the index and the final sizes; the file plays without them too.

        Raises:
            OSError: the disk is full or gone.
        """
        if self._file.closed:
            return
        try:
            self._patch()
            entries = b"".join(struct.pack("<4sIII", b"00dc", _KEYFRAME, at, length) for at, length in self._index)
            write_all(self._file, b"idx1" + struct.pack("<I", len(entries)) + entries)
            end = self._file.tell()
            self._file.seek(4)
            write_all(self._file, struct.pack("<I", end - 8))
        finally:
            self._file.close()

    def _patch(self) -> None:
        end = self._file.tell()
        self._file.seek(0)
        write_all(self._file, self._header(end))
        self._file.seek(end)
        self._patched = len(self._index)

    def _header(self, end: int) -> bytes:
        width, height = self._size
        count = len(self._index)
        main = struct.pack(
            "<14I", 1_000_000 // self._fps, 0, 0, _HAS_INDEX, count, 0, 1, self._largest, width, height, 0, 0, 0, 0
        )
        stream = struct.pack(
            "<4s4sIHHIIIIIIIIhhhh",
            *(b"vids", b"MJPG", 0, 0, 0, 0, 1, self._fps, 0, count, self._largest, 0xFFFFFFFF, 0, 0, 0, width, height),
        )
        form = struct.pack("<IiiHH4sIiiII", 40, width, height, 1, 24, b"MJPG", width * height * 3, 0, 0, 0, 0)
        streams = b"strl" + _chunk(b"strh", stream) + _chunk(b"strf", form)
        header = _chunk(b"LIST", b"hdrl" + _chunk(b"avih", main) + _chunk(b"LIST", streams))
        start = 12 + len(header)
        movi = b"LIST" + struct.pack("<I", max(4, end - start - 8)) + b"movi"
        return b"RIFF" + struct.pack("<I", max(start, end - 8)) + b"AVI " + header + movi


def _chunk(name: bytes, data: bytes) -> bytes:
    return name + struct.pack("<I", len(data)) + data
