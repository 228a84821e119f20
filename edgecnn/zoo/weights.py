"""Put stored weights into a network: strip what training tools add to the names, and say what does not fit."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from edgecnn_runtime import OptionError

from edgecnn.zoo.stored_weights import StoredWeights, read_weights

__all__ = ["load_weights"]

_COMPILED = "_orig_mod."  # torch.compile puts it before the names of whatever it was called for
_COUNTER = "num_batches_tracked"  # of a batch norm, which older files lack and evaluation does not need


def load_weights(module: torch.nn.Module, path: Path) -> str:
    """Load a state dict into `module`, every tensor of it.

    Args:
        module: The network, built for the classes of the weights.
        path: As `read_weights` takes it. Names may have a prefix, as DataParallel (`module.`), torch.compile
            (`_orig_mod.`) and Lightning (`model.`) put before them.

    Returns:
        What was opened, stripped and left out, for a person; empty where the file is a plain state dict.

    Raises:
        OptionError: The file cannot be read, or does not fit the module.
    """
    stored, own = read_weights(path), module.state_dict()
    plain = {name.replace(_COMPILED, ""): value for name, value in stored.state.items()}
    prefix = _find_prefix(plain, own)
    state = {name[len(prefix) :]: value for name, value in plain.items() if name.startswith(prefix)}
    for name, value in own.items():
        if name.endswith(_COUNTER):
            state.setdefault(name, value)
    _check_fit(stored.path, state, own)
    try:
        module.load_state_dict(state)
    except (RuntimeError, TypeError, ValueError, KeyError) as error:  # a module may refuse its extra state in any way
        raise OptionError(f"the weights {stored.path} do not fit the network: {str(error).splitlines()[-1]}") from error
    return _what_was_done(stored, prefix, [name for name in plain if not name.startswith(prefix)])


def _find_prefix(names: Mapping[str, Any], own: Mapping[str, Any]) -> str:
    """What stands before the network's own names in most of the stored ones."""
    counts = Counter[str]()
    for name in names:
        parts = name.split(".")
        for cut in range(len(parts)):
            if ".".join(parts[cut:]) in own:
                counts["".join(f"{part}." for part in parts[:cut])] += 1
    return max(counts, key=lambda prefix: (counts[prefix], -len(prefix)), default="")


def _check_fit(path: Path, state: Mapping[str, Any], own: Mapping[str, Any]) -> None:
    missing = [name for name in own if name not in state]
    unexpected = [name for name in state if name not in own]
    wrong = [name for name in own if name in state and _shape(state[name]) != _shape(own[name])]
    if not (missing or unexpected or wrong):
        return
    parts = [f"Missing key {_first(missing)}"] if missing else []
    parts += [f"unexpected key {_first(unexpected)}"] if unexpected else []
    parts += [
        f"size mismatch for {name}: {_shape(state[name])} in the file, {_shape(own[name])} in the network"
        for name in wrong[:1]
    ]
    reason = _likely_reason(missing, unexpected, {name: (_shape(state[name]), _shape(own[name])) for name in wrong})
    if not set(own) & (set(state) - {name for name in state if name.endswith(_COUNTER)}):
        reason = "the file belongs to another architecture, or names its layers in another way"
    raise OptionError(f"the weights {path} do not fit the network: {', '.join(parts)}; {reason}.")


def _likely_reason(
    missing: Sequence[str], unexpected: Sequence[str], wrong: Mapping[str, tuple[tuple[int, ...], tuple[int, ...]]]
) -> str:
    parents = {name.rpartition(".")[0] for name in (*missing, *wrong)}
    if wrong and not missing and len(parents) == 1 and all(a[1:] == b[1:] for a, b in wrong.values()):
        stored, built = next(iter(wrong.values()))
        return (
            f"they know {stored[0]} classes and the network was built for {built[0]}: give the {stored[0]} names "
            "with --labels FILE"
        )
    if any(name.endswith("_extra_state") for name in (*missing, *unexpected)):
        return "a module of one of them keeps extra state, which the other does not know"
    if missing and len(parents) == 1 and all(name.startswith(tuple(parents)) for name in unexpected):
        return (
            f"the layer '{parents.pop()}' was replaced in training: give a function that builds the network as it was "
            "trained, package.module:factory"
        )
    return "they belong to another network, or to another size of it"


def _shape(value: Any) -> tuple[int, ...]:
    return tuple(value.shape) if isinstance(value, torch.Tensor) else ()


def _first(names: Sequence[str]) -> str:
    return f"'{names[0]}'" + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def _what_was_done(stored: StoredWeights, prefix: str, left_out: Sequence[str]) -> str:
    done = [f"taken from its '{key}'" for key in stored.opened]
    if any(_COMPILED in name for name in stored.state):
        done.append(f"'{_COMPILED}' stripped from the names")
    if prefix:
        done.append(f"'{prefix}' stripped from the names")
    if left_out:
        done.append(f"{len(left_out)} tensors that are not the network's left out ('{left_out[0]}')")
    return f"{stored.path.name}: {', '.join(done)}" if done else ""
