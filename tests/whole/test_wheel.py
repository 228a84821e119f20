"""What is published: the wheels, installed alone, on every Python that is here."""

import os
import shutil
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import python, run

ROOT = Path(__file__).parents[2]
SUPPORTED = ("3.11", "3.12", "3.13", "3.14")

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def wheels(tmp_path_factory) -> dict[str, Path]:
    """The wheels of the runtime and of the command, built from the sources."""
    folder = tmp_path_factory.mktemp("wheels")
    index = ("--no-deps", "--retries", "0", "--timeout", "10")
    if python("-m", "pip", "download", *index, "-d", folder / "asked", "hatchling").code:
        pytest.skip("pip or its package index cannot be reached")
    done = python("-m", "pip", "wheel", "--no-deps", "-w", folder, ROOT / "runtime", ROOT, timeout_s=300)
    assert done.code == 0, done
    return {path.name.split("-")[0]: path for path in folder.glob("edgecnn*.whl")}


def interpreters(version: str) -> Iterator[Path]:
    """Pythons of a version: this one, on the path, or installed by pyenv."""
    yield Path(sys.executable)
    if found := shutil.which(f"python{version}"):
        yield Path(found)
    yield from (Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions").glob(f"{version}.*/bin/python")


def install(interpreter: Path, folder: Path, *packages: object) -> Path:
    """The Python of a new virtual environment in `folder` with nothing but `packages` in it."""
    made = run(interpreter, "-m", "venv", folder)
    assert made.code == 0, made
    inside = folder / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    done = run(inside, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *packages, timeout_s=300)
    assert done.code == 0, done
    return inside


def test_the_wheel_holds_the_model_and_stays_small(wheels):
    wheel = wheels["edgecnn_runtime"]
    names = {entry.filename: entry.file_size for entry in zipfile.ZipFile(wheel).infolist()}
    assert names["edgecnn_runtime/models/default.onnx"] <= 8 << 20
    assert "edgecnn_runtime/py.typed" in names
    assert any(name.endswith("licenses/LICENSE") for name in names)
    assert not [name for name in names if "test" in name or "__pycache__" in name]
    assert wheel.stat().st_size <= 9 << 20


def test_the_command_carries_the_page_of_its_browser_view(wheels):
    assert "edgecnn/camera/page.html" in zipfile.ZipFile(wheels["edgecnn"]).namelist()


def test_the_wheel_installed_alone_classifies_a_picture(wheels, tmp_path, sample_images):
    inside = install(Path(sys.executable), tmp_path / "venv", f"{wheels['edgecnn_runtime']}[cpu]")
    program = """
import importlib.util, json, sys
from edgecnn_runtime import Classifier, verify
result = Classifier()(sys.argv[1])
heavy = ("torch", "torchvision", "onnx", "typer", "rich", "edgecnn", "cv2")
absent = [name for name in heavy if not importlib.util.find_spec(name)]
print(json.dumps({"label": result.label, "absent": absent, "passed": verify().passed, "provider": result.provider}))
"""
    (answer,) = run(inside, "-I", "-c", program, sample_images / "school_bus.jpg", cwd=tmp_path).lines
    assert answer == {
        "label": "school bus",
        "absent": ["torch", "torchvision", "onnx", "typer", "rich", "edgecnn", "cv2"],
        "passed": True,
        "provider": "CPUExecutionProvider",
    }


@pytest.mark.parametrize("version", SUPPORTED)
def test_the_command_runs_on_every_supported_python(wheels, version, tmp_path, sample_images):
    for interpreter in interpreters(version):
        if run(interpreter, "-c", "import sys; print('%d.%d' % sys.version_info[:2])").out.strip() == version:
            break
    else:
        pytest.skip(f"Python {version} is not here")
    inside = install(interpreter, tmp_path / "venv", f"{wheels['edgecnn_runtime']}[cpu]", wheels["edgecnn"])
    done = run(inside, "-I", "-m", "edgecnn", "classify", sample_images / "school_bus.jpg", "--json", cwd=tmp_path)
    assert done.code == 0, done
    assert done.lines[0]["predictions"][0]["label"] == "school bus"
    assert run(inside, "-I", "-m", "edgecnn", "verify", "default", cwd=tmp_path).code == 0


@pytest.mark.parametrize("folder", [".", "export", "runtime"])
def test_each_distribution_names_the_pythons_that_are_tested(folder):
    project = tomllib.loads((ROOT / folder / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    named = [text.rpartition(" ")[2] for text in project["classifiers"] if ":: Python :: 3." in text]
    assert (tuple(named), project["requires-python"]) == (SUPPORTED, ">=3.11")
