"""Webcams, with a capture class that behaves like OpenCV's where there is no camera to plug in."""

import os
from pathlib import Path
from typing import ClassVar

import cv2
import numpy as np
import pytest
from edgecnn_runtime import SourceError
from edgecnn_runtime.live import Source, SourceOptions, State, find_camera, list_cameras
from edgecnn_runtime.live.captures.camera import open_camera, why_no_camera


class FakeCamera:
    """A webcam that gives raw pictures at 10 fps and compressed ones at 30, and can be unplugged."""

    plugged, refuse = True, False
    made: ClassVar[list["FakeCamera"]] = []

    def __init__(self, index: int, backend: int) -> None:
        self.index, self.backend, self.released = index, backend, False
        self.settings: dict[int, float] = {}
        self.order: list[int] = []
        self.made.append(self)

    def isOpened(self) -> bool:
        return self.plugged and not self.refuse

    def set(self, name: int, value: float) -> bool:
        self.order.append(name)
        self.settings[name] = value
        if name == cv2.CAP_PROP_FPS and self.settings.get(cv2.CAP_PROP_FOURCC) != cv2.VideoWriter.fourcc(*"MJPG"):
            self.settings[name] = 10
        return True

    def get(self, name: int) -> float:
        return self.settings.get(name, 0)

    def read(self):
        if not self.plugged:
            return False, None
        return True, np.random.default_rng().integers(0, 256, (72, 128, 3), np.uint8)

    def release(self) -> None:
        self.released = True


@pytest.fixture(autouse=True)
def fresh() -> None:
    FakeCamera.plugged, FakeCamera.refuse = True, False
    FakeCamera.made = []


def opener(spec, options):
    return open_camera(spec, options, factory=FakeCamera)


def test_mjpg_is_set_before_size_and_rate_and_all_is_read_back() -> None:
    with Source(0, SourceOptions(size=(800, 600), fps=25), opener=opener) as source:
        assert source.details == "camera 0: 800×600 MJPG, 25 fps"
    assert FakeCamera.made[0].order == [
        cv2.CAP_PROP_FOURCC,
        cv2.CAP_PROP_FRAME_WIDTH,
        cv2.CAP_PROP_FRAME_HEIGHT,
        cv2.CAP_PROP_FPS,
    ]
    assert FakeCamera.made[0].released


def test_unplugged_and_plugged_in_again() -> None:
    with Source(0, SourceOptions(longest_pause_s=0.1), opener=opener) as source:
        assert source.read() is not None
        FakeCamera.plugged = False
        while source.state is not State.RECONNECTING:
            source.read(timeout_s=0.05)
        FakeCamera.plugged = True
        frame = source.read(timeout_s=30)
        while frame is not None and frame.connection == 0:
            frame = source.read(timeout_s=30)
        assert frame is not None
        assert source.state is State.LIVE
    assert all(camera.released for camera in FakeCamera.made)


def test_every_backend_is_tried_and_let_go() -> None:
    FakeCamera.refuse = True
    with pytest.raises(SourceError):
        Source(7, opener=opener).open()
    assert len(FakeCamera.made) >= 1
    assert all(camera.released for camera in FakeCamera.made)


def test_linux_tells_missing_forbidden_and_busy_apart(tmp_path: Path) -> None:
    assert "no camera is plugged in" in why_no_camera(0, platform="linux", devices=tmp_path)
    (tmp_path / "video0").write_bytes(b"")
    assert "there are video0" in why_no_camera(3, platform="linux", devices=tmp_path)
    assert "another program uses it" in why_no_camera(0, platform="linux", devices=tmp_path)
    if os.geteuid() != 0:
        (tmp_path / "video0").chmod(0)
        assert "usermod -aG video" in why_no_camera(0, platform="linux", devices=tmp_path)


def test_other_systems_name_where_the_permission_is_given() -> None:
    assert "Privacy & Security, Camera" in why_no_camera(0, platform="darwin")
    assert "privacy settings" in why_no_camera(0, platform="win32")


def test_cameras_are_listed_and_found_by_name(tmp_path: Path) -> None:
    for number, name, index in ((0, "Integrated Camera", 0), (1, "Integrated Camera", 1), (2, "HD Pro Webcam C920", 0)):
        (tmp_path / f"video{number}").mkdir()
        (tmp_path / f"video{number}" / "name").write_text(name + "\n")
        (tmp_path / f"video{number}" / "index").write_text(f"{index}\n")
    assert [(camera.index, camera.name) for camera in list_cameras(sysfs=tmp_path)] == [
        (0, "Integrated Camera"),
        (2, "HD Pro Webcam C920"),
    ]
    assert find_camera("c920", sysfs=tmp_path) == 2
    with pytest.raises(SourceError, match="2 cameras are called 'c'"):
        find_camera("c", sysfs=tmp_path)
    with pytest.raises(SourceError, match="no camera is called 'Elgato'"):
        find_camera("Elgato", sysfs=tmp_path)
