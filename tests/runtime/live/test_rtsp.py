"""Against a real RTSP sender: GStreamer's, frozen, killed and started again with another size."""

import contextlib
import shutil
import signal
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from edgecnn_runtime import SourceError
from edgecnn_runtime.live import Source, SourceOptions, State
from support.command import Running, run

PYTHON = "/usr/bin/python3"
PROBE = "import gi; gi.require_version('GstRtspServer', '1.0'); from gi.repository import GstRtspServer"

PATIENCE_S = 60

Starter = Callable[..., Running]


@pytest.fixture(scope="module")
def gstreamer() -> None:
    if not shutil.which(PYTHON) or run(PYTHON, "-c", PROBE).code:
        pytest.skip("GStreamer's RTSP server is not installed (gir1.2-gst-rtsp-server-1.0, python3-gi)")


@pytest.fixture
def port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        return int(free.getsockname()[1])


@pytest.fixture
def start(gstreamer: None, port: int) -> Iterator[Starter]:
    script = Path(__file__).parents[2] / "support" / "rtsp_server.py"
    with contextlib.ExitStack() as servers:

        def begin(width: int = 320, height: int = 240, encoder: str = "h264", rate: str = "30/1") -> Running:
            server = servers.enter_context(Running(PYTHON, script, port, width, height, encoder, rate))
            assert server.line() == "ready\n"
            return server

        yield begin


def next_frame(source: Source, connection: int = 0):
    deadline = time.monotonic() + PATIENCE_S
    while time.monotonic() < deadline:
        frame = source.read(timeout_s=0.1)
        if frame is not None and frame.connection >= connection:
            return frame
    raise AssertionError(f"no frame within {PATIENCE_S} s")


def wait_for(source: Source, state: State) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while source.state is not state:
        source.read(timeout_s=0.05)
        assert time.monotonic() < deadline, source.state


def test_a_frozen_sender_is_noticed_and_its_return_too(start: Starter, port: int) -> None:
    server = start()
    with Source(f"rtsp://127.0.0.1:{port}/live") as source:
        assert next_frame(source).image.shape == (240, 320, 3)
        server.process.send_signal(signal.SIGSTOP)
        wait_for(source, State.RECONNECTING)
        server.process.send_signal(signal.SIGCONT)
        next_frame(source, connection=1)


@pytest.mark.parametrize("encoder", ["h264", "jpeg"])
def test_a_sender_started_again_with_another_size(start: Starter, port: int, encoder: str) -> None:
    server = start(encoder=encoder)
    with Source(f"rtsp://127.0.0.1:{port}/live", SourceOptions(read_timeout_s=1.0)) as source:
        first = next_frame(source)
        server.finish(number=signal.SIGKILL)
        wait_for(source, State.RECONNECTING)
        start(width=640, height=360, encoder=encoder)
        second = next_frame(source, connection=1)
        assert (first.image.shape, second.image.shape) == ((240, 320, 3), (360, 640, 3))


def test_a_sender_slower_than_the_patience_is_waited_for(start: Starter, port: int) -> None:
    start(rate="1/1", encoder="jpeg")
    options = SourceOptions(read_timeout_s=0.3, open_timeout_s=30.0)
    with Source(f"rtsp://127.0.0.1:{port}/live", options) as source:
        frames = [next_frame(source) for _ in range(3)]
    assert frames[2].connection == frames[1].connection


def test_a_path_that_the_sender_does_not_have_is_named(start: Starter, port: int) -> None:
    start()
    with pytest.raises(SourceError, match="answered 404: there is no such path"):
        Source(f"rtsp://127.0.0.1:{port}/nothing").open()
