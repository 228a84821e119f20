"""Matroska with MJPEG, written so that the file plays up to the last frame wherever the writing stopped.

Source: RFC 9559 (Matroska), RFC 8794 (EBML). Segment and clusters have no size while the file grows; closing it adds
the duration and the index that makes seeking fast.
"""

import struct
from io import FileIO
from pathlib import Path

__all__ = ["MkvWriter"]

_UNKNOWN_SIZE = b"\x01\xff\xff\xff\xff\xff\xff\xff"
_SEGMENT, _SEEK_HEAD, _VOID, _INFO, _TRACKS, _CLUSTER, _CUES = (
    bytes.fromhex(name) for name in ("18538067", "114D9B74", "EC", "1549A966", "1654AE6B", "1F43B675", "1C53BB6B")
)
_RESERVED = 64  # bytes kept free for the SeekHead, which is written last
_CLUSTER_MS = 2000


class MkvWriter:
    """One MJPEG track with the frames' own times, in milliseconds.

    Args:
        path: The file, which must not exist.
        size: `(width, height)` of all frames, in pixels.

    Raises:
        FileExistsError: The file is there already.
        OSError: It cannot be written.
    """

    def __init__(self, path: Path, size: tuple[int, int]) -> None:
        # Unbuffered: a frame that write() took is in the file, whatever happens to the program.
        self._file = path.open("xb", buffering=0)
        self._cues: list[tuple[int, int]] = []
        self._cluster_ms = self._last_ms = -1
        self._cluster_at = 0
        ebml = _element("4282", b"matroska") + _element("4287", b"\x04") + _element("4285", b"\x02")
        video = _element("B0", _number(size[0])) + _element("BA", _number(size[1]))
        track = (
            _element("D7", b"\x01")
            + _element("73C5", b"\x01")
            + _element("83", b"\x01")
            + _element("9C", b"\x00")
            + _element("86", b"V_MJPEG")
            + _element("E0", video)
        )
        head = _element("1A45DFA3", ebml) + _SEGMENT
        self._segment_at = len(head) + len(_UNKNOWN_SIZE)
        scale = _element("2AD7B1", _number(1_000_000)) + _element("4D80", b"edgecnn") + _element("5741", b"edgecnn")
        info = _element(_INFO, scale + _element("4489", struct.pack(">d", 0.0)))
        self._duration_at = self._segment_at + _RESERVED + len(info) - 8
        self._info_at = _RESERVED
        self._tracks_at = self._info_at + len(info)
        try:
            _write_all(
                self._file, head + _UNKNOWN_SIZE + _void(_RESERVED) + info + _element(_TRACKS, _element("AE", track))
            )
        except OSError:
            # Less than a head is no recording, and its name stays free for the next try.
            self._file.close()
            path.unlink(missing_ok=True)
            raise

    def write(self, jpeg: bytes, at_s: float) -> None:
        """Append one frame.

        Args:
            jpeg: The encoded frame.
            at_s: Its time since the first frame, in seconds, not before the last one's.

        Raises:
            OSError: The disk is full or gone; what was written before still plays.
        """
        at_ms = max(round(at_s * 1e3), self._last_ms + 1)
        block = b""
        if self._cluster_ms < 0 or at_ms - self._cluster_ms >= _CLUSTER_MS:
            self._end_cluster()
            self._cluster_at = self._file.tell()
            self._cues.append((at_ms, self._cluster_at - self._segment_at))
            self._cluster_ms = at_ms
            block = _CLUSTER + _UNKNOWN_SIZE + _element("E7", _number(at_ms))
        # Track 1, time within the cluster, key frame.
        payload = b"\x81" + struct.pack(">h", at_ms - self._cluster_ms) + b"\x80" + jpeg
        _write_all(self._file, block + _element("A3", payload))
        self._last_ms = at_ms

    def close(self) -> None:
        """Write index, duration and size; the file plays without them too.

        Raises:
            OSError: The disk is full or gone.
        """
        if self._file.closed:
            return
        try:
            self._end_cluster()
            cues_at = self._file.tell() - self._segment_at
            points = (
                _element(
                    "BB",
                    _element("B3", _number(at_ms))
                    + _element("B7", _element("F7", b"\x01") + _element("F1", _number(place))),
                )
                for at_ms, place in self._cues
            )
            _write_all(self._file, _element(_CUES, b"".join(points)))
            end = self._file.tell()
            places = ((_INFO, self._info_at), (_TRACKS, self._tracks_at), (_CUES, cues_at))
            seeks = (_element("4DBB", _element("53AB", name) + _element("53AC", _number(at))) for name, at in places)
            seek_head = _element(_SEEK_HEAD, b"".join(seeks))
            self._patch(self._segment_at, seek_head + _void(_RESERVED - len(seek_head)))
            self._patch(self._duration_at, struct.pack(">d", float(max(0, self._last_ms))))
            self._patch(self._segment_at - 8, _long_size(end - self._segment_at))
        finally:
            self._file.close()

    def _end_cluster(self) -> None:
        """Give the last cluster its size; only the one being written is of unknown size."""
        if self._cluster_ms < 0:
            return
        end = self._file.tell()
        size_at = self._cluster_at + len(_CLUSTER)
        self._patch(size_at, _long_size(end - size_at - len(_UNKNOWN_SIZE)))
        self._file.seek(end)

    def _patch(self, at: int, data: bytes) -> None:
        self._file.seek(at)
        _write_all(self._file, data)


def _write_all(file: FileIO, data: bytes) -> None:
    """Raw files may take less than they are given, as when the disk has just filled up."""
    rest = memoryview(data)
    while rest:
        rest = rest[file.write(rest) :]


def _element(name: str | bytes, payload: bytes) -> bytes:
    code = name if isinstance(name, bytes) else bytes.fromhex(name)
    return code + _size(len(payload)) + payload


def _size(value: int) -> bytes:
    for length in range(1, 9):
        if value < (1 << (7 * length)) - 1:
            return ((1 << (7 * length)) | value).to_bytes(length, "big")
    raise ValueError(f"{value} is too large for an EBML size")


def _long_size(value: int) -> bytes:
    """A size in the eight bytes that were kept for it."""
    return ((1 << 56) | value).to_bytes(8, "big")


def _number(value: int) -> bytes:
    return value.to_bytes(max(1, (value.bit_length() + 7) // 8), "big")


def _void(length: int) -> bytes:
    return _VOID + _size(length - 2) + bytes(length - 2)
