"""Edited run folders: `run.json` and the weights of a real training, changed, through `edgecnn.zoo.load`.

python benchmarks/robustness/edit_runs.py --count 1000 --output runs.md
"""

import json
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from commands import edgecnn
from limits import run_cases
from model_changes import change_bytes, odd_value
from outcomes import Case
from tables import finish, limits_of, options

__all__ = ["cases", "edited", "small_run", "try_run"]

Files = dict[str, bytes]
_RUN, _WEIGHTS = "run.json", "weights.safetensors"


def small_run(seed: int = 0) -> Files:
    """The files of a run that `edgecnn train` has made in a few steps."""
    random = np.random.default_rng(seed)
    labels = np.arange(48) % 3
    images = np.clip(labels[:, None, None, None] * 80 + random.integers(0, 60, (48, 20, 20, 3)), 0, 255)
    with tempfile.TemporaryDirectory() as name:
        data, folder = Path(name) / "tiny.npz", Path(name) / "run"
        np.savez(data, x_train=images.astype(np.uint8), y_train=labels)
        edgecnn("train", data, "--network", "simple_cnn", "--epochs", 1, "--batch", 8, "--device", "cpu", "-o", folder)
        return {path.name: path.read_bytes() for path in folder.iterdir() if path.is_file()}


def edited(files: Files, random: np.random.Generator) -> tuple[str, Files]:
    """One change of a run, and what it was."""
    files = dict(files)
    way = random.random()
    if way < 0.15:
        files[_WEIGHTS] = _changed_weights(files[_WEIGHTS], random)
        return "weights", files
    if way < 0.25:
        files[_RUN] = _changed_text(files[_RUN], random)
        return "text", files
    document = json.loads(files[_RUN])
    path = _edit(document, random)
    files[_RUN] = json.dumps(document).encode("utf-8", "surrogatepass")
    return path, files


def cases(seed: int, count: int, first: int = 0) -> Iterator[Case]:
    """`count` edited runs; the first edits remove each entry in turn."""
    files = small_run()
    removals = _paths(json.loads(files[_RUN]))
    for number in range(first, first + count):
        if number < len(removals):
            document = json.loads(files[_RUN])
            container, key = _find(document, removals[number])
            del container[key]
            text = json.dumps(document).encode()
            yield Case(f"{number} without {'.'.join(map(str, removals[number]))}", "load", {**files, _RUN: text})
        else:
            what, changed = edited(files, np.random.default_rng([seed, number]))
            yield Case(f"{number} {what}", "load", changed)


def try_run(case: Case) -> str:
    """Load an edited run as a network and use what it says."""
    from edgecnn.zoo import load

    with tempfile.TemporaryDirectory() as name:
        for file, data in case.data.items():
            (Path(name) / file).write_bytes(data)
        network = load(name)
        finite = np.isfinite([*network.mean, *network.std]).all() and all(network.std)
        assert finite, f"a mean or deviation of {network.mean}, {network.std} was taken"
        assert all(isinstance(label, str) for label in network.labels), f"labels {network.labels} were taken"
        return f"{network.name}, {len(network.labels)} labels"


def _edit(document: Any, random: np.random.Generator) -> str:
    """Remove, retype, empty, grow or nest one entry anywhere; returns its path."""
    paths = _paths(document)
    path = paths[random.integers(len(paths))]
    container, key = _find(document, path)
    way = int(random.integers(6))
    old = container[key]
    replacements = [odd_value(random), odd_value(random), [old], {"x": old}, type(old)(), str(old)]
    container[key] = replacements[way] if old is not None else odd_value(random)
    return ".".join(map(str, path))


def _paths(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every entry of a document, at any depth."""
    keys = list(value) if isinstance(value, dict) else range(min(len(value), 3)) if isinstance(value, list) else []
    return [found for key in keys for found in [(*path, key), *_paths(value[key], (*path, key))]]


def _find(document: Any, path: tuple[Any, ...]) -> tuple[Any, Any]:
    for key in path[:-1]:
        document = document[key]
    return document, path[-1]


def _changed_text(data: bytes, random: np.random.Generator) -> bytes:
    texts = [b"", b"[]", b"null", b"\xff\xfe", b"[" * 50_000, b"{" + b'"a":{' * 9000, data[: len(data) // 2]]
    texts += [b"\xef\xbb\xbf" + data, data.replace(b"1", b"1e999"), change_bytes(data, random)]
    return texts[random.integers(len(texts))]


def _changed_weights(data: bytes, random: np.random.Generator) -> bytes:
    """Bytes, or the header of a safetensors file: its length, types, shapes and offsets."""
    if random.random() < 0.4:
        return change_bytes(data, random)
    size = int.from_bytes(data[:8], "little")
    header = json.loads(data[8 : 8 + size])
    _edit(header, random)
    text = json.dumps(header).encode("utf-8", "surrogatepass")
    claimed = len(text) if random.random() < 0.7 else int(random.choice([0, 7, 2**31, 2**62]))
    return claimed.to_bytes(8, "little") + text + data[8 + size :]


def main() -> None:
    arguments = options(__doc__, count=1000).parse_args()
    warm = Case("warm", "load", small_run())
    tried = cases(arguments.seed, arguments.count, arguments.first)
    reports = run_cases(tried, try_run, limits_of(arguments), workers=arguments.workers, warm=warm)
    finish(arguments, reports, title="edited runs")


if __name__ == "__main__":
    main()
