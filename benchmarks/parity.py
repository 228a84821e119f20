"""Parity: the fp32 file through the runtime against PyTorch with torchvision's own preprocessing.

EDGECNN_DATA=… python benchmarks/parity.py       (needs torch; 1000 pictures of imagenet_ccby)
"""

import tempfile
from pathlib import Path

import numpy as np
import torch
import torchvision
from edgecnn_export import export
from edgecnn_runtime import Classifier
from edgecnn_runtime.verification import relative_error
from measure import data_folder, machine
from PIL import Image
from torchvision.transforms import v2

from edgecnn.data.read import read_labeled
from edgecnn.zoo import load


def main() -> None:
    network = load("efficientnet_lite0")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "fp32.onnx"
        export(network, path)
        classifier = Classifier(path, device="cpu")
    data = read_labeled(data_folder() / "imagenet_ccby").held_out().with_classes(network.labels)
    transform = v2.Compose(
        [
            v2.Resize(256, v2.InterpolationMode.BICUBIC),
            v2.CenterCrop(224),
            v2.PILToTensor(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize(network.mean, network.std),
        ]
    )
    same, errors, right, torch_right = 0, [], 0, 0
    with torch.inference_mode():
        for source, label in zip(data.sources, data.labels, strict=True):
            expected = network.module(transform(Image.open(source).convert("RGB"))[None]).numpy()[0]
            logits = classifier(source).logits
            same += int(logits.argmax() == expected.argmax())
            right += int(logits.argmax() == label)
            torch_right += int(expected.argmax() == label)
            errors.append(relative_error(logits, expected))
    count = len(data)
    print(f"{machine()}, torch {torch.__version__}, torchvision {torchvision.__version__}")
    print(f"{count} pictures: same top-1 on {same} ({same / count:.2%})")
    print(f"top-1: file {right / count:.2%}, PyTorch {torch_right / count:.2%}")
    print(f"relative error of the logits: largest {max(errors):.1e}, median {np.median(errors):.1e}")


if __name__ == "__main__":
    main()
