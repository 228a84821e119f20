"""What the documents say: commands that exist, links that lead somewhere, a README whose examples run."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from support.command import edgecnn, python

from edgecnn.cli.main import app

ROOT = Path(__file__).parents[2]
FOLDERS = {"edgecnn": ".", "edgecnn_export": "export", "edgecnn_runtime": "runtime"}
DOCUMENTS = [
    path
    for pattern in ("*.md", "docs/*.md", "samples/**/*.md", "runtime/*.md", "export/*.md", "benchmarks/*.md")
    for path in sorted(ROOT.glob(pattern))
]


def commands(path: Path) -> Iterator[list[str]]:
    """The arguments of each `edgecnn …` line in a document's code blocks."""
    text = path.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^ *(?:\$ )?edgecnn (\S.*)$", text, re.MULTILINE):
        if "[--" not in line and "…" not in line:  # a pattern, not a command
            words = shlex.split(line, comments=True)
            yield words[: words.index("|")] if "|" in words else words


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_command_in_it_can_be_typed(path):
    group = typer.main.get_command(app)
    for command, *arguments in commands(path):
        found = group.get_command(group.make_context("edgecnn", [command]), command)
        assert found is not None, command
        found.make_context(command, arguments)


@pytest.mark.parametrize("path", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_link_in_it_leads_to_a_file(path):
    for target in re.findall(r"\]\(([^)#\s]+)[^)]*\)", path.read_text(encoding="utf-8")):
        assert "://" in target or (path.parent / target).exists(), target


def test_the_architecture_names_files_that_are_there():
    text = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    for name in re.findall(r"`(edgecnn(?:_export|_runtime)?(?:[./]\w+)+)`", text):
        floor, *below = re.split("[./]", name)
        path = ROOT.joinpath(FOLDERS[floor], floor, *below)
        assert path.is_dir() or path.with_suffix(".py").is_file(), name


def test_the_readmes_example_gives_what_it_shows():
    shown = re.search(r"```text\n\$ edgecnn (.+)\n((?:.*%.*\n)+)", (ROOT / "README.md").read_text(encoding="utf-8"))
    done = edgecnn(*shlex.split(shown[1]), cwd=ROOT)
    told, seen = (re.findall(r"([\d.]+)%  (.+)", text) for text in (shown[2], done.out))
    assert [label for _, label in told] == [label for _, label in seen], done
    # ONNX Runtime's sums in floating point differ a little from processor to processor.
    assert [float(score) for score, _ in told] == pytest.approx([float(score) for score, _ in seen], abs=0.3)


def test_the_readmes_program_runs(tmp_path, model, sample_images):
    (program,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copy(model, tmp_path / "model.onnx")
    shutil.copy(sample_images / "school_bus.jpg", tmp_path / "photo.jpg")
    done = python("-c", program, cwd=tmp_path)
    assert done.code == 0, done
