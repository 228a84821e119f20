"""What cameras, recorders and mistyped addresses answer over HTTP, on loopback."""

import base64
import contextlib
import functools
import http.server
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2

from support.streams import scene

Request = http.server.BaseHTTPRequestHandler
Respond = Callable[[Request], None]


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, *_: object) -> None:
        pass


@contextlib.contextmanager
def serving(respond: Respond, *, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """Answer every GET with a function until the block ends; gives the address, without a slash at its end."""

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            with contextlib.suppress(OSError):
                respond(self)

        def log_message(self, *_: object) -> None:
            pass

    server = _Server(("127.0.0.1", 0), Handler)
    if context is not None:
        server.socket = context.wrap_socket(server.socket, server_side=True)
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True).start()
    try:
        yield f"{'http' if context is None else 'https'}://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


def send(handler: Request, body: bytes, kind: str, *, status: int = 200, **headers: str) -> None:
    """A whole answer with its length."""
    handler.send_response(status)
    for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    handler.wfile.write(body)


def jpeg(index: int, size: tuple[int, int] = (320, 240)) -> bytes:
    """A JPEG of the moving scene."""
    return cv2.imencode(".jpg", scene(index, size))[1].tobytes()


def answering(status: int, **headers: str) -> Respond:
    """Always one status and nothing else."""
    return lambda handler: send(handler, b"", "text/plain", status=status, **headers)


def page(handler: Request) -> None:
    """A camera's own web page."""
    send(handler, b"<html><body>Log in</body></html>", "text/html; charset=utf-8")


def around(handler: Request) -> None:
    """An address that leads to itself."""
    send(handler, b"", "text/plain", status=302, Location=handler.path)


def files(folder: Path) -> Respond:
    """The files of a folder, as web servers give them."""
    kinds = {".mp4": "video/mp4", ".m3u8": "application/vnd.apple.mpegurl", ".ts": "video/mp2t"}

    def respond(handler: Request) -> None:
        path = folder / handler.path.lstrip("/")
        send(handler, path.read_bytes(), kinds.get(path.suffix, "application/octet-stream"))

    return respond


class Snapshots:
    """A camera that gives another JPEG each time; with `user:password` only to who has them.

    Args:
        login: What it asks for; empty for nothing.
        kind: The content type it names.
    """

    def __init__(self, login: str = "", kind: str = "image/jpeg") -> None:
        self._login, self._kind = login, kind
        self.given = 0

    def __call__(self, handler: Request) -> None:
        wanted = "Basic " + base64.b64encode(self._login.encode()).decode()
        if self._login and handler.headers.get("Authorization") != wanted:
            send(handler, b"", "text/plain", status=401, WWW_Authenticate='Basic realm="camera"')
            return
        self.given += 1
        send(handler, jpeg(self.given), self._kind)


def multipart(
    handler: Request,
    parts: Iterator[bytes],
    *,
    lengths: bool = True,
    boundary: str = "frame",
) -> None:
    """JPEGs on one connection.

    Args:
        handler: The request.
        parts: The JPEGs.
        lengths: Whether each part says how long it is.
        boundary: What stands between the parts.
    """
    handler.send_response(200)
    handler.send_header("Content-Type", f"multipart/x-mixed-replace;boundary={boundary}")
    handler.end_headers()
    for body in parts:
        length = f"Content-Length: {len(body)}\r\n" if lengths else ""
        handler.wfile.write(f"--{boundary}\r\nContent-Type: image/jpeg\r\n{length}\r\n".encode() + body + b"\r\n")


@functools.cache
def _certificate(folder: Path) -> Path:
    path = folder / "camera.pem"
    command = "openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=camera -keyout camera.pem -out cert.pem"
    subprocess.run(command.split(), cwd=folder, check=True, capture_output=True)
    path.write_bytes(path.read_bytes() + (folder / "cert.pem").read_bytes())
    return path


def self_signed(folder: Path) -> ssl.SSLContext:
    """TLS with a certificate that nobody vouches for, as nearly all cameras have it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(_certificate(folder))
    return context
