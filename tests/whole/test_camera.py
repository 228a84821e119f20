"""`edgecnn camera` as a user runs it: files, streams, Ctrl-C, recordings, errors."""

import signal
from pathlib import Path

import pytest
from support.command import NO_DISPLAY, Finished, Running, edgecnn, start_edgecnn

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")

from support.live import mjpeg, write_clip  # noqa: E402 - mjpeg is a fixture
from support.streams import MjpegServer  # noqa: E402

__all__ = ["mjpeg"]


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.avi", frames=30, fps=30)


def run(*arguments: object) -> Finished:
    return edgecnn("camera", *arguments, env=NO_DISPLAY)


def start(*arguments: object) -> Running:
    return start_edgecnn("camera", *arguments, env=NO_DISPLAY)


def test_a_file_gives_one_json_line_a_frame_and_a_summary(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--json")
    assert (done.code, done.err) == (0, "")
    *events, summary = done.lines
    assert [event["index"] for event in events] == list(range(30))
    assert (summary["event"], summary["labeled"], summary["dropped"]) == ("summary", 30, 0)
    assert summary["label_age_p50_ms"] > 0


def test_for_people_labels_are_printed_when_they_change(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--frames", 12)
    assert done.code == 0, done
    assert "ms old" in done.out
    assert "12 frames labeled" in done.err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_closes_the_recording_prints_the_summary_and_is_no_error(
    mjpeg: MjpegServer,
    model: Path,
    tmp_path: Path,
    number: int,
) -> None:
    recording = tmp_path / "a.mkv"
    with start(mjpeg.url, "--model", model, "--no-display", "--json", "--record", recording) as camera:
        for _ in range(25):
            camera.line()
        done = camera.finish(number=number)
    assert (done.code, done.err) == (0, "")
    summary = done.lines[-1]
    assert (summary["event"], summary["recordings"]) == ("summary", [str(recording)])
    capture = cv2.VideoCapture(str(recording))
    played = 0
    while capture.read()[0]:
        played += 1
    assert played == summary["recorded_frames"] > 0


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells which libraries are loaded")
@pytest.mark.parametrize("library", ["onnxruntime", "cv2"])
def test_ctrl_c_while_it_starts_is_no_error_either(mjpeg: MjpegServer, model: Path, library: str) -> None:
    """Once the command loads its first library it is past Python's own start, however slow the machine."""
    with start(mjpeg.url, "--model", model, "--no-display") as camera:
        camera.wait_for_library(library)
        done = camera.finish(number=signal.SIGINT)
    assert done.code == 0, done


def test_a_stream_that_breaks_off_comes_back(mjpeg: MjpegServer, model: Path) -> None:
    with start(mjpeg.url, "--model", model, "--no-display", "--json") as camera:
        camera.line()
        mjpeg.cut()
        while '"state": "RECONNECTING"' not in camera.line():
            assert camera.alive
        mjpeg.resume()
        while '"state": "LIVE"' not in camera.line():
            assert camera.alive
        done = camera.finish(number=signal.SIGINT)
    assert done.lines[-1]["reconnections"] >= 1, done


def test_without_a_display_the_browser_view_is_offered(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--web", "--address", ":0")
    assert done.code == 0, done
    assert done.err.startswith("the picture is at http://127.0.0.1:")
    done = run(clip, "--model", model, "--address", "0.0.0.0:0")
    assert "?token=" in done.err
    assert "display" not in done.err, "an address is the wish for a browser"


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["97"], "there is no /dev/video97"),
        (["no/clip.mp4"], "no/clip.mp4 is not there"),
        (["http://127.0.0.1:9/x"], "did not answer with a video stream"),
    ],
)
def test_a_source_that_is_not_there_is_one_sentence(model: Path, arguments: list[str], text: str) -> None:
    check(run(*arguments, "--model", model, "--no-display"), 1, text)


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["ftp://x/y"], "expected one of rtsp"),
        (["0", "--size", "big"], "--size is 'big'; expected WIDTHxHEIGHT"),
        (["0", "--min-score", "3"], "min_score is 3"),
        (["0", "--smooth", "-1"], "time_constant_s is -1"),
        (["0", "1"], "there are 2 sources, '0', '1'; expected one"),
        (["--web", "0.0.0.0:8008"], "type: --address 0.0.0.0:8008"),
        (["clip.mp4", "--web", ":0"], "type: --address :0"),
        (["--web", "[::1]:80", "clip.mp4"], "type: --address [::1]:80"),
    ],
)
def test_an_option_that_cannot_work_is_one_sentence(model: Path, arguments: list[str], text: str) -> None:
    check(run(*arguments, "--model", model, *([] if "--web" in arguments else ["--no-display"])), 2, text)


def check(done: Finished, code: int, text: str) -> None:
    assert done.code == code, done
    assert text in done.err
    assert done.err.startswith("error: ")
    assert "Traceback" not in done.err
    assert len(done.err.strip().splitlines()) == 1


def test_a_recordings_name_is_checked_and_cameras_are_listed(clip: Path, model: Path, tmp_path: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--record", tmp_path / "a.avi")
    check(done, 2, "recordings are Matroska files; give a name that ends in .mkv")
    done = run("--list", "--json")
    assert done.code == 0, done
    done = run("--help")
    assert "Example: edgecnn camera" in done.out
