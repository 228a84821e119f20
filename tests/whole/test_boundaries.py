"""The house: imports only go down, no circle of files, and what each floor may need."""

import ast
import sys
from pathlib import Path

import pytest
from support.command import edgecnn
from support.imports import circles, import_graph, imports, upward

ROOT = Path(__file__).parents[2]
RUNTIME, EXPORT, TOP = ROOT / "runtime" / "edgecnn_runtime", ROOT / "export" / "edgecnn_export", ROOT / "edgecnn"

# From top to bottom. `if TYPE_CHECKING` is no way around it: a reader follows such an import like any other.
FLOORS = (
    ("edgecnn.__main__",),
    ("edgecnn.cli",),
    ("edgecnn.training", "edgecnn.understanding", "edgecnn.camera", "edgecnn.evaluation"),
    ("edgecnn.zoo",),
    ("edgecnn.data",),
    ("edgecnn",),  # names, and the version
    ("edgecnn_export",),
    ("edgecnn_runtime",),
)


@pytest.fixture(scope="module")
def graph() -> dict[str, set[str]]:
    return import_graph(TOP, EXPORT, RUNTIME)


def test_imports_only_go_down(graph):
    assert upward(graph, FLOORS) == []


def test_no_file_is_in_a_circle_with_another(graph):
    assert circles(graph) == []


def test_picture_files_have_one_way_in():
    """Whatever a command reads obeys the rules of docs/pictures.md, as nothing else opens pictures."""
    ways_in = {"Image.open", "cv2.imread", "cv2.imdecode"}
    found = {
        str(path.relative_to(ROOT))
        for folder in (TOP, EXPORT, RUNTIME)
        for path in folder.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) in ways_in
    }
    runtime = "runtime/edgecnn_runtime"
    # A camera's snapshots and MJPEG are a live stream, whose limits are others.
    assert found == {f"{runtime}/picture_file.py", f"{runtime}/live/captures/http.py"}


def test_circles_and_upward_imports_are_found_wherever_they_stand(tmp_path):
    files = {
        "house/__init__.py": "from house.low.first import one",
        "house/low/__init__.py": "",
        "house/low/first.py": "import json\nfrom house.low import second\ndef one(): ...",
        "house/low/second.py": "class Two:\n def two(self):\n  from house.low.third import three",
        "house/low/third.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n from house.low.first import one",
        "house/high.py": "import house.low.first\nfrom house.low import second",
        "house/beside.py": "def late():\n try:\n  from house import high\n finally: ...",
    }
    for name, text in files.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(text)
    graph = import_graph(tmp_path / "house")
    assert graph["house.high"] == {"house.low.first", "house.low.second"}
    assert circles(graph) == [("house.low.first", "house.low.second", "house.low.third")]
    assert upward(graph, [["house"], ["house.high", "house.beside"], ["house.low"]]) == [
        "house.beside imports house.high"
    ]
    assert "house.beside imports house.high" in upward(
        graph, [["house"], ["house.high"], ["house.beside", "house.low"]]
    )
    assert upward(graph, [["house.beside"], ["house", "house.high"], ["house.low"]]) == []


def outside(path: Path) -> set[str]:
    return {found.package for found in imports(path)} - sys.stdlib_module_names


@pytest.mark.parametrize("path", list(RUNTIME.glob("*.py")), ids=lambda p: p.name)
def test_the_runtime_imports_numpy_pillow_and_onnxruntime_only(path):
    assert outside(path) <= {"numpy", "PIL", "onnxruntime", "edgecnn_runtime"}


def test_live_adds_opencv_and_its_own_extras_only():
    allowed = {"numpy", "PIL", "onnxruntime", "edgecnn_runtime", "cv2", "mss", "cv2_enumerate_cameras"}
    for path in (RUNTIME / "live").rglob("*.py"):
        assert outside(path) <= allowed, path


def test_only_the_command_line_prints_and_it_loads_what_is_heavy_when_it_needs_it():
    for path in EXPORT.rglob("*.py"):
        assert not outside(path) & {"typer", "rich"}, path
    for path in (TOP / "cli").glob("*.py"):
        loaded = {found.package for found in imports(path) if found.at_once} - sys.stdlib_module_names
        assert loaded <= {"typer", "rich", "edgecnn", "edgecnn_runtime"}, path


def test_every_file_keeps_one_idea():
    texts = {
        path: path.read_text(encoding="utf-8") for package in (RUNTIME, EXPORT, TOP) for path in package.rglob("*.py")
    }
    assert [path for path, text in texts.items() if not ast.get_docstring(ast.parse(text))] == []
    assert [path for path, text in texts.items() if len(text.splitlines()) > 250] == []


HEAVY = (
    "torch", "torchvision", "timm", "onnx", "onnxscript", "edgecnn_export", "cv2", "sklearn", "matplotlib",
    "safetensors",
)  # fmt: skip


@pytest.mark.parametrize(
    "command", [["classify", "school_bus.jpg"], ["verify", "default"], ["doctor", "--json"], ["--help"]]
)
def test_the_base_installation_is_enough_for_what_needs_no_training(command, sample_images):
    done = edgecnn(*command, cwd=sample_images, hidden=HEAVY)
    assert done.code == 0, done


def test_classify_does_not_wait_for_rich(sample_images):
    done = edgecnn("classify", sample_images / "school_bus.jpg", "--json", hidden=["rich"])
    assert done.code == 0, done
