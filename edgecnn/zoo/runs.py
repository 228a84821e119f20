"""The folder a run leaves behind: weights (safetensors), `run.json` with everything they mean, and the history.

`load_run` makes the network again from it, for export, evaluation, or as the start of another training.
"""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from edgecnn_export.network import Network
from edgecnn_runtime.errors import DataError
from edgecnn_runtime.files import replace_atomically
from edgecnn_runtime.preprocess import Preprocess
from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor, nn

from edgecnn.training.checkpoint import Epoch

__all__ = [
    "CHECKPOINT",
    "RUN",
    "WEIGHTS",
    "hash_weights",
    "is_run",
    "load_run",
    "read_run",
    "write_history",
    "write_run",
    "write_weights",
]

RUN = "run.json"
WEIGHTS = "weights.safetensors"
CHECKPOINT = "checkpoint.safetensors"
HISTORY = "history.csv"
FORMAT = 1


def is_run(path: Path) -> bool:
    """Whether a folder is a run of `edgecnn train`."""
    return (path / RUN).is_file()


def write_run(folder: Path, document: dict[str, Any]) -> None:
    """Write `run.json` atomically."""
    text = json.dumps({"format": FORMAT, **document}, indent=2, ensure_ascii=False)
    replace_atomically(folder / RUN, (text + "\n").encode())


def read_run(folder: Path) -> dict[str, Any]:
    """The content of `run.json`.

    Raises:
        DataError: The folder is no run, or its `run.json` is damaged or of another format.
    """
    path = folder / RUN
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise DataError(f"{folder} is no run of edgecnn train: it has no {RUN}.") from error
    except (OSError, ValueError) as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        found = document.get("format") if isinstance(document, dict) else type(document).__name__
        raise DataError(f"{path} has the format {found!r}; this edgecnn reads format {FORMAT}.")
    return document


def write_weights(folder: Path, module: nn.Module) -> None:
    """Write the network's weights atomically."""
    tensors = {name: value.detach().cpu().contiguous().clone() for name, value in module.state_dict().items()}
    replace_atomically(folder / WEIGHTS, save(tensors, {"writer": "edgecnn train"}))


def hash_weights(folder: Path) -> str:
    """SHA-256 of the weights file, in hexadecimal."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def write_history(folder: Path, history: Sequence[Epoch]) -> None:
    """Write one line an epoch to `history.csv`, atomically."""
    text = io.StringIO()
    writer = csv.DictWriter(text, list(Epoch.__dataclass_fields__), lineterminator="\n")
    writer.writeheader()
    writer.writerows({k: round(v, 6) for k, v in asdict(line).items()} for line in history)
    replace_atomically(folder / HISTORY, text.getvalue().encode())


def load_run(path: str | Path) -> Network:
    """The trained network of a run folder, in evaluation mode.

    Raises:
        DataError: No run, a run that has no weights yet, or weights that do not fit the network `run.json` names.
    """
    folder = Path(path)
    document = read_run(folder)
    try:
        network = document["network"]
        labels = tuple(document["labels"])
        preprocess = Preprocess.from_dict(document["preprocess"])
        mean, std = _three(document["mean"]), _three(document["std"])
        module = _build(network, len(labels), preprocess.height)
        channels = int(network["channels"])
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(
            f"{folder / RUN} lacks or garbles a field ({error!r}); expected what edgecnn train writes."
        ) from error
    _load_weights(module, folder / WEIGHTS)
    return Network(
        module=module.eval(),
        name=f"{network['name'].replace(':', '_')}_{document['data']['name']}",
        labels=labels,
        preprocess=preprocess,
        mean=mean,
        std=std,
        channels=channels,
        license=str(document["licence"]),
        source={"run": folder.resolve().name, "data": document["data"]["name"], "seed": document["seed"]},
    )


def _build(network: dict[str, Any], classes: int, size: int) -> nn.Module:
    if network["kind"] == "small":
        from edgecnn.zoo.small import create

        return create(network["name"], classes, size, network["channels"])
    from edgecnn.training.transfer import rebuild

    return rebuild(network["name"], classes, size)


def _three(values: Sequence[float]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in (values if len(values) == 3 else [values[0]] * 3))
    return first, second, third


def _load_weights(module: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is missing: the run has not finished; continue it with edgecnn train --resume.")
    tensors: dict[str, Tensor] = {}
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it has no other iterator
        expected = module.state_dict()
        for name, value in expected.items():
            if name not in tensors:
                raise DataError(f"{path} lacks the tensor '{name}'; it belongs to another network.")
            if tensors[name].shape != value.shape:
                raise DataError(
                    f"{path} holds '{name}' of shape {tuple(tensors[name].shape)}; expected {tuple(value.shape)}: "
                    f"it belongs to another network."
                )
        module.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{path} is not the weights file it should be ({error}).") from error
