"""What every test shares: real data where there is some, and a report header that says what ran."""

import importlib.metadata
import os
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent.parent / "samples"


def pytest_report_header() -> list[str]:
    versions = []
    for name in ("numpy", "pillow", "onnxruntime", "onnx", "torch", "torchvision", "opencv-python"):
        try:
            versions.append(f"{name} {importlib.metadata.version(name)}")
        except importlib.metadata.PackageNotFoundError:
            versions.append(f"{name} absent")
    try:
        import onnxruntime

        providers = ", ".join(onnxruntime.get_available_providers())
    except ImportError:
        providers = "none"
    return [", ".join(versions), f"providers: {providers}"]


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Folder of real data sets; tests that measure on them skip where it is not given."""
    folder = os.environ.get("EDGECNN_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("EDGECNN_DATA names no folder of data sets")
    return Path(folder)


@pytest.fixture(scope="session")
def sample_images() -> Path:
    """The licensed pictures that come with the repository."""
    return SAMPLES / "images"
