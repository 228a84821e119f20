"""The window, on a virtual display: keys through xdotool, its X, a look at its pixels."""

import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from support.command import Running, edgecnn, run, start_edgecnn

pytest.importorskip("cv2", reason="the camera needs OpenCV: pip install opencv-python")

from support.live import write_clip

TITLE = "edgecnn camera"
PATIENCE_S = 60


@pytest.fixture(scope="module")
def display() -> Iterator[str]:
    for program in ("Xvfb", "xdotool"):
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed (apt-get install xvfb xdotool)")
    # Without -noreset it begins anew when its last client has gone, and whoever comes meanwhile is turned away.
    with Running("Xvfb", "-noreset", "-displayfd", 1, "-screen", 0, "1000x700x24", "-nolisten", "tcp") as server:
        yield f":{server.line().strip()}"
        server.finish(number=signal.SIGTERM)


@pytest.fixture
def clip(tmp_path: Path) -> Path:
    return write_clip(tmp_path / "clip.avi", frames=30, fps=30)


def until(condition: Callable[[], object], what: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, what
        time.sleep(0.1)


class Program:
    """`edgecnn camera` with its window on a display."""

    def __init__(self, display: str, clip: Path, model: Path, folder: Path) -> None:
        self._environment = {"DISPLAY": display}
        arguments = (clip, "--model", model, "--realtime", "--loop", "--folder", folder)
        self._running = start_edgecnn("camera", *arguments, env=self._environment)
        until(lambda: not self._running.alive or self._found(), "no window came")
        assert self._running.alive, self._running.finish()
        self.window = self._found().split()[-1]

    def xdotool(self, *arguments: str) -> str:
        return run("xdotool", *arguments, env=self._environment).out.strip()

    def press(self, *keys: str) -> None:
        for key in keys:
            self.xdotool("key", "--window", self.window, key)
            # OpenCV keeps one key at a time, so two within one turn of a busy machine would be one.
            time.sleep(0.3)

    def press_for(self, key: str, effect: Callable[[], object]) -> None:
        """Press a key until it shows; a key that came together with another one is lost."""
        deadline = time.monotonic() + PATIENCE_S
        while not effect():
            assert time.monotonic() < deadline, f"{key} has no effect"
            self.press(key)
            time.sleep(2)

    def quit(self) -> str:
        while self._running.alive:
            self.press("q")
        return self.end()

    def end(self) -> str:
        done = self._running.finish()
        assert done.code == 0, done
        return done.err

    def _found(self) -> str:
        return self.xdotool("search", "--name", f"^{TITLE}$")


def test_keys_snapshot_recording_and_quit(display: str, clip: Path, model: Path, tmp_path: Path) -> None:
    saved = tmp_path / "saved"
    program = Program(display, clip, model, saved)
    program.press("9", "e", "f", "c", "1", "h", "h", "space", "space")
    program.press_for("s", lambda: list(saved.glob("*.jpg")))
    program.press_for("r", lambda: list(saved.glob("*.mkv")))
    program.press("r")
    errors = program.quit()
    files = list(saved.iterdir())
    assert {path.suffix for path in files} == {".jpg", ".mkv"}, errors
    assert "from grab to shown picture" in errors
    assert errors.count("saved ") == len(files)


def _colorful(shot: np.ndarray) -> float:
    """Share of an `(H, W, 3)` screenshot's pixels that are far from gray."""
    return float((shot.max(axis=2).astype(int) - shot.min(axis=2) > 60).mean())


def test_the_window_shows_the_picture_and_closing_it_ends_the_program(
    display: str, clip: Path, model: Path, tmp_path: Path
) -> None:
    mss = pytest.importorskip("mss", reason="mss is not installed, so the window cannot be looked at")
    xdisplay = pytest.importorskip("Xlib.display", reason="python-xlib is not installed")
    from Xlib import X
    from Xlib.protocol import event

    program = Program(display, clip, model, tmp_path)
    # The Qt in OpenCV's wheel at times takes a fresh window for one that is not exposed, on a display without a window
    # manager, and then never paints it, whatever imshow gets. Hiding and showing the window tells Qt the truth.
    program.xdotool("windowunmap", "--sync", program.window)
    program.xdotool("windowmap", "--sync", program.window)
    with (mss.MSS if hasattr(mss, "MSS") else mss.mss)(display=display) as screen:
        # The test clip is colorful; an empty display is black, and a window that never painted is gray.
        until(
            lambda: _colorful(np.asarray(screen.grab(screen.monitors[0]))[:, :, :3]) > 0.05,
            "the window never showed the picture",
        )
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


def test_a_display_that_is_not_there_leads_to_the_browser(clip: Path, model: Path) -> None:
    environment = {"DISPLAY": ":9876", "WAYLAND_DISPLAY": None}
    done = edgecnn("camera", clip, "--model", model, "--frames", 5, env=environment)
    assert "the display cannot be opened; the picture is at http://127.0.0.1" in done.err
    assert done.code == 0


def test_a_frozen_program_opens_its_window_too(display: str, clip: Path, model: Path, tmp_path: Path) -> None:
    frozen = tmp_path / "frozen"  # one file that is the whole command and knows no options of Python's
    frozen.write_text(
        f"#!{sys.executable}\nimport sys\nsys.frozen, sys.executable = True, __file__\n"
        "from edgecnn.cli.main import main\nmain()\n"
    )
    frozen.chmod(0o755)
    done = run(frozen, "camera", clip, "--model", model, "--frames", 5, env={"DISPLAY": display})
    assert (done.code, "picture is at" in done.err) == (0, False), done
    done = run(frozen, "verify", model, "--isolated")
    assert done.code == 0, done


def test_the_screen_is_a_source(display: str, model: Path) -> None:
    pytest.importorskip("mss", reason="mss is not installed")

    def grab(source: str):
        options = ("--model", model, "--no-display", "--json", "--frames", 3)
        return edgecnn("camera", source, *options, env={"DISPLAY": display})

    done = grab("screen:10,20,320,200")
    assert (done.code, len(done.lines)) == (0, 4), done
    done = grab("screen:9")
    assert (done.code, "there is no monitor 9" in done.err) == (1, True)
