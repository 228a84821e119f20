"""`torchvision:NAME`: torchvision's classifiers with their own weights, labels and preprocessing."""

import contextlib
import sys
import urllib.error
from typing import Any

import torch
import torchvision
from edgecnn_export.network import Network
from edgecnn_runtime import EdgecnnError, OptionError, Preprocess

from edgecnn.names import nearest
from edgecnn.zoo.request import NetworkRequest

__all__ = ["IMAGENET_LABELS", "load_torchvision"]

# torchvision carries the names of the 1000 ImageNet classes without a download.
IMAGENET_LABELS: tuple[str, ...] = tuple(torchvision.models.ResNet18_Weights.DEFAULT.meta["categories"])

_IMAGENET_MEAN, _IMAGENET_STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


def load_torchvision(name: str, request: NetworkRequest) -> Network:
    """One of torchvision's classification networks.

    Raises:
        OptionError: An unknown name.
        EdgecnnError: Weights that cannot be downloaded.
    """
    known = torchvision.models.list_models(module=torchvision.models)
    if name not in known:
        near = nearest(name, known) or known[:3]
        raise OptionError(f"torchvision has no classifier {name!r}; did you mean {', '.join(near)}?")
    weights = torchvision.models.get_model_weights(name).DEFAULT
    torch.manual_seed(0)
    module = _build(name, weights, request)
    labels = request.labels or weights.meta.get("categories", IMAGENET_LABELS)
    default, mean, std = _preprocess(weights)
    return Network(
        module=module,
        name=name,
        labels=tuple(labels),
        preprocess=request.preprocess(default),
        mean=mean,
        std=std,
        license=request.bare_license or "BSD-3-Clause (torchvision); see the weights' page",
        source={
            "architecture": f"torchvision {torchvision.__version__.split('+')[0]} {name}",
            **({"weights": "random, seed 0"} if request.bare else {"weights": f"{weights}", "url": weights.url}),
        },
    )


def _build(name: str, weights: Any, request: NetworkRequest) -> torch.nn.Module:
    if request.bare:
        inception = name in ("googlenet", "inception_v3")
        if inception and request.weights is not None:
            raise OptionError(
                f"weights of torchvision:{name} do not say whether it was trained with transform_input and "
                "aux_logits; give a function that builds it as it was trained, package.module:factory."
            )
        # These two take seconds to draw their initial weights unless told not to.
        options = {"init_weights": False} if inception else {}
        return _get_model(name, weights=None, **request.head, **options)
    try:
        # torch.hub tells what it downloads on standard output, which belongs to results.
        with contextlib.redirect_stdout(sys.stderr):
            return _get_model(name, weights=weights)
    # torch.hub raises RuntimeError for a download that is not what its hash promises.
    except (urllib.error.URLError, OSError, RuntimeError) as error:
        raise EdgecnnError(
            f"the weights of torchvision:{name} cannot be downloaded from {weights.url} ({error}); connect to the "
            "network, give a file with --weights, or try the network out with --random-weights."
        ) from error


def _get_model(name: str, **options: Any) -> torch.nn.Module:
    module: torch.nn.Module = torchvision.models.get_model(name, **options)
    return module


def _preprocess(weights: Any) -> tuple[Preprocess, tuple[float, float, float], tuple[float, float, float]]:
    """Torchvision's own evaluation transform in our terms."""
    transform = weights.transforms()
    crop, resize = int(transform.crop_size[0]), int(transform.resize_size[0])
    kernel = transform.interpolation.value
    preprocess = Preprocess(height=crop, width=crop, resize="short-side", resize_to=max(resize, crop), kernel=kernel)
    mean = tuple(float(v) for v in transform.mean) if transform.mean else _IMAGENET_MEAN
    std = tuple(float(v) for v in transform.std) if transform.std else _IMAGENET_STD
    return preprocess, (mean[0], mean[1], mean[2]), (std[0], std[1], std[2])
