"""Damaged and hostile model files through loading, classifying, verifying, explaining and inspecting.

The bases are real model files in fp32 and int8; a case changes one to three things of their card, their graph or
their bytes, and goes through every stage in a process that may be ended: a model can hang ONNX Runtime.

python benchmarks/robustness/mutate_models.py --count 10000 --workers 2 --output models.md --keep faults/
"""

import argparse
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import onnx
from commands import edgecnn
from foreign_graphs import MEAN, SIZE, STD, Form, build
from limits import run_cases
from model_changes import CARD_CHANGES, GRAPH_CHANGES, change_bytes
from outcomes import Case, Report
from PIL import Image
from tables import finish, limits_of, options

__all__ = ["STAGES", "base_models", "cases", "files", "mutated", "try_model"]

STAGES = ("load", "classify", "verify", "cam", "explain", "inspect", "page")


def base_models(seed: int = 0) -> list[bytes]:
    """Model files as `edgecnn export` writes them: a plain network, one from NHWC, and the first in fp16."""
    made = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "labels.txt").write_text("".join(f"class {i}\n" for i in range(5)), encoding="utf-8")
        for form in (Form(), Form(layout="nhwc", head="mean")):
            (folder / "foreign.onnx").write_bytes(build(form, seed).SerializeToString())
            asked = ["--labels", folder / "labels.txt", "--size", SIZE]
            asked += ["--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD))]
            edgecnn("export", folder / "foreign.onnx", *asked, "-o", folder / "model.onnx")
            made.append((folder / "model.onnx").read_bytes())
    return made


def mutated(data: bytes, random: np.random.Generator) -> bytes:
    """One to three changes: of the card, of the graph, or of the bytes."""
    for _ in range(random.integers(1, 4)):
        way = random.random()
        if way < 0.15:
            return change_bytes(data, random)
        changes = CARD_CHANGES if way < 0.5 else GRAPH_CHANGES
        try:
            model = onnx.load_model_from_string(data)
            changes[random.integers(len(changes))](model, random)
            data = model.SerializeToString()
        except Exception:  # a change does not fit what an earlier one left; bytes always change
            return change_bytes(data, random)
    return data


def cases(seed: int, count: int, first: int = 0, stages: tuple[str, ...] = STAGES) -> Iterator[Case]:
    """`count` mutated model files, each through every stage."""
    bases = base_models()
    for number in range(first, first + count):
        random = np.random.default_rng([seed, number])
        data = mutated(bases[number % len(bases)], random)
        for stage in stages:
            yield Case(str(number), stage, data)


def files(folder: Path, stages: tuple[str, ...] = STAGES) -> Iterator[Case]:
    """The model files of a folder, each through every stage."""
    for path in sorted(folder.glob("*.onnx")):
        for stage in stages:
            yield Case(path.stem, stage, path.read_bytes())


def try_model(case: Case) -> str:
    """One stage of one file."""
    from edgecnn_runtime import Classifier

    with tempfile.TemporaryDirectory() as name:
        path, picture = Path(name) / "model.onnx", Path(name) / "picture.png"
        path.write_bytes(case.data)
        if case.stage == "inspect":
            return edgecnn("inspect", path)[:80]
        if case.stage == "page":
            return edgecnn("inspect", path, "--output", Path(name) / "page.html")[:80]
        if case.stage == "verify":
            return edgecnn("verify", path, "--device", "cpu")
        pixels = np.random.default_rng(0).integers(0, 256, (SIZE, SIZE, 3)).astype(np.uint8)
        if case.stage == "explain":
            Image.fromarray(pixels).save(picture)
            return edgecnn("explain", picture, "--model", path, "-o", Path(name) / "page.html", "--device", "cpu")
        classifier = Classifier(path, device="cpu", threads=1)
        if case.stage == "load":
            return f"{len(classifier.labels)} labels"
        if case.stage == "classify":
            result = classifier(pixels)
            assert 0 <= result.score <= 1, f"the score is {result.score}"
            return f"{result.index} {result.score:.3f}"
        prepared = classifier.prepare(pixels)
        shape = classifier.class_activation_map(prepared).shape
        assert len(shape) == 2, f"the map has the shape {shape}"
        return str(shape)


def _without_stages_after_an_end(found: Iterator[Case], ended: set[str]) -> Iterator[Case]:
    """Leave a file alone that had to be ended once: each further stage would take as long."""
    for case in found:
        if case.name not in ended:
            yield case


def main() -> None:
    parser = options(__doc__, count=10000)
    parser.add_argument("--files", type=Path, help="a folder of model files to try in place of mutations")
    parser.add_argument("--stages", nargs="+", default=STAGES, choices=STAGES)
    arguments = parser.parse_args()
    finish(arguments, _sweep(arguments), title="mutated model files")


def _sweep(arguments: argparse.Namespace) -> list[Report]:
    stages = tuple(arguments.stages)
    if arguments.files:
        found = files(arguments.files, stages)
    else:
        found = cases(arguments.seed, arguments.count, arguments.first, stages)
    warm = Case("warm", "explain", base_models()[0])
    reports, ended = [], set[str]()
    source = _without_stages_after_an_end(found, ended)
    for report in run_cases(source, try_model, limits_of(arguments), workers=arguments.workers, warm=warm):
        reports.append(report)
        if report.words == "ended":
            ended.add(report.case.name)
    return reports


if __name__ == "__main__":
    main()
