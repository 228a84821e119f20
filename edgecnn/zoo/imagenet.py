"""The 1000 ImageNet class names, from torchvision, which carries them without a download."""

from torchvision.models import ResNet18_Weights

__all__ = ["IMAGENET_LABELS"]

IMAGENET_LABELS: tuple[str, ...] = tuple(ResNet18_Weights.DEFAULT.meta["categories"])
