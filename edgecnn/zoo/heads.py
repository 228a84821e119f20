"""The last linear layer of any network: finding it, and putting one for other classes in its place."""

from __future__ import annotations

from edgecnn_runtime.errors import OptionError
from torch import nn

__all__ = ["find_head", "replace_head", "set_part"]


def find_head(module: nn.Module) -> str:
    """Name of the last linear layer, which gives the logits.

    Raises:
        OptionError: The network has no linear layer.
    """
    names = [name for name, part in module.named_modules() if isinstance(part, nn.Linear)]
    if not names:
        raise OptionError("The network has no linear layer to put new classes on; expected one at its end.")
    return str(names[-1])


def replace_head(module: nn.Module, classes: int) -> nn.Linear:
    """Put a fresh linear layer for `classes` classes in the place of the last one, and return it."""
    name = find_head(module)
    old = module.get_submodule(name)
    assert isinstance(old, nn.Linear)  # noqa: S101 - find_head gives linear layers only
    fresh = nn.Linear(old.in_features, classes)
    set_part(module, name, fresh)
    return fresh


def set_part(module: nn.Module, name: str, part: nn.Module) -> None:
    """Replace the submodule of a dotted name."""
    parent, _, last = name.rpartition(".")
    setattr(module.get_submodule(parent), last, part)
