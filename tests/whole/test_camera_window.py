"""The window, on a virtual display: keys through xdotool, its X, a look at its pixels."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

cv2 = pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")
sys.path.insert(0, str(Path(__file__).parents[1] / "runtime" / "live"))

from live_models import color_model  # noqa: E402
from live_streams import scene  # noqa: E402

COMMAND = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "camera"]
TITLE = "edgecnn camera"


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install xvfb xdotool)")
    reader, writer = os.pipe()
    command = ["Xvfb", "-displayfd", str(writer), "-screen", "0", "1000x700x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[writer], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(writer)
    with os.fdopen(reader) as numbers:
        number = numbers.readline().strip()
    yield f":{number}"
    server.terminate()
    server.wait()


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    clip, model = tmp_path / "clip.avi", tmp_path / "colors.onnx"
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 30, (320, 240))
    for index in range(30):
        writer.write(scene(index, (320, 240)))
    writer.release()
    model.write_bytes(color_model())
    return clip, model


class Program:
    """`edgecnn camera` with its window on a display."""

    def __init__(self, display: str, clip: Path, model: Path, folder: Path) -> None:
        self.environment = {**os.environ, "DISPLAY": display}
        command = [*COMMAND, str(clip), "--model", str(model), "--realtime", "--loop", "--folder", str(folder)]
        self.process = subprocess.Popen(
            command, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        deadline = time.monotonic() + 60
        while not (window := self.xdotool("search", "--name", f"^{TITLE}$")):
            assert time.monotonic() < deadline, "no window came"
            assert self.process.poll() is None, self.process.communicate()
            time.sleep(0.1)
        self.window = window.split()[-1]
        time.sleep(0.7)

    def xdotool(self, *arguments: str) -> str:
        command = ["xdotool", *arguments]
        return subprocess.run(command, env=self.environment, capture_output=True, text=True, check=False).stdout.strip()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.xdotool("key", "--window", self.window, key)
            # OpenCV keeps one key at a time, so two within one turn of a busy machine would be one.
            time.sleep(0.3)

    def quit(self) -> str:
        while self.process.poll() is None:
            self.press("q")
        return self.end()

    def end(self) -> str:
        output, errors = self.process.communicate(timeout=20)
        assert self.process.returncode == 0, (output, errors)
        return errors


def test_keys_snapshot_recording_and_quit(display: str, files: tuple[Path, Path], tmp_path: Path) -> None:
    program = Program(display, *files, tmp_path / "saved")
    program.press("9", "e", "f", "c", "1", "h", "h", "space", "space")
    program.press("s", "r")
    time.sleep(1.0)
    program.press("r")
    errors = program.quit()
    saved = sorted(path.suffix for path in (tmp_path / "saved").iterdir())
    assert saved == [".jpg", ".mkv"], errors
    assert "from grab to shown picture" in errors
    assert errors.count("saved ") == 2


def _colorful(shot: np.ndarray) -> float:
    """Share of an `(H, W, 3)` screenshot's pixels that are far from gray."""
    return float((shot.max(axis=2).astype(int) - shot.min(axis=2) > 60).mean())


def test_the_window_shows_the_picture_and_closing_it_ends_the_program(
    display: str, files: tuple[Path, Path], tmp_path: Path
) -> None:
    mss = pytest.importorskip("mss", reason="mss is not installed, so the window cannot be looked at")
    xdisplay = pytest.importorskip("Xlib.display", reason="python-xlib is not installed")
    from Xlib import X
    from Xlib.protocol import event

    def shows_the_picture() -> bool:
        deadline = time.monotonic() + 6
        with (mss.MSS if hasattr(mss, "MSS") else mss.mss)(display=display) as screen:
            # The test clip is colorful; an empty display is black, and a window that never painted is gray.
            while _colorful(np.asarray(screen.grab(screen.monitors[0]))[:, :, :3]) <= 0.05:
                if time.monotonic() > deadline:
                    return False
                time.sleep(0.1)
        return True

    # On a busy machine the Qt in OpenCV's wheel misses the first Expose event of about one window in ten (so does a
    # program of two lines with cv2.imshow) and never paints it; six such windows in a row would be our own fault.
    for _ in range(6):
        program = Program(display, *files, tmp_path)
        if shows_the_picture():
            break
        program.quit()
    else:
        pytest.fail("the window never showed the picture")
    connection = xdisplay.Display(display)
    window = connection.create_resource_object("window", int(program.window))
    close = event.ClientMessage(
        window=window,
        client_type=connection.intern_atom("WM_PROTOCOLS"),
        data=(32, [connection.intern_atom("WM_DELETE_WINDOW"), X.CurrentTime, 0, 0, 0]),
    )
    window.send_event(close)
    connection.flush()
    assert "frames labeled" in program.end()
    connection.close()


def test_a_display_that_is_not_there_leads_to_the_browser(files: tuple[Path, Path]) -> None:
    clip, model = files
    command = [*COMMAND, str(clip), "--model", str(model), "--frames", "5"]
    environment = {**os.environ, "DISPLAY": ":9876"}
    environment.pop("WAYLAND_DISPLAY", None)
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert "the display cannot be opened; the picture is at http://127.0.0.1" in done.stderr
    assert done.returncode == 0


def test_the_screen_is_a_source(display: str, files: tuple[Path, Path]) -> None:
    pytest.importorskip("mss", reason="mss is not installed")
    command = [*COMMAND, "screen:10,20,320,200", "--model", str(files[1]), "--no-display", "--json", "--frames", "3"]
    environment = {**os.environ, "DISPLAY": display}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    command[len(COMMAND)] = "screen:9"
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
    assert (done.returncode, "there is no monitor 9" in done.stderr) == (1, True)
