"""`edgecnn camera` as a user runs it: files, streams, Ctrl-C, recordings, errors."""

import signal
from pathlib import Path

import numpy as np
import onnx
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


def test_states_between_the_frames_of_a_slow_sender_are_no_frames(model: Path) -> None:
    with MjpegServer(fps=1 / 3) as slow:
        done = run(slow.url, "--model", model, "--no-display", "--json", "--frames", 2)
    assert done.code == 0, done
    assert "STALE" in [line.get("state") for line in done.lines]
    assert done.lines[-1]["labeled"] == 2, done


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
        (["--web", "18034"], "type: --address 18034"),
        (["--web", "::1"], "type: --address ::1"),
        (["rtsp://a:geheim@x/1", "rtsp://a:b@y/2"], "there are 2 sources, 'rtsp://x/1', 'rtsp://y/2'"),
    ],
)
def test_an_option_that_cannot_work_is_one_sentence(model: Path, arguments: list[str], text: str) -> None:
    check(run(*arguments, "--model", model, *([] if "--web" in arguments else ["--no-display"])), 2, text)


SMALL_FILES = (
    "import resource, signal; signal.signal(signal.SIGXFSZ, signal.SIG_IGN); "
    "resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))"
)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="limits on file sizes need Linux")
def test_a_recording_that_fills_the_disk_is_exit_code_1_and_says_what_was_saved(clip: Path, model: Path) -> None:
    recording = clip.parent / "a.mkv"
    arguments = ("camera", clip, "--model", model, "--no-display", "--realtime", "--record", recording)
    done = edgecnn(*arguments, env=NO_DISPLAY, before=SMALL_FILES)
    assert done.code == 1, done
    assert "a.mkv ended: File too large" in done.err
    assert "frames before that are saved" in done.err
    assert f"saved {recording}" in done.err
    done = edgecnn(*arguments[:-1], clip.parent / "b.mkv", "--json", env=NO_DISPLAY, before=SMALL_FILES)
    assert (done.code, len(done.lines[-1]["failures"])) == (1, 1), done


def test_a_recording_that_cannot_begin_is_exit_code_1_and_leaves_no_file(clip: Path, model: Path) -> None:
    """A disk without room for anything, as a disk that cannot be written to, which root could write to all the same."""
    none = SMALL_FILES.replace("60_000", "0")
    recording = clip.parent / "a.mkv"
    arguments = ("camera", clip, "--model", model, "--no-display", "-o", recording)
    done = edgecnn(*arguments, env=NO_DISPLAY, before=none)
    assert done.code == 1, done
    assert "error: recording to" in done.err
    assert f"saved {recording}" not in done.err
    assert not recording.exists()


def test_a_token_that_guards_nothing_ends_the_program(clip: Path, model: Path) -> None:
    for arguments in (["--address", "0.0.0.0:0"], ["--web"], ["--no-display"]):
        check(run(clip, "--model", model, *arguments, "--token", ""), 2, "the token is empty")


def test_a_network_that_never_gives_an_answer_is_an_error(clip: Path, model: Path) -> None:
    network = onnx.load(str(model))
    for tensor in network.graph.initializer:
        if tensor.name == "weights":
            values = np.full_like(onnx.numpy_helper.to_array(tensor), np.nan)
            tensor.CopyFrom(onnx.numpy_helper.from_array(values, "weights"))
    onnx.save(network, str(model))
    done = run(clip, "--model", model, "--no-display", "--json")
    assert done.code == 1, done
    assert {event["event"] for event in done.lines} == {"state"}
    assert all("not finite" in event["note"] for event in done.lines)
    assert "not finite" in done.err


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


def test_without_min_score_every_label_is_shown_as_the_documents_say(clip: Path, model: Path) -> None:
    text = (Path(__file__).parents[2] / "docs" / "camera.md").read_text(encoding="utf-8")
    assert 'With `--min-score 0.4` a label below 40 % is "not sure"; without it every label is shown.' in text
    asked = (clip, "--model", model, "--no-display", "--json")
    assert all(event["sure"] for event in run(*asked).lines[:-1])
    assert not any(event["sure"] for event in run(*asked, "--min-score", "1").lines[:-1])
