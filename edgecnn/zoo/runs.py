"""The folder a run leaves behind, read again: `load_run` makes its network for export or for another training."""

from __future__ import annotations

import hashlib
from pathlib import Path

from edgecnn_export.network import Network
from edgecnn_runtime.card import check_labels
from edgecnn_runtime.errors import DataError, EdgecnnError, quoted
from edgecnn_runtime.json_text import read_json
from edgecnn_runtime.preprocess import Preprocess
from safetensors import SafetensorError, safe_open
from torch import nn

from edgecnn.zoo.heads import replace_head
from edgecnn.zoo.request import NetworkRequest
from edgecnn.zoo.run_record import FORMAT, NetworkRecord, RunRecord
from edgecnn.zoo.small import create
from edgecnn.zoo.sources import load_source

__all__ = ["RUN", "WEIGHTS", "hash_weights", "load_run", "read_run"]

RUN = "run.json"
WEIGHTS = "weights.safetensors"


def read_run(folder: Path) -> RunRecord:
    """The content of `run.json`.

    Raises:
        DataError: The folder is no run, or its `run.json` is damaged or of another format.
    """
    path = folder / RUN
    try:
        text = path.read_bytes()
    except FileNotFoundError as error:
        raise DataError(
            f"{folder} is no run of edgecnn train: it has no {RUN}; a run folder holds {RUN} and {WEIGHTS}."
        ) from error
    except OSError as error:
        raise DataError(f"{path} cannot be read ({error}).") from error
    document = read_json(text, str(path), DataError)
    if document.get("format") != FORMAT:
        raise DataError(
            f"{path} has the format {str(document.get('format'))[:60]}; this edgecnn reads format {FORMAT}."
        )
    try:
        return RunRecord.from_dict(document)
    except EdgecnnError as error:
        raise DataError(
            f"{path} lacks or garbles a field ({str(error)[:200]}); expected what edgecnn train writes."
        ) from error


def hash_weights(folder: Path) -> str:
    """SHA-256 of the weights file, in hexadecimal."""
    return hashlib.sha256((folder / WEIGHTS).read_bytes()).hexdigest()


def load_run(folder: str | Path) -> Network:
    """The trained network of a run folder, in evaluation mode.

    Raises:
        DataError: No run, a run that has no weights yet, or weights that do not fit the network `run.json` names.
    """
    folder = Path(folder)
    run = read_run(folder)
    # Names of folders may hold bytes that are no UTF-8, which a run keeps and a model file refuses.
    check_labels([label.encode("utf-8", "replace").decode() for label in run.labels], DataError)
    module = _build(run.network, len(run.labels), run.preprocess)
    _load_weights(module, folder / WEIGHTS)
    if run.normalization.channels != run.network.channels:
        raise DataError(
            f"{folder / RUN} has {run.normalization.channels} means for {run.network.channels} channels; expected one "
            "for each."
        )
    mean, std = _three(run.normalization.mean), _three(run.normalization.std)
    return Network(
        module=module.eval(),
        name=f"{run.network.name.replace(':', '_')}_{run.data.name}",
        labels=run.labels,
        preprocess=run.preprocess,
        mean=mean,
        std=std,
        channels=run.network.channels,
        license=run.license,
        source={"run": folder.resolve().name, "data": run.data.name, "seed": run.seed},
    )


def _build(network: NetworkRecord, classes: int, preprocess: Preprocess) -> nn.Module:
    """The architecture with a head for the run's classes; downloads nothing."""
    if network.kind == "small":
        return create(network.name, classes, size=preprocess.height, channels=network.channels)
    labels = tuple(str(index) for index in range(classes))
    request = NetworkRequest(random_weights=True, labels=labels, size=(preprocess.height, preprocess.width))
    module = load_source(network.name, request).module
    replace_head(module, classes)
    return module


def _three(values: tuple[float, ...]) -> tuple[float, float, float]:
    first, second, third = (float(value) for value in (values if len(values) == 3 else [values[0]] * 3))
    return first, second, third


def _load_weights(module: nn.Module, path: Path) -> None:
    if not path.is_file():
        raise DataError(f"{path} is missing: the run has not finished; continue it with edgecnn train --resume.")
    try:
        with safe_open(str(path), framework="pt") as file:
            tensors = {key: file.get_tensor(key) for key in file.keys()}  # noqa: SIM118 - it has no other iterator
        for name, value in module.state_dict().items():
            if name not in tensors:
                raise DataError(f"{path} lacks the tensor '{name}'; it belongs to another network.")
            if tensors[name].shape != value.shape:
                raise DataError(
                    f"{path} holds '{name}' of shape {tuple(tensors[name].shape)}; expected {tuple(value.shape)}: "
                    f"it belongs to another network."
                )
        module.load_state_dict(tensors)
    except (OSError, SafetensorError, RuntimeError) as error:
        raise DataError(f"{path} is not the weights file it should be ({quoted(error)}).") from error
