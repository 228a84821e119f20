import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("cv2", reason="the live parts need OpenCV: pip install opencv-python")
sys.path.insert(0, str(Path(__file__).parent))

from edgecnn_runtime import Classifier
from live_models import colour_model
from live_streams import MjpegServer


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    return Classifier(colour_model(), device="cpu", threads=1)


@pytest.fixture
def mjpeg() -> Iterator[MjpegServer]:
    with MjpegServer() as server:
        yield server
