"""Every kind of request to the camera's page, with the statuses that are right for it."""

import string
from collections.abc import Iterator
from dataclasses import dataclass

__all__ = ["Request", "requests"]

CLOSED = 0  # the connection ended without an answer: right for what is no HTTP
_REFUSED = frozenset({400, 403, 404, 405, 411, 413, 414, 415, 431, 501, 505, CLOSED})
_FORBIDDEN = frozenset({403})
_SAFE_KEYS = frozenset(" srefch123456789")


@dataclass(frozen=True)
class Request:
    """What is sent, and what may come back.

    Attributes:
        name: the kind, for the table.
        data: the bytes on the wire.
        right: statuses that are right; 0 is a closed connection.
        half: the sender closes its side afterwards.
    """

    name: str
    data: bytes
    right: frozenset[int]
    half: bool = False


def requests(port: int, token: str) -> Iterator[Request]:
    """All kinds for a page at a port; `token` is empty for a page on loopback without one."""
    own = f"127.0.0.1:{port}"
    entry = f"/?token={token}" if token else "/"
    yield Request("the page", _get(entry, own), frozenset({200}))
    yield from _tokens(own, token) if token else _hosts(own, port)
    yield from _methods(entry, own)
    yield from _paths(own, token)
    yield from _heads(entry, own)
    yield from _keys(own, token)
    yield from _no_http()


def _get(path: str, host: str | None, *more: str, method: str = "GET", version: str = "HTTP/1.1") -> bytes:
    lines = [f"{method} {path} {version}", *([f"Host: {host}"] if host is not None else []), *more]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")


def _tokens(own: str, token: str) -> Iterator[Request]:
    wrong = ["", token[:-1], token + "x", token.upper() + "!", "%00", "ключ", "a" * 50_000, "%ff%fe", "&token="]
    yield Request("no token", _get("/", own), _FORBIDDEN)
    for given in wrong:
        yield Request(f"token {given[:12]!r}", _get(f"/?token={given}", own), _REFUSED)
        yield Request(f"cookie {given[:12]!r}", _get("/", own, f"Cookie: edgecnn={given}"), _REFUSED)
    yield Request("token as a cookie", _get("/", own, f"Cookie: edgecnn={token}"), frozenset({200}))
    yield Request("broken cookie", _get("/", own, "Cookie: =;;,\x01=\x02; edgecnn"), _REFUSED)
    yield Request("foreign Host, no token", _get("/", "evil.example"), _FORBIDDEN)
    for path in ("/stream.mjpg", "/events", "/key", "/nothing"):
        yield Request(f"{path} without the token", _get(path, own), _FORBIDDEN)


def _hosts(own: str, port: int) -> Iterator[Request]:
    for host in (own, f"localhost:{port}", "localhost", f"[::1]:{port}"):
        yield Request(f"Host {host.split(':')[0]}", _get("/", host), frozenset({200}))
    foreign = ["evil.example", f"evil.example:{port}", "127.0.0.1.evil.example", "localhost.evil", "", "[::1", "[", "]"]
    for host in (*foreign, "127.0.0.1@evil.example", "evil.example#127.0.0.1", "2130706433", "0", "a" * 9000):
        yield Request(f"Host {host[:24]!r}", _get("/", host), _REFUSED)
    yield Request("no Host", _get("/", None), _REFUSED)
    yield Request("two Hosts", _get("/", "evil.example", f"Host: {own}"), _REFUSED)


def _methods(entry: str, own: str) -> Iterator[Request]:
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "", "GETGET", "X" * 3000):
        yield Request(f"method {method[:8]!r}", _get(entry, own, method=method), _REFUSED)
    yield Request("HEAD", _get(entry, own, method="HEAD"), _REFUSED | {200})
    for version in ("HTTP/0.9", "HTTP/2.0", "HTTP/9.9", "HTTP/1.1.1", "HTTP/-1.0", "FTP/1.0", "HTTP/" + "1" * 500):
        yield Request(f"version {version[:12]}", _get(entry, own, version=version), _REFUSED)
    yield Request("HTTP/1.0", _get(entry, own, version="HTTP/1.0"), frozenset({200}))


