import shutil
import signal
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecnn_runtime import OptionError
from support.command import Running, python, run
from support.streams import read_stamp, scene, stamp

from edgecnn.camera.mkv import MkvWriter
from edgecnn.camera.recorder import Recorder

TIMES = [0.0, 0.1, 0.2, 0.9, 1.0, 2.5, 4.6, 4.7]  # seconds: an uneven source with long gaps


def jpeg(milliseconds: int, size: tuple[int, int] = (640, 360)) -> bytes:
    picture = scene(milliseconds // 100, size)
    stamp(picture, milliseconds)
    return cv2.imencode(".jpg", picture)[1].tobytes()


def play(path: Path) -> list[tuple[float, int | None]]:
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    played = []
    while True:
        ok, picture = capture.read()
        if not ok:
            return played
        played.append((capture.get(cv2.CAP_PROP_POS_MSEC), read_stamp(picture)))


@pytest.mark.parametrize("closed", [True, False], ids=["closed", "killed"])
def test_matroska_keeps_every_frames_time(tmp_path: Path, closed: bool) -> None:
    writer = MkvWriter(tmp_path / "a.mkv", (640, 360))
    for at in TIMES:
        writer.write(jpeg(int(at * 1000)), at)
    if closed:
        writer.close()
    played = play(tmp_path / "a.mkv")
    assert [number for _, number in played] == [int(at * 1000) for at in TIMES]
    assert [at for at, _ in played] == pytest.approx([at * 1000 for at in TIMES], abs=1.5)
    writer.close()


def test_ffmpeg_finds_nothing_to_complain_about(tmp_path: Path) -> None:
    ffmpeg = shutil.which("ffmpeg")
    if ffmpeg is None:
        pytest.skip("ffmpeg is not installed")
    writer = MkvWriter(tmp_path / "a.mkv", (640, 360))
    for at in TIMES:
        writer.write(jpeg(int(at * 1000)), at)
    writer.close()
    done = run(ffmpeg, "-v", "warning", "-i", tmp_path / "a.mkv", "-f", "null", "-")
    problems = [line for line in done.err.splitlines() if "deprecated pixel format" not in line]
    assert (done.code, problems) == (0, [])


def test_a_killed_programs_recording_plays_to_its_last_frames(tmp_path: Path) -> None:
    program = (
        "import time, numpy as np\nfrom pathlib import Path\n"
        "from edgecnn.camera.recorder import Recorder\n"
        f"recorder = Recorder(Path({str(tmp_path / 'killed.mkv')!r}))\n"
        "while True:\n"
        "    recorder.add(np.full((120, 160, 3), recorder.frames % 200, np.uint8), time.monotonic())\n"
        "    if recorder.frames >= 20: print('going', flush=True)\n"
        "    time.sleep(0.02)\n"
    )
    with Running(sys.executable, "-c", program) as child:
        assert child.line() == "going\n"
        child.finish(number=signal.SIGKILL)
    assert len(play(tmp_path / "killed.mkv")) >= 20


def test_recorder_takes_changed_sizes_and_closes_twice(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path / "a.mkv")
    for index, size in enumerate([(64, 48), (64, 48), (128, 96)]):
        recorder.add(np.full((size[1], size[0], 3), 90, np.uint8), index / 10)
    recorder.close()
    recorder.close()
    assert (recorder.frames, recorder.error) == (3, "")
    capture = cv2.VideoCapture(str(tmp_path / "a.mkv"))
    assert [capture.read()[1].shape for _ in range(3)] == [(48, 64, 3)] * 3


def test_a_full_disk_ends_the_recording_and_nothing_else(tmp_path: Path) -> None:
    if not Path("/dev/full").exists():
        pytest.skip("no /dev/full here")
    program = (
        "import resource, signal, time, numpy as np\nfrom pathlib import Path\n"
        "from edgecnn.camera.recorder import Recorder\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (200_000, 200_000))\n"
        f"recorder = Recorder(Path({str(tmp_path / 'full.mkv')!r}))\n"
        "picture = np.random.default_rng(0).integers(0, 256, (120, 160, 3), np.uint8)\n"
        "while not recorder.error:\n"
        "    recorder.add(picture, time.monotonic())\n"
        "    time.sleep(0.01)\n"
        "recorder.close()\nprint(recorder.frames, recorder.error)\n"
    )
    done = python("-c", program)
    assert "full.mkv ended: File too large" in done.out, done
    assert len(play(tmp_path / "full.mkv")) >= 3


def test_names_are_checked_before_anything_is_opened(tmp_path: Path) -> None:
    for name in ("a.mp4", "a.avi"):
        with pytest.raises(OptionError, match=r"recordings are Matroska files; give a name that ends in \.mkv"):
            Recorder(tmp_path / name)
    (tmp_path / "there.mkv").write_bytes(b"keep me")
    with pytest.raises(OptionError, match="is there already"):
        Recorder(tmp_path / "there.mkv")
    with pytest.raises(OptionError, match=r"folder .* is not there"):
        Recorder(tmp_path / "no" / "a.mkv")
    assert (tmp_path / "there.mkv").read_bytes() == b"keep me"
