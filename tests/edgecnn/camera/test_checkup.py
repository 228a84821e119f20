"""`edgecnn doctor --camera` on what can be plugged in here: a file and a camera on loopback."""

import json
from pathlib import Path

import pytest
from edgecnn_runtime import OptionError
from support.command import edgecnn
from support.live import write_clip
from support.streams import MjpegServer
from support.web_camera import answering, serving

from edgecnn.camera.checkup import check_source


def test_a_file_is_tried_to_its_end(tmp_path: Path) -> None:
    done = check_source(str(write_clip(tmp_path / "clip.avi", frames=20, fps=20.0)), seconds=60)
    assert (done.works, done.frames, done.size, done.state, done.note) == (True, 20, "320×240", "ENDED", "")
    assert "320×240, 20 fps" in done.details
    assert done.fps is not None
    assert done.fps < 25, "it was played at its own pace"
    assert json.loads(json.dumps(done.to_dict(), allow_nan=False))["frames"] == 20
    assert "320×240" in done.line


def test_a_stream_is_tried_for_some_seconds_and_one_that_is_none_says_why(mjpeg: MjpegServer) -> None:
    done = check_source(mjpeg.url, seconds=0.5)
    assert (done.works, done.state, done.size) == (True, "LIVE", "640×480")
    assert done.age_p95_ms is not None
    with serving(answering(404)) as address:
        done = check_source(f"{address}/live")
    assert (done.works, done.frames) == (False, 0)
    assert "answered 404" in done.line
    with pytest.raises(OptionError):
        check_source("ftp://camera/a")


def test_the_command_tries_what_is_named_and_tells_people_and_programs(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", frames=5)
    done = edgecnn("doctor", "--camera", clip)
    assert done.code == 0, done
    assert f"{clip}: 320×240" in done.out
    done = edgecnn("doctor", "--camera", clip, tmp_path / "missing.avi", "--json")
    assert done.code == 1, done
    done = edgecnn("doctor", "--camera", clip, "--json")
    (found,) = done.lines[0]["cameras"]
    assert (found["works"], found["frames"]) == (True, 5)
    with serving(answering(404)) as address:
        done = edgecnn("doctor", "--camera", address)
    assert (done.code, done.out) == (
        1,
        f"{address} answered 404: there is no such path on it; check what follows the host.\n",
    )
    done = edgecnn("doctor", clip)
    assert (done.code, "--camera" in done.err) == (2, True), done
