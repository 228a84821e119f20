"""Sources behind http://: what cameras, recorders and mistyped addresses really answer."""

import itertools
import shutil
import socket
import time
from pathlib import Path

import numpy as np
import pytest
from edgecnn_runtime import SourceError
from edgecnn_runtime.live import Source, SourceOptions, State
from edgecnn_runtime.live.captures.certificate import check_certificate
from edgecnn_runtime.live.spec import parse_source
from support.streams import ffmpeg
from support.web_camera import Snapshots, answering, around, files, jpeg, multipart, page, self_signed, send, serving

QUICK = SourceOptions(open_timeout_s=5.0, read_timeout_s=1.0, fps=50)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    ffmpeg("-f", "lavfi", "-i", "testsrc=size=320x240:rate=25:duration=2", "clip.mp4", cwd=tmp_path)
    return tmp_path / "clip.mp4"


@pytest.mark.parametrize("kind", ["image/jpeg", "application/octet-stream"])
def test_a_snapshot_is_fetched_again_and_again(kind: str) -> None:
    camera = Snapshots(kind=kind)
    with serving(camera) as address, Source(f"{address}/snap.jpg", QUICK) as source:
        frames = [source.read(timeout_s=60) for _ in range(5)]
        assert all(frame is not None and frame.image.shape == (240, 320, 3) for frame in frames)
        assert (source.connections, source.live, source.state) == (0, True, State.LIVE)
    assert camera.given >= 5


def test_snapshots_with_a_password_and_a_camera_that_goes_away(tmp_path: Path) -> None:
    with serving(Snapshots("admin:S#c/ret")) as address:
        place = address.removeprefix("http://")
        with Source(f"http://admin:S%23c%2Fret@{place}/snap.jpg", QUICK) as source:
            assert source.read(timeout_s=60) is not None
        with pytest.raises(SourceError, match="answered 401: it asks for another user or password; check"):
            Source(f"http://admin:wrong@{place}/snap.jpg", QUICK).open()
        with pytest.raises(SourceError, match="give them, as in SCHEME://USER:PASSWORD@HOST"):
            Source(f"{address}/snap.jpg", QUICK).open()


@pytest.mark.parametrize("lengths", [True, False], ids=["lengths", "no lengths"])
def test_an_mjpeg_stream_may_change_its_size(lengths: bool) -> None:
    def camera(handler) -> None:
        parts = (jpeg(index, (320, 240) if index < 5 else (640, 360)) for index in range(10))
        multipart(handler, (part for part in parts if not time.sleep(0.05)), lengths=lengths)

    with serving(camera) as address, Source(f"{address}/a.mjpg", SourceOptions(reconnect=False)) as source:
        shapes = []
        with pytest.raises(SourceError, match="went away: the sender ended the stream"):
            shapes.extend(frame.image.shape for frame in source)
    assert {shape for shape, _ in itertools.groupby(shapes)} <= {(240, 320, 3), (360, 640, 3)}
    assert shapes[-1] == (360, 640, 3)


def broken(seed: int) -> bytes:
    """A JPEG whose head was overwritten at random, so that it is none or claims to be another one."""
    random = np.random.default_rng(seed)
    data = bytearray(jpeg(0))
    for at in random.integers(0, 200, 20):
        data[at] = random.integers(0, 256)
    return bytes(data[:3000]) if seed % 3 else b"no picture"


def test_what_is_no_picture_in_a_stream_is_counted_and_passed_over() -> None:
    def camera(handler) -> None:
        parts = (broken(index) if index % 2 else jpeg(index) for index in itertools.count())
        multipart(handler, (part for part in parts if not time.sleep(0.02)))

    with serving(camera) as address, Source(address, QUICK) as source:
        assert all(source.read(timeout_s=60) is not None for _ in range(4))
        assert source.bad >= 1
        assert source.connections == 0


def test_a_file_behind_http_is_a_file(clip: Path) -> None:
    with serving(files(clip.parent)) as address, Source(f"{address}/clip.mp4") as source:
        frames = [frame for frame in source if not time.sleep(0.005)]
        assert [frame.index for frame in frames] == list(range(50))
        assert (source.live, source.dropped, source.connections, source.state) == (False, 0, 0, State.ENDED)
        assert frames[-1].position_s == pytest.approx(49 / 25, abs=0.02)


