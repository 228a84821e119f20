import http.client
import json
import socket
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest
from edgecnn_runtime import OptionError

from edgecnn.camera.controls import Controls, Mode
from edgecnn.camera.web import WebView, parse_address

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
    assert ask(web, "POST", "/other", b"e", X_Edgecnn="1")[0] == 404


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


def test_a_taken_port_and_a_bad_address_say_so(web: WebView) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OptionError, match="cannot listen on 127"):
        WebView("127.0.0.1", taken.getsockname()[1], Controls())
    assert parse_address("") == ("127.0.0.1", 8008)
    assert parse_address(":9000") == ("127.0.0.1", 9000)
    assert parse_address("9000") == ("127.0.0.1", 9000)
    assert parse_address("0.0.0.0:80") == ("0.0.0.0", 80)
    assert parse_address("[::1]:81") == ("::1", 81)
    with pytest.raises(OptionError, match="expected HOST:PORT"):
        parse_address("host:port")
    with pytest.raises(OptionError, match="expected HOST:PORT"):
        parse_address("host:99999")
