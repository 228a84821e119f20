"""The browser view: a page with the live picture, label bars, rates and buttons, for boards without a screen."""

import http.server
import json
import secrets
import socket
import threading
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import numpy as np
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.opencv import cv2

from edgecnn.camera.compose import fit
from edgecnn.camera.controls import Controls
from edgecnn.camera.slot import Slot

__all__ = ["WebView", "parse_address"]

_DEFAULT_PORT = 8008
_MOST_VIEWERS = 16
_MOST = (1280, 720)
_QUALITY = 80
_REQUEST_TIMEOUT_S = 10.0
_SEND_TIMEOUT_S = 5.0
_SEND_BUFFER = 256 << 10  # bytes the kernel may hold for a slow viewer: a picture or two
_MOST_BODY = 1024
_BOUNDARY = b"edgecnn-frame"
_PAGE = Path(__file__).with_name("page.html")
_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `HOST`, `:PORT`, `PORT` or nothing, as host and port; the host is 127.0.0.1 by default.

    Raises:
        OptionError: it is none of these.
    """
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", "")
    if host.isdecimal() and not port:
        host, port = "", host
    number = port or str(_DEFAULT_PORT)
    if not number.isdecimal() or int(number) > 65535:
        raise OptionError(f"the web address is {text!r}; expected HOST:PORT, such as 127.0.0.1:{_DEFAULT_PORT}.")
    return host.strip("[]") or "127.0.0.1", int(number)


class WebView:
    """Serves the live picture to several browsers at once.

    Each viewer gets the newest picture it can take; what it cannot take is not kept for it.

    Args:
        host: address to listen on; another than loopback needs a token.
        port: port to listen on; 0 takes a free one.
        controls: what the page's buttons change.
        token: what a viewer must give once as `?token=…`; None makes one where it is needed.

    Raises:
        OptionError: the address cannot be listened on.
    """

    def __init__(self, host: str, port: int, controls: Controls, *, token: str | None = None) -> None:
        if host not in _LOOPBACK and token is None:
            token = secrets.token_urlsafe(16)
        self.token, self.controls = token or "", controls
        self._pictures: Slot[bytes] = Slot()
        self._states: Slot[bytes] = Slot()
        self._viewers = threading.BoundedSemaphore(_MOST_VIEWERS)
        self._watching = 0
        self._lock = threading.Lock()
        try:
            self._server = _Server(self, host, port)
        except OSError as error:
            raise OptionError(
                f"cannot listen on {host}:{port}: {error.strerror or error}; give another --web HOST:PORT."
            ) from error
        self.host, self.port = host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="edgecnn-web", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address to type into a browser, with the token where there is one."""
        place = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{place}:{self.port}/{f'?token={self.token}' if self.token else ''}"

    @property
    def watching(self) -> int:
        """How many browsers take pictures now; nothing is encoded when nobody does."""
        return self._watching

    def publish(self, bgr: Picture | None, state: dict[str, Any]) -> None:
        """Offer a newer picture, `(H, W, 3)` uint8 BGR, and what stands beside it."""
        self._states.put(json.dumps(state, ensure_ascii=False).encode())
        if bgr is not None:
            encoded = cv2.imencode(".jpg", fit(np.ascontiguousarray(bgr), _MOST), [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            self._pictures.put(encoded[1].tobytes())

    def close(self) -> None:
        """Let all viewers go and stop listening."""
        self._pictures.close()
        self._states.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    # Viewers that hang must not keep the program from ending.
    block_on_close = False
    allow_reuse_address = True

    def __init__(self, view: WebView, host: str, port: int) -> None:
        self.view = view
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.open_requests = threading.BoundedSemaphore(4 * _MOST_VIEWERS)
        super().__init__((host, port), _Handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self.open_requests.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self.open_requests.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that went away is no error of this program."""


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = _REQUEST_TIMEOUT_S
    server_version, sys_version = "edgecnn", ""

    def do_GET(self) -> None:
        pages = {"/": self._page, "/stream.mjpg": self._stream, "/events": self._events}
        path = urlsplit(self.path).path
        if not self._allowed():
            return
        if path not in pages:
            self._answer(404, "there is only /, /stream.mjpg and /events here")
            return
        pages[path]()

    def do_POST(self) -> None:
        if not self._allowed():
            return
        length = self.headers.get("Content-Length", "")
        # A page of another site can make a browser send a request here, but not with this header.
        if self.headers.get("X-Edgecnn") != "1":
            self._answer(403, "only the page itself may press keys")
        elif not length.isdecimal() or int(length) > _MOST_BODY:
            self._answer(413, f"the body is {length or 'of unknown length'}; expected at most {_MOST_BODY} bytes")
        elif urlsplit(self.path).path != "/key":
            self._answer(404, "keys go to /key")
        else:
            key = self.rfile.read(int(length)).decode("utf-8", "replace")
            # Ending the program is for those who sit at it.
            known = key != "q" and len(key) == 1 and self.server.view.controls.press(key)
            self._answer(200 if known else 400, "pressed" if known else "no such key")

    def log_message(self, *_: object) -> None:
        """The terminal belongs to labels."""

    def _allowed(self) -> bool:
        view = self.server.view
        if view.token:
            query = parse_qs(urlsplit(self.path).query)
            given = [*query.get("token", []), self._cookie()]
            if not any(secrets.compare_digest(token.encode(), view.token.encode()) for token in given):
                self._answer(403, "a token is needed: open the address that edgecnn camera has printed")
                return False
        elif self._host_name() not in (*_LOOPBACK, view.host):
            # Another site's name that points to this computer (DNS rebinding).
            self._answer(403, "this address is not the one edgecnn camera listens on")
            return False
        return True

    def _host_name(self) -> str:
        host = self.headers.get("Host", "")
        return host.rpartition("]")[0].strip("[") if host.startswith("[") else host.partition(":")[0]

    def _cookie(self) -> str:
        try:
            morsel = SimpleCookie(self.headers.get("Cookie", "")).get("edgecnn")
        except CookieError:
            return ""
        return morsel.value if morsel else ""

    def _answer(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/plain; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        # What may still lie in the request's body is not read, so the connection cannot go on.
        self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = True

    def _page(self) -> None:
        body = _PAGE.read_bytes()
        self.send_response(200)
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Cache-Control", "no-store")
        self.send_header("Referrer-Policy", "no-referrer")
        self.send_header("X-Frame-Options", "DENY")
        policy = "default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'"
        self.send_header("Content-Security-Policy", policy)
        if self.server.view.token:
            cookie = f"edgecnn={self.server.view.token}; HttpOnly; SameSite=Strict; Path=/"
            self.send_header("Set-Cookie", cookie)
        self.end_headers()
        self.wfile.write(body)

    def _stream(self) -> None:
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
        self._follow(self.server.view._pictures, kind, _as_part, counted=True)

    def _events(self) -> None:
        self._follow(self.server.view._states, "text/event-stream; charset=utf-8", _as_event)

    def _follow(self, slot: Slot[bytes], kind: str, wrap: Any, *, counted: bool = False) -> None:
        view = self.server.view
        if not view._viewers.acquire(blocking=False):
            self._answer(503, f"{_MOST_VIEWERS} viewers are here already")
            return
        with view._lock:
            view._watching += counted
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            # A viewer that reads nothing is let go after this time.
            self.connection.settimeout(_SEND_TIMEOUT_S)
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Cache-Control", "no-store")
            self.send_header("Connection", "close")
            self.end_headers()
            self.close_connection = True
            number = 0
            while not slot.closed:
                newest = slot.newer(number, 1.0)
                if newest is not None:
                    number, item = newest
                    self.wfile.write(wrap(item))
        except OSError:
            pass
        finally:
            with view._lock:
                view._watching -= counted
            view._viewers.release()


def _as_part(jpeg: bytes) -> bytes:
    head = b"--%b\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % (_BOUNDARY, len(jpeg))
    return head + jpeg + b"\r\n"


def _as_event(state: bytes) -> bytes:
    return b"data: " + state + b"\n\n"
