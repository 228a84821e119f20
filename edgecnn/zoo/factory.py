"""`package.module:factory`: somebody's own `nn.Module`."""

import importlib
import sys
from pathlib import Path

import torch
from edgecnn_export.network import Network
from edgecnn_runtime import OptionError

from edgecnn.zoo.channel_units import NORMALIZATIONS
from edgecnn.zoo.request import NetworkRequest

__all__ = ["load_factory"]


def load_factory(module_name: str, attribute: str, request: NetworkRequest) -> Network:
    """Import a module and call its factory without arguments; a class that needs none, or a ready module, serves too.

    The current folder is searched first, as `python -m` does. The factory may also return a `Network`, which then
    carries its own labels and preprocessing.

    Raises:
        OptionError: The module or factory is not there, fails, gives no `nn.Module`, or what it takes is not known.
    """
    here = str(Path.cwd())
    if here not in sys.path:
        sys.path.insert(0, here)
    try:
        target = importlib.import_module(module_name)
        for part in attribute.split("."):
            target = getattr(target, part)
    except ModuleNotFoundError as error:
        if error.name and not f"{module_name}.".startswith(f"{error.name}."):
            raise OptionError(
                f"{module_name} imports {error.name}, which is not installed; type: pip install {error.name}"
            ) from error
        raise OptionError(
            f"there is no Python module {module_name!r}; expected package.module:factory, importable from {here}."
        ) from error
    except AttributeError as error:
        raise OptionError(
            f"{module_name} has no {attribute!r}; expected the name of a function that makes the network."
        ) from error
    # Somebody's own code fails in its own way.
    except Exception as error:
        raise OptionError(f"importing {module_name} failed: {_reason(error)}; --debug shows where.") from error
    module = target if isinstance(target, torch.nn.Module) else _call(target, f"{module_name}:{attribute}")
    if isinstance(module, Network):
        return module
    if not isinstance(module, torch.nn.Module):
        raise OptionError(f"{module_name}:{attribute} gives {type(module).__name__}; expected a torch.nn.Module.")
    if request.labels is None:
        raise OptionError(
            f"{module_name}:{attribute} does not say its class names; give them with --labels FILE, one a line."
        )
    if request.mean is None or request.std is None:
        raise OptionError(
            f"{module_name}:{attribute} does not say how its pictures were normalized in training; give --mean and "
            f"--std, or --preprocess with one of {', '.join(NORMALIZATIONS)}."
        )
    return Network(
        module=module,
        name=attribute.rsplit(".", maxsplit=1)[-1],
        labels=tuple(request.labels),
        preprocess=request.preprocess(None),
        source={"architecture": f"{module_name}:{attribute}", "weights": "made by the factory"},
    )


def _call(target: object, name: str) -> object:
    if not callable(target):
        raise OptionError(f"{name} is {type(target).__name__}; expected a function that makes the network.")
    try:
        return target()
    except TypeError as error:
        raise OptionError(f"{name}() cannot be called without arguments: {error}.") from error
    except Exception as error:
        raise OptionError(f"{name}() failed: {_reason(error)}; --debug shows where.") from error


def _reason(error: Exception) -> str:
    text = str(error).strip()
    return f"{type(error).__name__}: {text.splitlines()[0].rstrip('.')}" if text else type(error).__name__
