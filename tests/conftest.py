"""What every test shares: real data where there is some, and a report header that says what ran."""

import importlib.metadata
import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

SAMPLES = Path(__file__).parent.parent / "samples"

# What a test may skip for where everything is installed: all that no package can bring.
EXPECTED_SKIPS = re.compile(
    "|".join(
        (
            "EDGECNN_DATA names no folder",  # the data sets are large and do not come with the repository
            "CUDA",  # no graphics card, or a wheel of ONNX Runtime without one
            "pip or its package index cannot be reached",  # the network's fault
            r"Python 3\.\d+ is not here",  # it runs on the Pythons that the machine has
            "this user reads every file",  # root, as in most containers
            "only glibc|only Linux|no /dev/full|no Windows|cannot be limited here",  # another operating system
        )
    )
)


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


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--no-unexpected-skips", action="store_true", help="fail where a test skips for want of a package")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report = yield
    return report if item.get_closest_marker("gpu") else _judge_skip(report, item.config)


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Iterator[None]:
    return _judge_skip((yield), collector.config)


def _judge_skip(report, config: pytest.Config):
    """The report, failed where it is a skip that an installation without gaps would not have."""
    if report.skipped and not hasattr(report, "wasxfail") and config.getoption("--no-unexpected-skips"):
        path, line, reason = report.longrepr
        if not EXPECTED_SKIPS.search(reason):
            report.outcome, report.longrepr = "failed", f"{path}:{line}: not expected to skip: {reason}"
    return report


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


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """The model file of the tiny network whose answer is the color of the picture."""
    from support.models import packed

    path = tmp_path / "colors.onnx"
    path.write_bytes(packed())
    return path
