"""HTTP for the browser view: the page, pictures that never end, states beside them, and keys."""

import contextlib
import http.server
import io
import secrets
import socket
import socketserver
import threading
from collections.abc import Callable
from http.cookies import CookieError, SimpleCookie
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from edgecnn.camera.access import LOOPBACK, holds_token
from edgecnn.camera.controls import page_key
from edgecnn.camera.feed import MOST_VIEWERS, Feed
from edgecnn.camera.lobby import MOST_HEAD, Arrival, Lobby, Request
from edgecnn.camera.slot import Slot

__all__ = ["Server"]

_SEND_TIMEOUT_S = 5.0
_MOST_REQUESTS, _MOST_OF_STRANGERS = 4 * MOST_VIEWERS, MOST_VIEWERS  # answered at a time: with the token, without it
_SEND_BUFFER = 256 << 10  # bytes the kernel may hold for a slow viewer: a picture or two
_MOST_BODY = 1024
_BOUNDARY = b"edgecnn-frame"
_PAGE = Path(__file__).with_name("page.html")
_END = b"event: end\ndata:\n\n"


class Server(socketserver.TCPServer):
    """Listens on an address and answers each request in a thread of its own, once its head is whole.

    Args:
        feed: What is served.
        host: Address to listen on.
        port: Port to listen on; 0 takes a free one.

    Raises:
        OSError: The address cannot be listened on.
    """

    allow_reuse_address = True
    request_queue_size = 1024  # kept by the kernel until accepted; whom it turns away tries again after a second

    def __init__(self, feed: Feed, host: str, port: int) -> None:
        self.feed, self.host = feed, host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self._open_requests = threading.BoundedSemaphore(_MOST_REQUESTS)
        self._open_to_strangers = threading.BoundedSemaphore(_MOST_OF_STRANGERS)
        self._lobby = Lobby(self._admit)
        super().__init__((host, port), http.server.BaseHTTPRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        """Let a connection wait for its request's head."""
        self._lobby.enter(request, client_address)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """A viewer that went away is no error of this program."""

    def server_close(self) -> None:
        """Stop listening, and let go who has not asked for anything yet."""
        super().server_close()
        self._lobby.close()

    def _admit(self, arrival: Arrival) -> None:
        """Start a thread for a request, unless too many are open."""
        known = not self.feed.token or holds_token(bytes(arrival.head), self.feed.token)
        places = self._open_requests if known else self._open_to_strangers
        if not places.acquire(blocking=False):
            arrival.connection.close()
            return
        try:
            arguments = (arrival, places)
            threading.Thread(target=self._answer, args=arguments, name="edgecnn-web-request", daemon=True).start()
        except RuntimeError:  # The system has no thread left.
            places.release()
            arrival.connection.close()

    def _answer(self, arrival: Arrival, places: threading.BoundedSemaphore) -> None:
        # A viewer that went away, or talks nonsense, is no error of this program.
        try:
            with contextlib.suppress(Exception):
                _Handler(arrival, self)
        finally:
            self.shutdown_request(arrival.connection)
            places.release()


class _Handler(http.server.BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"
    timeout = _SEND_TIMEOUT_S
    server_version, sys_version = "edgecnn", ""

    def __init__(self, arrival: Arrival, server: Server) -> None:
        self._arrival = arrival
        super().__init__(arrival.connection, arrival.address, server)

    def setup(self) -> None:
        super().setup()
        self.rfile = io.BufferedReader(Request(self._arrival))

    def handle(self) -> None:
        head = self._arrival.head
        if len(head) <= MOST_HEAD:
            super().handle()
            return
        long_line = b"\n" not in head[:MOST_HEAD]
        reason = b"414 URI Too Long" if long_line else b"431 Request Header Fields Too Large"
        self.wfile.write(b"HTTP/1.1 " + reason + b"\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")

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
        lengths = self.headers.get_all("Content-Length", [])
        # One length and nothing else: whoever stands between must not read another request out of it.
        length = lengths[0] if len(lengths) == 1 and "Transfer-Encoding" not in self.headers else ""
        # A page of another site can make a browser send a request here, but not with this header.
        if self.headers.get("X-Edgecnn") != "1" or self._is_foreign(self.headers.get("Origin")):
            self._answer(403, "only the page itself may press keys")
        elif not (length.isascii() and length.isdecimal()) or int(length) > _MOST_BODY:
            self._answer(413, f"the body is {length or 'of unknown length'}; expected at most {_MOST_BODY} bytes")
        elif urlsplit(self.path).path != "/key":
            self._answer(404, "keys go to /key")
        else:
            body = self.rfile.read(int(length))
            key = page_key(body.decode("utf-8", "replace")) if len(body) == int(length) else None
            known = key is not None and self.server.feed.controls.press(key)
            self._answer(200 if known else 400, "pressed" if known else "no such key")

    def log_message(self, *_: object) -> None:
        """The terminal belongs to labels."""

    def _allowed(self) -> bool:
        token = self.server.feed.token
        if token:
            given = [*parse_qs(urlsplit(self.path).query).get("token", []), self._cookie()]
            if not any(secrets.compare_digest(text.encode(), token.encode()) for text in given):
                self._answer(403, "a token is needed: open the address that edgecnn camera has printed")
                return False
        elif self._host_name() not in (*LOOPBACK, self.server.host):
            # Another site's name that points to this computer (DNS rebinding).
            self._answer(403, "this address is not the one edgecnn camera listens on")
            return False
        return True

    def _is_foreign(self, origin: str | None) -> bool:
        """Whether a request comes from a page of another site."""
        return origin is not None and origin.partition("://")[2] != self.headers.get("Host")

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
        # What may still lie in the request's body is not read, so the connection cannot go on.
        self._begin(status, "text/plain; charset=utf-8")
        self.wfile.write(text.encode())

    def _begin(self, status: int, kind: str, **headers: str) -> None:
        """Everything before the body, which ends with the connection."""
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in {"Cache-Control": "no-store", "Connection": "close", **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.close_connection = True

    def _page(self) -> None:
        token = self.server.feed.token
        cookie = {"Set_Cookie": f"edgecnn={token}; HttpOnly; SameSite=Strict; Path=/"} if token else {}
        self._begin(
            200,
            "text/html; charset=utf-8",
            Referrer_Policy="no-referrer",
            X_Frame_Options="DENY",
            Content_Security_Policy="default-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
            **cookie,
        )
        self.wfile.write(_PAGE.read_bytes())

    def _stream(self) -> None:
        kind = f"multipart/x-mixed-replace; boundary={_BOUNDARY.decode()}"
        self._follow(self.server.feed.pictures, kind, _as_part)

    def _events(self) -> None:
        self._follow(self.server.feed.states, "text/event-stream; charset=utf-8", _as_event)

    def _follow(self, slot: Slot[bytes], kind: str, wrap: Callable[[bytes], bytes]) -> None:
        """Send each newest item that the viewer can take, until it goes away."""
        feed = self.server.feed
        with feed.place(watches=slot is feed.pictures) as free, contextlib.suppress(OSError):
            if not free:
                self._answer(503, f"{MOST_VIEWERS} viewers are here already")
                return
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
            # A viewer that reads nothing is let go after this time.
            self.connection.settimeout(_SEND_TIMEOUT_S)
            self._begin(200, kind)
            if slot is feed.pictures:
                self.wfile.write(b"--%b\r\n" % _BOUNDARY)
            number = 0
            while not slot.closed:
                newest = slot.newer(number, 1.0)
                if newest is not None:
                    number, item = newest
                    self.wfile.write(wrap(item))
            if slot is feed.states:
                self.wfile.write(_END)


def _as_part(jpeg: bytes) -> bytes:
    # The boundary comes behind the picture, not with the next one: browsers show a part when they see its end.
    head = b"Content-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg)
    return head + jpeg + b"\r\n--%b\r\n" % _BOUNDARY


def _as_event(state: bytes) -> bytes:
    return b"data: " + state + b"\n\n"
