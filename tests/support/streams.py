"""Live pictures on loopback for tests and benchmarks: a stamp that survives JPEG and H.264, and an MJPEG server."""

import contextlib
import http.server
import shutil
import socket
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

BLOCK = 16  # pixels a side of one bit: a JPEG or H.264 block stays one color
BITS = 40  # 32 bits of milliseconds and 8 of check sum


def stamp(picture: np.ndarray, milliseconds: int) -> None:
    """Burn a number into the top left corner as black and white blocks, two rows of twenty."""
    value = milliseconds & 0xFFFFFFFF
    value |= (sum(value.to_bytes(4, "little")) & 0xFF) << 32
    for bit in range(BITS):
        row, column = divmod(bit, 20)
        y, x = row * BLOCK, column * BLOCK
        picture[y : y + BLOCK, x : x + BLOCK] = 255 if value >> bit & 1 else 0


def read_stamp(picture: np.ndarray) -> int | None:
    """The number that `stamp` burnt in, or None when the check sum is wrong."""
    if picture.shape[0] < 2 * BLOCK or picture.shape[1] < 20 * BLOCK:
        return None
    value = 0
    for bit in range(BITS):
        row, column = divmod(bit, 20)
        y, x = row * BLOCK, column * BLOCK
        value |= int(picture[y + 4 : y + 12, x + 4 : x + 12].mean() > 127) << bit
    number, check = value & 0xFFFFFFFF, value >> 32
    return number if sum(number.to_bytes(4, "little")) & 0xFF == check else None


def now_ms() -> int:
    return int(time.monotonic() * 1e3)


def scene(index: int, size: tuple[int, int]) -> np.ndarray:
    """A moving, textured picture `(height, width, 3)`; the same index gives the same picture."""
    width, height = size
    ramp = np.add.outer(np.arange(height) // 2, np.arange(width) // 2 + index * 5).astype(np.uint8)
    picture = cv2.merge([ramp, ramp[::-1], 255 - ramp])
    cv2.circle(picture, ((index * 7) % width, height // 2), height // 6, (40, 80, 200), -1)
    return picture


def ffmpeg(*arguments: object, cwd: Path) -> None:
    """Run ffmpeg in a folder; the test is left out where it, or what it shall encode with, is not installed."""
    if shutil.which("ffmpeg") is None:
        pytest.skip("ffmpeg is not installed")
    command = ["ffmpeg", "-v", "error", "-y", *map(str, arguments)]
    done = subprocess.run(command, cwd=cwd, capture_output=True, text=True, check=False)
    if "Unknown encoder" in done.stderr:
        pytest.skip(f"this ffmpeg has no such encoder: {done.stderr.strip()}")
    assert done.returncode == 0, done.stderr


class MjpegServer:
    """An MJPEG-over-HTTP camera on a loopback port that can freeze, break off and change its size.

    `freeze()` keeps connections open and sends nothing; `cut()` closes them and refuses new ones until `resume()`.
    """

    def __init__(self, *, fps: float = 30, size: tuple[int, int] = (640, 480), stamped: bool = True) -> None:
        self.fps, self.size, self.stamped = fps, size, stamped
        self.repeat = self.black = False
        self.sent = 0
        self._frozen = self._down = False
        self._sockets: set[socket.socket] = set()
        self._scenes: dict[tuple[int, tuple[int, int]], np.ndarray] = {}
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer._serve(self)

            def log_message(self, *_: object) -> None:
                pass

        class Server(http.server.ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: object) -> None:
                pass

        self._server = Server(("127.0.0.1", 0), Handler)
        self.port = self._server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}/camera.mjpg"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
        self._thread.start()

    def __enter__(self) -> "MjpegServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.cut()
        self._server.shutdown()
        self._server.server_close()

    def freeze(self) -> None:
        self._frozen = True

    def cut(self) -> None:
        self._down = True
        for open_socket in list(self._sockets):
            with contextlib.suppress(OSError):
                open_socket.shutdown(socket.SHUT_RDWR)

    def resume(self) -> None:
        self._frozen = self._down = False

    def _jpeg(self) -> bytes:
        index = 0 if self.repeat else self.sent % 32
        key = (index, self.size)
        if key not in self._scenes:
            self._scenes[key] = scene(index, self.size)
        picture = self._scenes[key].copy()
        if self.black:
            picture[:] = 0
        elif self.stamped and not self.repeat:
            stamp(picture, now_ms())
        return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 85])[1].tobytes()

    def _serve(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        if self._down:
            handler.send_error(503)
            return
        self._sockets.add(handler.connection)
        handler.send_response(200)
        handler.send_header("Content-Type", "multipart/x-mixed-replace; boundary=frame")
        handler.end_headers()
        due = time.monotonic()
        try:
            while not self._down:
                if not self._frozen:
                    body = self._jpeg()
                    head = f"--frame\r\nContent-Type: image/jpeg\r\nContent-Length: {len(body)}\r\n\r\n"
                    handler.wfile.write(head.encode() + body + b"\r\n")
                    self.sent += 1
                due = max(due + 1 / self.fps, time.monotonic() - 1)
                time.sleep(max(0.0, due - time.monotonic()))
        except OSError:
            pass
        finally:
            self._sockets.discard(handler.connection)


@contextlib.contextmanager
def silent_server() -> Iterator[str]:
    """A server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/nothing"
