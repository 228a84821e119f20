"""What the documents say: commands that exist, links that lead somewhere, a README whose examples run."""

import re
import shlex
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import typer
from edgecnn_runtime import Classifier
from support.command import edgecnn, python
from support.figures import differences

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


def examples() -> Iterator[tuple[str, str]]:
    """Each `$ edgecnn …` of the documents that shows what it prints, and what it shows."""
    for path in DOCUMENTS:
        for block in re.findall(r"```(?:text|console)\n(.+?)```", path.read_text(encoding="utf-8"), re.DOTALL):
            for command, shown in re.findall(r"^\$ edgecnn (.+)\n((?:(?!\$).*\n)*)", block, re.MULTILINE):
                if shown:
                    yield command, shown


@pytest.mark.parametrize(("command", "shown"), list(examples()))
def test_an_example_prints_what_it_shows(command, shown):
    done = edgecnn(*shlex.split(command), cwd=ROOT)
    assert done.code == 0, done
    assert differences(shown, done.out) == []


def test_a_figure_that_has_changed_is_seen():
    shown = "  87.8%  school bus\nphoto.jpg on cpu: decode 1.3 ms, 60% like\n"
    assert differences(shown, "  87.6%  school bus\nphoto.jpg on cpu: decode 9.9 ms, 61% like\n") == []
    assert len(differences(shown, "  87.3%  school bus\nphoto.jpg on gpu: decode 1.3 ms, 60% like\n")) == 2
    assert differences(shown, "  87.8%  school bus\n")
    assert differences("4 golden vectors, error 1.0e-06", "3 golden vectors, error 1.0e-06")
    assert differences("4 golden vectors, error 1.0e-06", "4 golden vectors, error 0.0e+00") == []


def test_the_built_in_model_measured_what_the_readme_says():
    figures = Classifier().model.card.measured["verdict"]["precisions"]
    fp32, int8 = figures["fp32"], figures["int8"]
    row = (
        f"| built-in int8 file against fp32, {int8['pictures']} photos that calibration did not see | "
        f"{int8['flipped']} labels differ ({int8['agreement']:.1%} equal), "
        f"top-1 {int8['top1']:.1%} against {fp32['top1']:.1%} |"
    )
    readme = (ROOT / "README.md").read_text(encoding="utf-8").replace(" %", "%")
    assert row.replace("% against", " against") in readme


def test_the_networks_to_train_cost_what_the_table_says():
    text = (ROOT / "docs/training.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+)` \| ([\d,]+) \| ([\d.]+) \|", text, re.MULTILINE)
    printed = edgecnn("train", "--list", "--json").lines
    assert table == [(row["name"], f"{row['parameters']:,}", f"{row['macs'] / 1e6:.1f}") for row in printed]


def test_the_trained_models_have_the_size_that_is_said():
    folder = ROOT / "samples" / "models"
    text = (folder / "README.md").read_text(encoding="utf-8")
    table = re.findall(r"^\| `(\w+\.onnx)` \| `\w+`, ([\d,]+) parameters, .+ (\d+) KB \|$", text, re.MULTILINE)
    assert {name for name, _, _ in table} == {path.name for path in folder.glob("*.onnx")}
    for name, parameters, kilobytes in table:
        assert round((folder / name).stat().st_size / 1000) == int(kilobytes), name
        # Batch normalization is folded into the convolutions of the file.
        layers = edgecnn("inspect", folder / name, "--json").lines
        assert sum(row["parameters"] for row in layers) == pytest.approx(int(parameters.replace(",", "")), rel=0.01)


def test_the_readmes_program_runs(tmp_path, model, sample_images):
    (program,) = re.findall(r"```python\n(.+?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    shutil.copy(model, tmp_path / "model.onnx")
    shutil.copy(sample_images / "school_bus.jpg", tmp_path / "photo.jpg")
    done = python("-c", program, cwd=tmp_path)
    assert done.code == 0, done