def test_a_finished_playlist_is_a_file(clip: Path) -> None:
    ffmpeg("-i", clip, "-hls_time", 1, "-hls_playlist_type", "vod", "list.m3u8", cwd=clip.parent)
    with serving(files(clip.parent)) as address, Source(f"{address}/list.m3u8") as source:
        assert sum(1 for _ in source) == 50
        assert (source.live, source.connections) == (False, 0)


@pytest.mark.parametrize(
    ("respond", "text"),
    [
        (answering(401), "answered 401"),
        (answering(403), "answered 403"),
        (answering(404), "answered 404: there is no such path"),
        (answering(500), "answered 500 instead of a video"),
        (page, "answered with text/html, a page and not a video"),
        (around, "leads from one address to the next without end"),
        (answering(302, Location="file:///etc/passwd"), "answered 302|cannot be reached"),
    ],
    ids=["401", "403", "404", "500", "page", "loop", "file"],
)
def test_an_answer_that_is_no_video_is_named(respond, text: str) -> None:
    with serving(respond) as address, pytest.raises(SourceError, match=text):
        Source(f"{address}/live", QUICK).open()


@pytest.mark.parametrize("scheme", ["http", "https", "rtsp", "tcp"])
def test_a_port_where_nothing_listens_is_named(scheme: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(SourceError, match="nothing listens on that port"):
        Source(f"{scheme}://127.0.0.1:{port}/live", QUICK).open()


def test_a_certificate_that_nobody_vouches_for_is_used_and_named(tmp_path: Path) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed")
    with serving(Snapshots(), context=self_signed(tmp_path)) as address:
        with Source(f"{address}/snap.jpg", QUICK) as source:
            assert source.read(timeout_s=60) is not None
            assert "cannot be verified" in source.notice
        with pytest.raises(SourceError):
            Source(address.replace("https", "http"), QUICK).open()
        spec = parse_source(address.replace("https", "rtsps"))
        assert "cannot be verified" in check_certificate(spec, 60)
    with serving(Snapshots()) as address, pytest.raises(SourceError, match="does not speak TLS"):
        Source(address.replace("http", "https"), QUICK).open()


def test_a_sender_slower_than_the_patience_is_waited_for_longer_each_time() -> None:
    def camera(handler) -> None:
        multipart(handler, (jpeg(index) for index in range(1, 100) if not time.sleep(0.6)))

    with serving(camera) as address, Source(address, SourceOptions(read_timeout_s=0.2)) as source:
        first, second = source.read(timeout_s=60), source.read(timeout_s=60)
        assert first is not None
        assert second is not None
        assert second.connection == first.connection, "the second picture came on the connection of the first"


def test_a_password_never_leaves_the_computer_for_another_host() -> None:
    heard = []

    def stranger(handler) -> None:
        heard.append(handler.headers.get("Authorization"))
        send(handler, b"", "text/plain", status=401, WWW_Authenticate='Basic realm="stranger"')

    with serving(stranger) as other, serving(answering(302, Location=f"{other}/x")) as address:
        place = address.removeprefix("http://")
        with pytest.raises(SourceError, match="answered 401"):
            Source(f"http://admin:secret@{place}/live", QUICK).open()
    assert set(heard) == {None}


def test_a_head_that_drips_in_is_not_waited_for_without_end() -> None:
    def camera(handler) -> None:
        for byte in b"HTTP/1.1 200 OK\r\nX: " + b"a" * 1000:
            handler.wfile.write(bytes([byte]))
            time.sleep(0.2)

    with serving(camera) as address, pytest.raises(SourceError, match="within 1 s; check the address"):
        Source(address, SourceOptions(open_timeout_s=1.0)).open()


def test_digest_is_a_password_too() -> None:
    camera = Snapshots()

    def guarded(handler) -> None:
        if 'username="admin"' in handler.headers.get("Authorization", ""):
            camera(handler)
        else:
            wanted = 'Digest realm="camera", nonce="1234", qop="auth", algorithm=MD5'
            send(handler, b"", "text/plain", status=401, WWW_Authenticate=wanted)

    with serving(guarded) as address:
        place = address.removeprefix("http://")
        with Source(f"http://admin:secret@{place}/snap.jpg", QUICK) as source:
            assert source.read(timeout_s=60) is not None
