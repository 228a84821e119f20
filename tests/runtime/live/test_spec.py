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


def test_passwords_stay_out_of_names() -> None:
    assert parse_source("rtsp://admin:geheim@10.0.0.5:554/live").name == "rtsp://10.0.0.5:554/live"
    assert parse_source("rtsp://admin:geheim@[::1]/live").name == "rtsp://[::1]/live"


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
