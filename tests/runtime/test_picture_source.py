import io
import os
import subprocess
import sys
import threading
import urllib.request

import numpy as np
import pytest
from edgecnn_runtime import ImageError, load_image, picture_source
from support.pictures import encoded, scene

PIPED = {
    "JPEG": {"quality": 90},
    "PNG": {},
    "WEBP": {"lossless": True},
    "TIFF": {},
    "JPEG2000": {},
    "AVIF": {},
    "GIF": {},
}


def pixels(source) -> np.ndarray:
    return np.asarray(load_image(source))


def fed(data: bytes) -> int:
    """The end to read from of a pipe into which a thread writes."""
    reading, writing = os.pipe()
    threading.Thread(target=lambda: os.fdopen(writing, "wb").write(data)).start()
    return reading


@pytest.mark.parametrize("kind", PIPED)
def test_a_pipe_gives_what_its_bytes_give(kind, tmp_path):
    data = encoded(scene(90, 70), kind, **PIPED[kind])
    expected = pixels(data)
    with os.fdopen(fed(data), "rb") as pipe:
        assert np.array_equal(pixels(pipe), expected)
    with os.fdopen(fed(data), "rb", buffering=0) as pipe:
        assert np.array_equal(pixels(pipe), expected)
    reading = fed(data)
    assert np.array_equal(pixels(f"/dev/fd/{reading}"), expected)
    os.close(reading)
    os.mkfifo(tmp_path / "pipe")
    threading.Thread(target=lambda: (tmp_path / "pipe").write_bytes(data)).start()
    assert np.array_equal(pixels(tmp_path / "pipe"), expected)
    path = tmp_path / "picture"
    path.write_bytes(data)
    with urllib.request.urlopen(path.as_uri()) as response:
        assert np.array_equal(pixels(response), expected)


def test_a_stream_that_can_only_be_read_is_enough():
    class Socket:
        def __init__(self, data: bytes) -> None:
            self._file = io.BytesIO(data)

        def read(self, count: int = -1) -> bytes:
            return self._file.read(min(count, 100))

    assert np.array_equal(pixels(Socket(encoded(scene(40, 30), "WEBP", lossless=True))), np.asarray(scene(40, 30)))


def test_a_picture_behind_a_command_that_takes_its_time(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_source, "_WRITER_WAIT_S", 0.05)
    path = tmp_path / "picture.webp"
    path.write_bytes(encoded(scene(40, 30), "WEBP", lossless=True))
    command = [
        sys.executable,
        "-c",
        "import sys, time; time.sleep(0.4); sys.stdout.buffer.write(open(sys.argv[1],'rb').read())",
    ]
    with subprocess.Popen([*command, path], stdout=subprocess.PIPE) as process:
        assert np.array_equal(pixels(f"/dev/fd/{process.stdout.fileno()}"), np.asarray(scene(40, 30)))


def test_a_pipe_into_which_nobody_writes_is_given_up(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_source, "_WRITER_WAIT_S", 0.05)
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ImageError, match="pipe is a pipe into which nobody writes; expected a picture within"):
        load_image(tmp_path / "pipe")


def test_a_pipe_of_nothing_or_without_end_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(picture_source, "_MAX_PIPE_BYTES", 3 << 20)
    with os.fdopen(fed(b""), "rb") as pipe, pytest.raises(ImageError, match="is empty; expected the content"):
        load_image(pipe)
    with os.fdopen(fed(bytes(4 << 20)), "rb") as pipe, pytest.raises(ImageError, match="gives more than 3 MB"):
        load_image(pipe)
    path = tmp_path / "text"
    path.write_text("text")
    with path.open() as text, pytest.raises(ImageError, match=r"could not be decoded"):
        load_image(text)
