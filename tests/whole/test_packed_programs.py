"""Programs packed with the runtime inside find the model that travels with it."""

import importlib.metadata
import importlib.util
import shutil
import sys
import zipfile
from pathlib import Path

import edgecnn_runtime
import pytest
from support.command import python, run
from support.pictures import RED, plain, save

ROOT = Path(__file__).parents[2]
PACKAGE = Path(edgecnn_runtime.__file__).parent
HOOKS = PACKAGE / "_pyinstaller"

# PyInstaller follows ONNX Runtime's optional tools to whatever is installed; a program that labels needs none of it.
NOT_NEEDED = ("torch", "onnx", "sympy", "matplotlib", "scipy", "pytest", "setuptools")

pytestmark = pytest.mark.skipif(
    not (PACKAGE / "models" / "default.onnx").is_file(), reason="the built-in model is not in this checkout"
)


def _finds_hooks_by_itself() -> bool:
    """Whether the runtime is installed as it is published, so that its entry point names this folder."""
    entries = importlib.metadata.entry_points(group="pyinstaller40")
    return any(Path(folder).samefile(HOOKS) for entry in entries if entry.value.startswith("edgecnn_runtime")
               for folder in entry.load()())  # fmt: skip


@pytest.mark.slow
def test_a_program_frozen_with_pyinstaller_labels(tmp_path):
    if importlib.util.find_spec("PyInstaller") is None:
        pytest.skip("PyInstaller is not installed; type: pip install pyinstaller")
    folders = ("--distpath", tmp_path / "dist", "--workpath", tmp_path / "work", "--specpath", tmp_path)
    excluded = [word for name in NOT_NEEDED for word in ("--exclude-module", name)]
    hooks = () if _finds_hooks_by_itself() else ("--additional-hooks-dir", HOOKS)
    sample = ROOT / "samples" / "embed.py"
    done = python("-m", "PyInstaller", "--onefile", "--noconfirm", *folders, *excluded, *hooks, sample, timeout_s=400)
    assert done.code == 0, done
    program = tmp_path / "dist" / ("embed.exe" if sys.platform == "win32" else "embed")
    picture = save(plain(RED), tmp_path / "red.png")
    done = run(program, picture, cwd=tmp_path, env={"PYTHONPATH": None})
    assert done.code == 0, done
    assert "(CPUExecutionProvider, " in done.out
    shutil.rmtree(tmp_path / "work")


def test_the_runtime_works_out_of_a_zip_archive(tmp_path):
    archive = tmp_path / "program.pyz"
    with zipfile.ZipFile(archive, "w") as file:
        for path in sorted(PACKAGE.rglob("*")):
            if path.suffix in (".py", ".onnx"):
                file.write(path, path.relative_to(PACKAGE.parent))
        file.write(ROOT / "samples" / "embed.py", "__main__.py")
    picture = save(plain(RED), tmp_path / "red.png")
    done = python(archive, picture, cwd=tmp_path, env={"PYTHONPATH": None})
    assert done.code == 0, done
    assert "(CPUExecutionProvider, " in done.out
    where = python(
        "-c", f"import sys; sys.path.insert(0, {str(archive)!r}); import edgecnn_runtime as e; print(e.__file__)"
    )
    assert str(archive) in where.out


def test_a_program_without_the_model_is_told(tmp_path):
    shutil.copytree(PACKAGE, tmp_path / "edgecnn_runtime", ignore=shutil.ignore_patterns("models", "__pycache__"))
    code = "import sys; sys.path.insert(0, '.'); from edgecnn_runtime import Classifier, ModelFileError\n"
    code += "try: Classifier()\nexcept ModelFileError as error: print(error)"
    done = python("-c", code, cwd=tmp_path, env={"PYTHONPATH": None})
    assert "the built-in model cannot be read" in done.out
    assert "a program that was packed must hold the data files of edgecnn_runtime" in done.out
