"""Read weights that somebody saved, running no code of theirs: the tensors, out of whatever surrounds them."""

from __future__ import annotations

import argparse
import pathlib
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.torch
import torch
from edgecnn_runtime import OptionError

__all__ = ["StoredWeights", "read_weights"]

# What training scripts keep beside the weights: settings and figures, none of which can run anything.
_HARMLESS: list[Any] = [
    argparse.Namespace,
    pathlib.PosixPath,
    pathlib.WindowsPath,
    np.ndarray,
    np.dtype,
    *{type(np.dtype(kind)) for kind in ("f2", "f4", "f8", "i4", "i8", "u1", "?")},
    # What numpy makes numbers and arrays with moved between its versions.
    *(
        (value.__reduce__()[0], f"numpy.{core}.multiarray.{name}")
        for value, name in ((np.float64(0), "scalar"), (np.zeros(1), "_reconstruct"))
        for core in ("core", "_core")
    ),
]
_WRAPPERS = ("state_dict", "model_state_dict", "model", "module", "network", "net", "weights", "params")
_IN_FOLDERS = ("model.safetensors", "pytorch_model.bin")  # Hugging Face's names
_HOW = "as safetensors.torch.save_file or torch.save(model.state_dict(), …) writes it"


@dataclass(frozen=True)
class StoredWeights:
    """A state dict as it was found.

    Attributes:
        path: The file.
        state: Tensors by name; extra state of a module may be anything.
        opened: Keys of the dictionaries around it, from the outside.
    """

    path: Path
    state: dict[str, Any]
    opened: tuple[str, ...] = ()


def read_weights(path: Path) -> StoredWeights:
    """Find the state dict in a file, or in the folder of a model of Hugging Face.

    Args:
        path: safetensors, or what `torch.save` writes: a state dict, or a checkpoint that holds one.

    Raises:
        OptionError: Not there, damaged, code instead of tensors, or no state dict in it.
    """
    if path.is_dir():
        path = next((path / name for name in _IN_FOLDERS if (path / name).is_file()), path)
    if not path.is_file():
        raise OptionError(f"the weights {path} do not exist; expected a .safetensors or .pth file.")
    found = _load(path)
    opened: list[str] = []
    while (state := _as_state(found)) is None:
        outer = found if isinstance(found, Mapping) else {}
        inner = next((key for key in _WRAPPERS if isinstance(outer.get(key), Mapping)), None)
        if inner is None:
            holds = ", ".join(map(str, list(outer)[:5])) or type(found).__name__
            raise OptionError(f"the weights {path} hold more than tensors ({holds}); expected a state dict, {_HOW}.")
        opened.append(inner)
        found = outer[inner]
    if any(name.endswith("_packed_params") or getattr(value, "is_quantized", False) for name, value in state.items()):
        raise OptionError(
            f"the weights {path} are those of a quantized network; give the ones before (edgecnn quantizes with "
            "--precision int8)."
        )
    return StoredWeights(path, state, tuple(opened))


def _as_state(found: object) -> dict[str, Any] | None:
    """A dictionary of tensors, of extra state and of what quantized layers keep; None for anything else."""
    if not isinstance(found, Mapping):
        return None
    others = ("_extra_state", "_packed_params", "_packed_params.dtype")
    fits = all(isinstance(value, torch.Tensor) or str(name).endswith(others) for name, value in found.items())
    return {str(name): value for name, value in found.items()} if fits else None


def _load(path: Path) -> object:
    if path.suffix == ".pt2" or zipfile.is_zipfile(path):
        _refuse_programs(path)
    try:
        if path.suffix == ".safetensors":
            return safetensors.torch.load_file(path)
        with torch.serialization.safe_globals(_HARMLESS):
            return torch.load(path, map_location="cpu", weights_only=True)
    # Of a file that is none, torch's safe unpickler raises nearly anything (UnpicklingError, IndexError, EOFError, …).
    except Exception as error:
        raise OptionError(
            f"the weights {path} cannot be read safely ({_reason(path, error)}); expected a state dict, {_HOW}."
        ) from error


def _refuse_programs(path: Path) -> None:
    try:
        names = zipfile.ZipFile(path).namelist()
    except (OSError, zipfile.BadZipFile):
        return
    for kind, mark in (
        ("a TorchScript program", "constants.pkl"),
        ("an exported program of torch.export", "archive_format"),
    ):
        if any(name.endswith(f"/{mark}") for name in names):
            raise OptionError(
                f"the weights {path} are {kind}; in the program that made it, save the module it came from: "
                "torch.save(model.state_dict(), 'weights.pth')."
            )


def _reason(path: Path, error: Exception) -> str:
    """What stands in the way: a whole module, another class, or what the reader says."""
    try:
        classes = torch.serialization.get_unsafe_globals_in_checkpoint(path)
    except Exception:  # not what torch.save writes
        classes = []
    if any(name.startswith("torch.nn.") for name in classes):
        return (
            "it is a whole module, whose code is not run: in the program that made it, "
            "torch.save(model.state_dict(), 'weights.pth')"
        )
    if classes:
        return f"it holds {', '.join(sorted(classes)[:3])}, whose code is not run: save the state dict alone"
    return (str(error).strip() or type(error).__name__).splitlines()[0]
