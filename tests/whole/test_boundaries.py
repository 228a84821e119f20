import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.command import edgecnn

ROOT = Path(__file__).parents[2]
RUNTIME, EXPORT, TOP = ROOT / "runtime" / "edgecnn_runtime", ROOT / "export" / "edgecnn_export", ROOT / "edgecnn"


def imports(path: Path) -> Iterator[tuple[str, bool]]:
    """Top-level names of what a module imports, and whether it does so while it is loaded itself."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    inside = {
        id(node) for outer in ast.walk(tree) if isinstance(outer, (ast.FunctionDef, ast.If)) for node in ast.walk(outer)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((alias.name.split(".")[0], id(node) not in inside) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield (node.module or "").split(".")[0], id(node) not in inside


def outside(path: Path) -> set[str]:
    return {name for name, _ in imports(path) if name not in sys.stdlib_module_names}


@pytest.mark.parametrize("path", list(RUNTIME.glob("*.py")), ids=lambda p: p.name)
def test_the_runtime_imports_numpy_pillow_and_onnxruntime_only(path):
    assert outside(path) <= {"numpy", "PIL", "onnxruntime", "edgecnn_runtime"}


def test_live_adds_opencv_and_its_own_extras_only():
    allowed = {"numpy", "PIL", "onnxruntime", "edgecnn_runtime", "cv2", "mss", "cv2_enumerate_cameras"}
    for path in (RUNTIME / "live").rglob("*.py"):
        assert outside(path) <= allowed, path


def test_imports_only_go_down():
    for path in EXPORT.rglob("*.py"):
        assert not outside(path) & {"edgecnn", "typer", "rich"}, path
    for path in (TOP / "cli").glob("*.py"):
        loaded = {name for name, at_once in imports(path) if at_once and name not in sys.stdlib_module_names}
        assert loaded <= {"typer", "rich", "edgecnn", "edgecnn_runtime"}, path


def test_every_file_keeps_one_idea():
    for path in [*RUNTIME.rglob("*.py"), *EXPORT.rglob("*.py"), *TOP.rglob("*.py")]:
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), f"{path} has no docstring"


@pytest.mark.parametrize(
    "command", [["classify", "school_bus.jpg"], ["verify", "default"], ["doctor", "--json"], ["--help"]]
)
def test_the_base_installation_is_enough_for_what_needs_no_training(command, sample_images):
    missing = [
        "torch",
        "torchvision",
        "timm",
        "onnx",
        "onnxscript",
        "edgecnn_export",
        "cv2",
        "sklearn",
        "matplotlib",
        "safetensors",
    ]
    hidden = f"import sys; sys.modules.update(dict.fromkeys({missing}))"
    done = edgecnn(*command, cwd=sample_images, before=hidden)
    assert done.code == 0, done


def test_classify_does_not_wait_for_rich(sample_images):
    done = edgecnn(
        "classify", sample_images / "school_bus.jpg", "--json", before="import sys; sys.modules['rich'] = None"
    )
    assert done.code == 0, done
