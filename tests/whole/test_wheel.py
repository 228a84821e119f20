import json
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

pytestmark = pytest.mark.slow


def run(*command: object, timeout_s: float = 300, cwd: Path | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, timeout=timeout_s, cwd=cwd, check=False
    )
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """The runtime's wheel, built from the sources."""
    folder = tmp_path_factory.mktemp("wheel")
    pip = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    asked = [*pip, "download", "--no-deps", "--retries", "0", "--timeout", "10", "-d", folder / "asked", "hatchling"]
    if subprocess.run(asked, capture_output=True, check=False).returncode:
        pytest.skip("pip or its package index cannot be reached")
    run(*pip, "wheel", "--no-deps", "-w", folder, ROOT / "runtime")
    (built,) = folder.glob("edgecnn_runtime-*.whl")
    return built


def test_the_wheel_holds_the_model_and_stays_small(wheel):
    names = {entry.filename: entry.file_size for entry in zipfile.ZipFile(wheel).infolist()}
    assert names["edgecnn_runtime/models/default.onnx"] <= 8 << 20
    assert "edgecnn_runtime/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in name or "__pycache__" in name]
    assert wheel.stat().st_size <= 9 << 20


def test_the_wheel_installed_alone_classifies_a_picture(wheel, tmp_path, sample_images):
    run(sys.executable, "-m", "venv", tmp_path / "venv")
    python = tmp_path / "venv" / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    run(python, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", f"{wheel}[cpu]")
    program = """
import importlib.util, json, sys
from edgecnn_runtime import Classifier, verify
result = Classifier()(sys.argv[1])
heavy = ("torch", "torchvision", "onnx", "typer", "rich", "edgecnn", "cv2")
absent = [name for name in heavy if not importlib.util.find_spec(name)]
print(json.dumps({"label": result.label, "absent": absent, "passed": verify().passed, "provider": result.provider}))
"""
    answer = json.loads(run(python, "-I", "-c", program, sample_images / "school_bus.jpg", cwd=tmp_path))
    assert answer == {
        "label": "school bus",
        "absent": ["torch", "torchvision", "onnx", "typer", "rich", "edgecnn", "cv2"],
        "passed": True,
        "provider": "CPUExecutionProvider",
    }
