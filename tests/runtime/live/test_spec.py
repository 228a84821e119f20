from pathlib import Path

import numpy as np
import pytest
from edgecnn_runtime import OptionError, SourceError
from edgecnn_runtime.live.spec import parse_source


def test_every_kind_of_source_is_told_from_its_text(tmp_path: Path) -> None:
    clip = tmp_path / "clip.mp4"
    clip.write_bytes(b"x")
    assert (parse_source(0).kind, parse_source("2").value) == ("camera", 2)
    assert parse_source("/dev/video3").value == 3
    assert parse_source("Logitech C920").kind == "camera"
    assert parse_source(str(clip)).kind == "file"
    assert parse_source(tmp_path).kind == "folder"
    assert parse_source("rtsp://camera.local:554/live").kind == "stream"
    assert parse_source("http://127.0.0.1:8080/a.mjpg").live
    assert parse_source("screen").value == 1
    assert parse_source("screen:2").value == 2
    assert parse_source("screen:10,20,640,480").value == (10, 20, 640, 480)
    assert parse_source([np.zeros((2, 2, 3), np.uint8)]).kind == "iterable"


@pytest.mark.parametrize(
    ("address", "name"),
    [
        ("rtsp://admin:geheim@10.0.0.5:554/live", "rtsp://10.0.0.5:554/live"),
        ("rtsp://admin:geheim@[::1]/live", "rtsp://[::1]/live"),
        ("rtsp://admin:geheim%23@cam/live", "rtsp://cam/live"),
        ("rtsp://admin:ge@heim@cam/live", "rtsp://cam/live"),
        ("rtsp://cam:554/user=admin&password=geheim&channel=1", "rtsp://cam:554/user=…&password=…&channel=1"),
        ("rtsp://cam/user=admin_password=geheim_channel=1.sdp", "rtsp://cam/user=…"),
        ("rtsp://cam/live;pwd=gehe/im;x=1", "rtsp://cam/live;pwd=…;x=1"),
        ("http://cam/snap.jpg?usr=admin&pwd=geheim", "http://cam/snap.jpg"),
        ("http://cam/token=geheim/a.jpg", "http://cam/token=…"),
        ("http://cam:80/image@2x.jpg", "http://…@2x.jpg"),
        ("rtsp://admin:12/geheim@cam/live", "rtsp://…@cam/live"),
        ("http://admin:12?geheim@cam/live", "http://…@cam/live"),
    ],
)
def test_passwords_stay_out_of_names(address: str, name: str) -> None:
    spec = parse_source(address)
    assert (spec.name, spec.value) == (name, address)
    assert "geheim" not in repr(spec)


@pytest.mark.parametrize("character", "#/?[]")
def test_a_password_that_breaks_its_address_is_not_printed(character: str) -> None:
    with pytest.raises(OptionError, match="percent-encoded: %2F %3F %23 %5B %5D") as caught:
        parse_source(f"rtsp://admin:Sec{character}ret@10.0.0.5/live")
    assert "Sec" not in str(caught.value)
    assert "ret" not in str(caught.value)
    assert "10.0.0.5" in str(caught.value)


@pytest.mark.parametrize("text", ["rtsp:/admin:geheim@cam/live", "ftp://admin:geheim@cam/", "a/password=geheim"])
def test_messages_show_no_password(text: str) -> None:
    with pytest.raises((OptionError, SourceError)) as caught:
        parse_source(text)
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize(
    ("source", "error", "text"),
    [
        (-1, OptionError, "camera number from 0"),
        (True, OptionError, "camera number from 0"),
        (1.5, OptionError, "source is a float"),
        ("", OptionError, "the source is empty"),
        ("ftp://host/a", OptionError, "expected one of rtsp"),
        ("rtsp://", OptionError, "names no host"),
        ("screen:0,0,0,5", OptionError, "width and a height above 0"),
        ("missing.mp4", SourceError, "missing.mp4 is not there"),
        ("no/such/folder", SourceError, "is not there; expected a video file"),
    ],
)
def test_what_cannot_be_a_source_says_why(source: object, error: type[Exception], text: str) -> None:
    with pytest.raises(error, match=text):
        parse_source(source)  # type: ignore[arg-type]
