"""`edgecnn camera` as a user runs it: files, streams, Ctrl-C, recordings, errors."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime" / "live"))

from live_models import color_model  # noqa: E402
from live_streams import MjpegServer, scene  # noqa: E402

COMMAND = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "camera"]
ENVIRONMENT = {key: value for key, value in os.environ.items() if key not in ("DISPLAY", "WAYLAND_DISPLAY")}


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "colors.onnx"
    path.write_bytes(color_model())
    return path


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    path = tmp_path / "clip.avi"
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for index in range(30):
        writer.write(scene(index, (320, 240)))
    writer.release()
    return path


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server


def run(*arguments: object, timeout_s: float = 60) -> subprocess.CompletedProcess[str]:
    command = [*COMMAND, *map(str, arguments)]
    return subprocess.run(
        command, capture_output=True, text=True, timeout=timeout_s, env=ENVIRONMENT, check=False, encoding="utf-8"
    )


def lines(text: str) -> list[dict]:
    return [json.loads(line) for line in text.splitlines()]


def test_a_file_gives_one_json_line_a_frame_and_a_summary(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""
    events = lines(done.stdout)
    assert [event["index"] for event in events[:-1]] == list(range(30))
    summary = events[-1]
    assert (summary["event"], summary["labeled"], summary["dropped"]) == ("summary", 30, 0)
    assert summary["label_age_p50_ms"] > 0


def test_for_people_labels_are_told_when_they_change(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--frames", 12)
    assert done.returncode == 0, done.stderr
    assert "ms old" in done.stdout
    assert "12 frames labeled" in done.stderr


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_closes_the_recording_prints_the_summary_and_is_no_error(
    mjpeg: MjpegServer, model: Path, tmp_path: Path, number: int
) -> None:
    options = ["--no-display", "--json", "--record", str(tmp_path / "a.mkv")]
    command = [*COMMAND, mjpeg.url, "--model", str(model), *options]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert child.stdout is not None
    for _ in range(25):
        child.stdout.readline()
    child.send_signal(number)
    output, errors = child.communicate(timeout=20)
    assert child.returncode == 0, errors
    assert errors == ""
    summary = lines(output)[-1]
    assert summary["event"] == "summary"
    assert summary["recordings"] == [str(tmp_path / "a.mkv")]
    capture = cv2.VideoCapture(str(tmp_path / "a.mkv"))
    played = 0
    while capture.read()[0]:
        played += 1
    assert played == summary["recorded_frames"] >= 20


@pytest.mark.skipif(not Path("/proc/self/maps").exists(), reason="only Linux tells which libraries are loaded")
@pytest.mark.parametrize("library", ["onnxruntime", "cv2"])
def test_ctrl_c_while_it_starts_is_no_error_either(mjpeg: MjpegServer, model: Path, library: str) -> None:
    """Once the command loads its first library it is past Python's own start, however slow the machine."""
    command = [*COMMAND, mjpeg.url, "--model", str(model), "--no-display"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    deadline = time.monotonic() + 30
    while library not in Path(f"/proc/{child.pid}/maps").read_text():
        assert time.monotonic() < deadline, f"{library} was never loaded"
        time.sleep(0.005)
    child.send_signal(signal.SIGINT)
    _, errors = child.communicate(timeout=20)
    assert child.returncode == 0, errors


def test_a_stream_that_breaks_off_comes_back(mjpeg: MjpegServer, model: Path) -> None:
    command = [*COMMAND, mjpeg.url, "--model", str(model), "--no-display", "--json"]
    child = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    assert child.stdout is not None
    child.stdout.readline()
    mjpeg.cut()
    while json.loads(child.stdout.readline())["state"] != "RECONNECTING":
        pass
    mjpeg.resume()
    while json.loads(child.stdout.readline())["state"] != "LIVE":
        pass
    child.send_signal(signal.SIGINT)
    output, errors = child.communicate(timeout=20)
    assert lines(output)[-1]["reconnections"] == 1, errors


def test_without_a_display_the_browser_view_is_offered(clip: Path, model: Path) -> None:
    done = run(clip, "--model", model, "--web", ":0")
    assert done.returncode == 0, done.stderr
    assert "the picture is at http://127.0.0.1:" in done.stderr
    done = run(clip, "--model", model, "--web", "0.0.0.0:0")
    assert "?token=" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["97"], "there is no /dev/video97"),
        (["no/clip.mp4"], "no/clip.mp4 is not there"),
        (["http://127.0.0.1:9/x"], "did not answer with a video stream"),
        (["ftp://x/y"], "expected one of rtsp"),
        (["0", "--size", "big"], "--size is 'big'; expected WIDTHxHEIGHT"),
        (["0", "--min-score", "3"], "min_score is 3"),
        (["0", "--smooth", "-1"], "time_constant_s is -1"),
    ],
)
def test_what_cannot_work_is_one_sentence(model: Path, arguments: list[str], text: str) -> None:
    done = run(*arguments, "--model", model, "--no-display")
    assert done.returncode == 1
    assert text in done.stderr
    assert done.stderr.startswith("error: ")
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_a_recordings_name_is_checked_and_cameras_are_listed(clip: Path, model: Path, tmp_path: Path) -> None:
    done = run(clip, "--model", model, "--no-display", "--record", tmp_path / "a.mp4")
    assert (done.returncode, "ends in .mkv or .avi" in done.stderr) == (1, True)
    done = run("--list", "--json")
    assert done.returncode == 0, done.stderr
    done = run("--help")
    assert "Example: edgecnn camera" in done.stdout