def _paths(own: str, token: str) -> Iterator[Request]:
    query = f"?token={token}" if token else ""
    paths = ["/../../etc/passwd", "/%2e%2e/%2e%2e/etc/passwd", "//etc/passwd", "/page.html", "/web.py", "/%00",
             "*", "/key", "/a" * 40_000, "/\udcff", "/;x", "/stream.mjpg/", "/?" + "a=b&" * 9000, "/[",
             "http://[/"]  # fmt: skip
    for path in paths:
        right = _REFUSED | ({200} if path.startswith("/?") and not token else set())
        yield Request(f"path {path[:16]!r}", _get(path + ("" if "?" in path else query), own), right)
    yield Request("another site's address", _get(f"http://evil.example/{query}", own), _REFUSED | {200})


def _heads(entry: str, own: str) -> Iterator[Request]:
    yield Request("300 headers", _get(entry, own, *(f"X-{i}: 1" for i in range(300))), _REFUSED)
    yield Request("header of 90 KB", _get(entry, own, "X: " + "a" * 90_000), _REFUSED)
    yield Request("header without colon", _get(entry, own, "nonsense"), _REFUSED | {200})
    yield Request("folded header", _get(entry, own, "X: a", "  b"), _REFUSED | {200})
    yield Request("control characters", _get(entry, own, "X: \x00\x1b[31m"), _REFUSED | {200})
    yield Request("cut in the first line", _get(entry, own)[:9], _REFUSED, half=True)
    yield Request("cut in a header", _get(entry, own)[:-6], _REFUSED | {200}, half=True)


def _keys(own: str, token: str) -> Iterator[Request]:
    path = f"/key?token={token}" if token else "/key"

    def press(key: bytes, *more: str, mark: str = "X-Edgecnn: 1", length: str | None = None) -> bytes:
        size = str(len(key)) if length is None else length
        return _get(path, own, mark, f"Content-Length: {size}", *more, method="POST") + key

    for key in (*string.printable, *map(chr, range(1, 9)), "\x1b", "\x7f", "\x80", "ſ", "Ⓠ", "ǫ", "İ"):
        right = frozenset({200}) if key.lower() in _SAFE_KEYS else _REFUSED
        yield Request(f"key {key!r}", press(key.encode()), right | {400})
    for key in (b"", b"qq", b"Escape", b"q\n", b"\xff", b'{"key": "q"}', b"q" * 1000):
        yield Request(f"key {key[:12]!r}", press(key), _REFUSED)
    yield Request("key without the mark", press(b"s", mark="X: 1"), _FORBIDDEN)
    yield Request("key as a form", press(b"s", "Content-Type: text/plain", mark="X: 1"), _FORBIDDEN)
    yield Request("key from another Origin", press(b"s", "Origin: http://evil.example"), _REFUSED)
    yield Request("key from Origin null", press(b"s", "Origin: null"), _REFUSED)
    for length in ("-1", "1e3", "999999999999", "+1", "1_0", " ", "0x1", "٣"):
        yield Request(f"length {length!r}", press(b"s", length=length), _REFUSED)
    yield Request("two lengths", press(b"s", "Content-Length: 900"), _REFUSED | {200}, half=True)
    yield Request("less than it says", press(b"s", length="900"), _REFUSED, half=True)
    chunked = _get(path, own, "X-Edgecnn: 1", "Transfer-Encoding: chunked", method="POST") + b"1\r\ns\r\n0\r\n\r\n"
    yield Request("chunked", chunked, _REFUSED)
    smuggled = press(b"s", "Transfer-Encoding: chunked", length="1")
    yield Request("length and chunked", smuggled, _REFUSED | {200})
    yield Request("POST to the page", _get(path.replace("/key", "/"), own, "X-Edgecnn: 1", "Content-Length: 0",
                                           method="POST"), _REFUSED)  # fmt: skip


def _no_http() -> Iterator[Request]:
    hello = bytes.fromhex("16030100c8010000c40303") + bytes(200)
    for name, data in (("TLS hello", hello), ("zeros", bytes(5000)), ("line breaks", b"\r\n" * 3000),
                       ("nothing", b""), ("SSH", b"SSH-2.0-x\r\n"), ("HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
                       ("one endless line", b"G" * 200_000)):  # fmt: skip
        yield Request(name, data, _REFUSED, half=True)
