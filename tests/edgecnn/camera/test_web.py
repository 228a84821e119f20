import contextlib
import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator
from urllib.parse import urlsplit

import numpy as np
import pytest
from edgecnn_runtime import Classifier, OptionError
from edgecnn_runtime.live import LiveClassifier, State, View

from edgecnn.camera.access import holds_token
from edgecnn.camera.controls import VIEW_KEYS, Controls, Mode
from edgecnn.camera.display import DisplayOptions
from edgecnn.camera.sobel import EdgeKind
from edgecnn.camera.web import WebView, page_state, parse_address

STATE = {"state": "LIVE", "label": "猫"}


@pytest.fixture
def controls() -> Controls:
    return Controls()


@pytest.fixture
def web(controls: Controls) -> Iterator[WebView]:
    view = WebView("127.0.0.1", 0, controls)
    stop = threading.Event()

    def publish() -> None:
        picture = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
        while not stop.wait(0.02):
            view.publish(picture, STATE)

    publisher = threading.Thread(target=publish)
    publisher.start()
    yield view
    stop.set()
    publisher.join()
    view.close()


def ask(web: WebView, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str]:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.request(method, path, body, {name.replace("_", "-"): value for name, value in headers.items()})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer.status, text


def open_stream(web: WebView, path: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", web.port, timeout=60)
    connection.request("GET", path)
    return connection.getresponse()


def test_page_pictures_and_states_are_served(web: WebView) -> None:
    status, page = ask(web, "GET", "/")
    assert status == 200
    assert "stream.mjpg" in page
    stream = open_stream(web, "/stream.mjpg")
    assert "multipart/x-mixed-replace" in stream.headers["Content-Type"]
    part = stream.read(2000)
    assert part.startswith(b"--edgecnn-frame\r\nContent-Type: image/jpeg")
    assert b"\xff\xd8" in part
    assert web.watching == 1
    once = WebView("127.0.0.1", 0, Controls())
    once.publish(np.zeros((48, 64, 3), np.uint8), STATE)
    last = open_stream(once, "/stream.mjpg")
    part = b""
    while not part.endswith(b"--edgecnn-frame\r\n") or len(part) < 100:
        part += last.read1(4096)  # the end of the last picture is there before a next one
    last.close()
    once.close()
    events = open_stream(web, "/events")
    assert json.loads(events.readline().decode().removeprefix("data: ")) == STATE
    stream.close()
    events.close()


def test_keys_are_pressed_by_the_page_alone(web: WebView, controls: Controls) -> None:
    assert ask(web, "POST", "/key", b"e", X_Edgecnn="1") == (200, "pressed")
    assert controls.mode is Mode.EDGES
    assert ask(web, "POST", "/key", b"f")[0] == 403
    assert controls.mode is Mode.EDGES
    assert ask(web, "POST", "/key", b"q", X_Edgecnn="1") == (400, "no such key")
    assert not controls.quit
    assert ask(web, "POST", "/key", b"E", X_Edgecnn="1")[0] == 200
    assert controls.edge_kind is EdgeKind.SOBEL_Y
    assert ask(web, "POST", "/key", b"1", X_Edgecnn="1", Origin="http://evil.example")[0] == 403
    assert ask(web, "POST", "/key", b"1", X_Edgecnn="1", Origin=f"http://127.0.0.1:{web.port}")[0] == 200
    assert ask(web, "POST", "/other", b"e", X_Edgecnn="1")[0] == 404


@pytest.mark.parametrize(
    "key",
    [b"Q", b"\x1b", b"\x03", b"\x11", b"\r", b"\n", b"\x7f", b"q\n", b"", b"qq", "ſ".encode(), "ꟴ".encode(), b"\xff"],
)
def test_nothing_else_than_the_pages_own_keys_does_anything(web: WebView, controls: Controls, key: bytes) -> None:
    assert ask(web, "POST", "/key", key, X_Edgecnn="1") == (400, "no such key")
    assert not controls.quit
    assert (controls.mode, controls.paused, controls.take_snapshots()) == (Mode.PLAIN, False, 0)


def test_snapshots_asked_for_in_a_flood_do_not_pile_up(web: WebView, controls: Controls) -> None:
    for _ in range(20):
        ask(web, "POST", "/key", b"s", X_Edgecnn="1")
    assert 1 <= controls.take_snapshots() <= 4


@pytest.mark.parametrize("path", ["/../../etc/passwd", "/..%2f..%2fetc/passwd", "/page.html", "//etc/passwd"])
def test_there_are_no_other_paths(web: WebView, path: str) -> None:
    status, text = ask(web, "GET", path)
    assert status == 404
    assert "there is only" in text


def test_large_requests_are_refused_without_being_read(web: WebView) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(
            b"POST /key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Edgecnn: 1\r\nContent-Length: 1073741824\r\n\r\n" + b"x" * 1000
        )
        assert b" 413 " in client.recv(4096)
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(b"GET /" + b"a" * 70000 + b" HTTP/1.1\r\n\r\n")
        assert b" 414 " in client.recv(4096)
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(b"POST /key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Edgecnn: 1\r\nContent-Length: -5\r\n\r\n")
        assert b" 413 " in client.recv(4096)


@pytest.mark.parametrize("more", ["Content-Length: 900", "Content-Length: 1", "Transfer-Encoding: chunked"])
def test_a_body_of_two_lengths_is_refused(web: WebView, controls: Controls, more: str) -> None:
    head = f"POST /key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Edgecnn: 1\r\nContent-Length: 1\r\n{more}\r\n\r\n"
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(head.encode() + b"s")
        assert b" 413 " in client.recv(4096)
    assert controls.take_snapshots() == 0


def test_another_sites_name_for_this_computer_is_refused(web: WebView) -> None:
    assert ask(web, "GET", "/", Host="evil.example")[0] == 403
    assert ask(web, "GET", "/", Host=f"localhost:{web.port}")[0] == 200


def test_a_viewer_that_never_reads_holds_nobody_up_and_is_let_go(web: WebView) -> None:
    silent = socket.create_connection(("127.0.0.1", web.port), timeout=60)
    silent.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    silent.sendall(b"GET /stream.mjpg HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
    deadline = time.monotonic() + 60
    while web.watching < 1:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    good = open_stream(web, "/stream.mjpg")
    received = 0
    while received < 3_000_000:
        received += len(good.read(65536))
    good.close()
    deadline = time.monotonic() + 60
    while web.watching:
        assert time.monotonic() < deadline
        time.sleep(0.05)
    silent.close()


def test_other_addresses_need_a_token() -> None:
    view = WebView("0.0.0.0", 0, Controls())
    try:
        assert len(view.token) >= 16
        assert f"?token={view.token}" in view.url
        assert ask(view, "GET", "/")[0] == 403
        assert ask(view, "GET", "/?token=wrong")[0] == 403
        assert ask(view, "GET", "/stream.mjpg", Cookie="edgecnn=wr\xf6ng")[0] == 403
        assert ask(view, "POST", "/key", b"e", X_Edgecnn="1")[0] == 403
        assert ask(view, "GET", f"/?token={view.token}")[0] == 200
        assert ask(view, "POST", "/key", b"e", X_Edgecnn="1", Cookie=f"edgecnn={view.token}")[0] == 200
    finally:
        view.close()


@pytest.mark.parametrize(
    ("token", "text"),
    [
        ("", "the token is empty"),
        ("   ", "the token is empty"),
        ("short", "has 5 characters; expected at least 16"),
        ("a&b#c-0123456789abcd", "characters that an address cannot hold"),
        ("ключ-ключ-ключ-ключ", "characters that an address cannot hold"),
        ("a;b=c-0123456789abcd", "characters that an address cannot hold"),
        ("0123456789abcdef\r\nX-Evil: 1", "characters that an address cannot hold"),
        ("0123456789abcdef\n", "characters that an address cannot hold"),
    ],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0", "::"])
def test_a_token_that_guards_nothing_is_refused(host: str, token: str, text: str) -> None:
    with pytest.raises(OptionError, match=text):
        WebView(host, 0, Controls(), token=token)
    with pytest.raises(OptionError, match=text):
        DisplayOptions(nowhere=True, token=token)


def test_the_printed_address_can_be_opened() -> None:
    for host in ("0.0.0.0", "::", "127.0.0.2"):
        try:
            view = WebView(host, 0, Controls())
        except OptionError:
            continue  # no IPv6 here
        try:
            place = urlsplit(view.url)
            assert view.token
            assert place.hostname not in ("0.0.0.0", "::", None)
            with socket.create_connection((place.hostname, place.port or 0), timeout=60) as client:
                client.sendall(f"GET {place.path}?{place.query} HTTP/1.1\r\nHost: {place.netloc}\r\n\r\n".encode())
                assert b" 200 " in client.recv(4096)
        finally:
            view.close()


def test_a_head_that_drips_in_is_let_go_and_locks_nobody_out(web: WebView) -> None:
    """As many slow strangers as the page would have threads, thrice; a load that waited for one would fail."""
    strangers = [socket.create_connection(("127.0.0.1", web.port), timeout=60) for _ in range(200)]
    for stranger in strangers:
        stranger.sendall(b"GET / HTTP/1.1\r\nX: ")
    for _ in range(20):
        assert ask(web, "GET", "/")[0] == 200
        for stranger in strangers:
            with contextlib.suppress(OSError):
                stranger.sendall(b"a")
    for stranger in strangers:
        with contextlib.suppress(ConnectionError):
            assert stranger.recv(100) == b"", "whoever is too slow is let go"
        stranger.close()


def test_a_place_is_kept_for_a_request_with_the_token() -> None:
    token = "abcdefghijklmnop"
    for head in (f"GET /?token={token} HTTP/1.1\r\n\r\n", f"GET / HTTP/1.1\r\nCookie: a=b; edgecnn={token}\r\n\r\n"):
        assert holds_token(head.encode(), token)
        assert not holds_token(head.encode(), token + "q")
        assert not holds_token(head.encode(), token[:-1])
    assert not holds_token(b"GET / HTTP/1.1\r\n\r\n", token)


def test_a_body_that_never_comes_is_not_waited_for(web: WebView, controls: Controls) -> None:
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(b"POST /key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Edgecnn: 1\r\nContent-Length: 900\r\n\r\ns")
        assert client.recv(100) == b""
    with socket.create_connection(("127.0.0.1", web.port), timeout=60) as client:
        client.sendall(b"POST /key HTTP/1.1\r\nHost: 127.0.0.1\r\nX-Edgecnn: 1\r\nContent-Length: 900\r\n\r\ns")
        client.shutdown(socket.SHUT_WR)
        assert b" 400 " in client.recv(4096)
    assert controls.take_snapshots() == 0


def test_viewers_are_told_the_end() -> None:
    view = WebView("127.0.0.1", 0, Controls())
    events = open_stream(view, "/events")
    view.publish(None, STATE)
    view.close()
    assert events.read().decode().endswith("event: end\ndata:\n\n")


def test_the_button_of_what_is_shown_is_known_in_every_mode() -> None:
    for before in VIEW_KEYS:
        for key, mode in (("f", Mode.FEATURES), ("c", Mode.ACTIVATION), ("e", Mode.EDGES)):
            controls = Controls()
            controls.press(before)
            for _ in range(4):
                controls.press(key)
                shown, _, split = VIEW_KEYS[controls.view_key]
                assert shown is controls.mode
                assert shown in (mode, Mode.PLAIN)
                assert split == (controls.split and shown is not Mode.PLAIN)
    controls = Controls()
    controls.press("e")
    assert [controls.press("e") and controls.view_key for _ in range(3)] == ["3", "4", "1"]


def test_a_message_hides_no_state_and_does_not_stay(classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
    live = LiveClassifier(classifier, [])
    controls = Controls()
    controls.message = "saved a.jpg"
    stale = View(state=State.STALE, note="no new frame for 2.0 s", rates=live.rates)
    state = page_state(stale, controls, shown_fps=0, recording="")
    assert (state["state"], state["note"], state["message"]) == ("STALE", "no new frame for 2.0 s", "saved a.jpg")
    later = time.monotonic() + 60
    monkeypatch.setattr(time, "monotonic", lambda: later)
    assert page_state(stale, controls, shown_fps=0, recording="")["message"] == ""
    notice = "the certificate of cam cannot be verified"
    assert page_state(stale, controls, shown_fps=0, recording="", notice=notice)["notice"] == notice


def test_a_taken_port_and_a_bad_address_say_so(web: WebView) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OptionError, match="cannot listen on 127"):
        WebView("127.0.0.1", taken.getsockname()[1], Controls())
    assert parse_address("") == ("127.0.0.1", 8008)
    assert parse_address(":9000") == ("127.0.0.1", 9000)
    assert parse_address("9000") == ("127.0.0.1", 9000)
    assert parse_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert parse_address("[::1]:81") == ("::1", 81)
    assert parse_address("18034") == ("127.0.0.1", 18034)
    assert parse_address("::1") == ("::1", 8008)
    assert parse_address("[::]") == ("::", 8008)
    with pytest.raises(OptionError, match="expected HOST:PORT"):
        parse_address("host:port")
    with pytest.raises(OptionError, match="expected HOST:PORT"):
        parse_address("host:99999")
