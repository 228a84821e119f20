import importlib.util
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

_MISSING = [name for name in ("cv2", "onnx", "onnxruntime") if importlib.util.find_spec(name) is None]
# The modules import what is missing at their top, so they cannot even be collected.
collect_ignore_glob = ["test_*.py"] if _MISSING else []
sys.path.insert(0, str(Path(__file__).parent))


def pytest_report_header() -> str:
    return f"live tests: left out, {', '.join(_MISSING)} is not installed" if _MISSING else "live tests: all"


@pytest.fixture(scope="session")
def classifier():
    from edgecnn_runtime import Classifier
    from live_models import color_model

    return Classifier(color_model(), device="cpu", threads=1)


@pytest.fixture
def mjpeg() -> Iterator[object]:
    from live_streams import MjpegServer

    with MjpegServer() as server:
        yield server
