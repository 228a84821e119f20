"""`timm:NAME`: timm's networks with their own weights, labels and preprocessing."""

import math
import urllib.error
import urllib.request
from typing import Any

import huggingface_hub
import timm
import torch
from edgecnn_export.network import Network
from edgecnn_runtime import EdgecnnError, OptionError, Preprocess
from edgecnn_runtime.preprocess import ResizeRule
from timm.data.config import resolve_data_config
from timm.data.imagenet_info import ImageNetInfo, infer_imagenet_subset

from edgecnn.names import nearest
from edgecnn.zoo.from_torchvision import IMAGENET_LABELS
from edgecnn.zoo.request import NetworkRequest

__all__ = ["load_timm"]

_KERNELS = {
    "bilinear": "bilinear",
    "bicubic": "bicubic",
    "lanczos": "lanczos",
    "nearest": "nearest",
    "random": "bilinear",
}
_WEIGHT_FILES = ("model.safetensors", "pytorch_model.bin")
_RULES: dict[str, ResizeRule] = {"center": "short-side", "squash": "squash", "border": "letterbox"}


def load_timm(name: str, request: NetworkRequest) -> Network:
    """One of timm's networks.

    Raises:
        OptionError: An unknown name, or labels that must be given.
        EdgecnnError: Weights that cannot be downloaded.
    """
    architecture = name.split(".", maxsplit=1)[0]
    if not timm.is_model(architecture):
        near = nearest(architecture, timm.list_models())
        raise OptionError(
            f"timm has no network {name!r}; did you mean {', '.join(near) or 'one of timm.list_models()'}?"
        )
    torch.manual_seed(0)
    if not request.bare:
        _check_reachable(name)
    config = timm.models.get_pretrained_cfg(name)
    native = tuple(config.input_size[1:]) if config is not None else request.size
    # Networks with a position for each patch are built for one size; the others take any.
    sized = request.size not in (None, native) and config is not None and config.fixed_input_size
    options: dict[str, Any] = {"img_size": request.size} if sized else {}
    try:
        module = timm.create_model(name, pretrained=not request.bare, **request.head, **options)
    # huggingface_hub raises its own and its HTTP library's errors, which share no base class.
    except Exception as error:
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if sized and native is not None:
            raise OptionError(
                f"timm:{name} takes pictures of {native[0]}×{native[1]} pixels and cannot be built for another size "
                f"({reason}); leave --size out."
            ) from error
        raise EdgecnnError(
            f"timm:{name} cannot be loaded ({reason}); connect to the network, give a file with --weights, "
            "or try the network out with --random-weights."
        ) from error
    data: dict[str, Any] = resolve_data_config({}, model=module)
    origin: dict[str, Any] = dict(vars(module).get("default_cfg") or {})
    return Network(
        module=module,
        name=name,
        labels=_labels(name, module, request),
        preprocess=request.preprocess(_preprocess(data)),
        mean=tuple(data["mean"]),
        std=tuple(data["std"]),
        license=request.bare_license or str(origin.get("license", "unknown")),
        source={
            "architecture": f"timm {timm.__version__} {name}",
            "weights": "random, seed 0" if request.bare else str(origin.get("hf_hub_id") or name),
        },
    )


def _check_reachable(name: str) -> None:
    """Say at once that there is no network, which Hugging Face's client only says after a minute of retries."""
    config = timm.models.get_pretrained_cfg(name)
    repository = str(getattr(config, "hf_hub_id", None) or "")
    if not repository:
        return
    cached = [huggingface_hub.try_to_load_from_cache(repository, file) for file in _WEIGHT_FILES]
    if any(isinstance(path, str) for path in cached):
        return
    endpoint = huggingface_hub.constants.ENDPOINT
    try:
        with urllib.request.urlopen(urllib.request.Request(endpoint, method="HEAD"), timeout=10):  # noqa: S310
            pass
    except urllib.error.HTTPError:
        return  # it answers
    except OSError as error:
        raise EdgecnnError(
            f"the weights of timm:{name} cannot be downloaded from {endpoint} ({error}); connect to the network, "
            "give a file with --weights, or try the network out with --random-weights."
        ) from error


def _preprocess(config: dict[str, Any]) -> Preprocess:
    _, height, width = config["input_size"]
    kernel = _KERNELS.get(config["interpolation"], "bicubic")
    rule = _RULES.get(config.get("crop_mode", "center"), "short-side")
    if rule != "short-side":
        return Preprocess(height, width, rule, kernel=kernel)  # type: ignore[arg-type]
    return Preprocess(
        height=height,
        width=width,
        resize=rule,
        resize_to=math.floor(max(height, width) / config["crop_pct"]),
        kernel=kernel,  # type: ignore[arg-type]
    )


def _labels(name: str, module: Any, request: NetworkRequest) -> tuple[str, ...]:
    if request.labels is not None:
        return tuple(request.labels)
    classes = int(module.num_classes)
    if classes == len(IMAGENET_LABELS):
        return IMAGENET_LABELS
    subset = infer_imagenet_subset(module)
    if subset is not None:
        return tuple(ImageNetInfo(subset).label_descriptions())
    raise OptionError(f"timm:{name} has {classes} classes that edgecnn has no names for; give them with --labels FILE.")
