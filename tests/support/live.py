"""Fixtures and pictures of the live tests; a conftest that wants the fixtures imports them."""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest
from edgecnn_runtime import Classifier

from support.models import packed
from support.pictures import plain
from support.streams import MjpegServer, scene


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    """The tiny network whose answer is the color of the picture."""
    return Classifier(packed(), device="cpu", threads=1)


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    """A camera on loopback."""
    with MjpegServer() as server:
        yield server


def plain_array(color: tuple[int, int, int], size: tuple[int, int] = (64, 48)) -> np.ndarray:
    """`(height, width, 3)` uint8 of one RGB color."""
    return np.asarray(plain(color, size))


def write_clip(path: Path, *, frames: int = 20, fps: float = 20.0, size: tuple[int, int] = (320, 240)) -> Path:
    """A video file of a scene that moves."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*"MJPG"), fps, size)
    for index in range(frames):
        writer.write(scene(index, size))
    writer.release()
    return path
