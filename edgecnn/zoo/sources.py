"""Networks by what a person types, run folders apart: one loader for each kind of source."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn_runtime.errors import ModelFileError

from edgecnn.zoo.request import NetworkRequest
from edgecnn.zoo.resolve import resolve, unknown_source

if TYPE_CHECKING:
    from edgecnn_export.network import Network

__all__ = ["load_source"]


def load_source(source: str, request: NetworkRequest) -> Network:
    """Load a network; only the package that it comes from is imported.

    Args:
        source: `efficientnet_lite0`, `torchvision:NAME`, `timm:NAME`, `package.module:factory` or a catalog name.
        request: What to fill in or replace.

    Raises:
        OptionError: The source is unknown.
        EdgecnnError: Its weights cannot be had.
    """
    prefix, colon, name = source.partition(":")
    if source == "efficientnet_lite0":
        from edgecnn.zoo.efficientnet_lite0 import load_efficientnet_lite0

        return load_efficientnet_lite0(request)
    if colon and prefix == "torchvision":
        from edgecnn.zoo.from_torchvision import load_torchvision

        return load_torchvision(name, request)
    if colon and prefix == "timm":
        from edgecnn.zoo.from_timm import load_timm

        return load_timm(name, request)
    if colon and name:
        from edgecnn.zoo.factory import load_factory

        return load_factory(prefix, name, request)
    named = resolve(source)  # a name of the catalog, or what is unknown
    if isinstance(named, Path):
        raise ModelFileError(
            f"{source} is a model file and no network in PyTorch; give what it was made from: a name of `edgecnn zoo`, "
            "torchvision:NAME, timm:NAME or the folder of an `edgecnn train` run."
        )
    if named == source:
        raise unknown_source(source)
    return load_source(named, request)
