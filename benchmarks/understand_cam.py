"""Class activation maps against torchcam on the float network, and of the built-in int8 file against the float file.

    python benchmarks/understand_cam.py FP32.onnx

FP32.onnx comes from `edgecnn export efficientnet_lite0 -o FP32.onnx`; torchcam from `pip install torchcam`.

Correlation over the map's cells, for the most probable class of each picture in samples/images.
"""

import argparse
from pathlib import Path

import numpy as np
import torch
from edgecnn_runtime import Classifier, Normalization
from measure import ROOT
from torchcam.methods import CAM

from edgecnn.zoo import load
from edgecnn.zoo.request import NetworkRequest


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("fp32", type=Path)
    arguments = parser.parse_args()
    exact, built_in = Classifier(arguments.fp32), Classifier()
    network = load("efficientnet_lite0", NetworkRequest())
    module = network.module.eval()
    peer = CAM(module, target_layer="bn2", fc_layer="classifier")
    normalization = Normalization(network.mean, network.std)
    for path in sorted((ROOT / "samples/images").glob("*.jpg")):
        pixels = exact.prepare(path)
        index = int(exact.logits(pixels[None])[0].argmax())
        with torch.no_grad():
            scores = module(torch.from_numpy(normalization.apply(pixels[None], channels_last=False)))
        theirs = peer(index, scores)[0].squeeze().numpy()
        ours, int8 = exact.class_activation_map(pixels, index), built_in.class_activation_map(pixels, index)
        print(f"{path.name:28} torchcam {correlation(ours, theirs):.5f}   int8 {correlation(ours, int8):.4f}")


def correlation(first: np.ndarray, second: np.ndarray) -> float:
    return float(np.corrcoef(first.ravel(), second.ravel())[0, 1])


if __name__ == "__main__":
    main()
