"""A new head on EfficientNet-Lite0 for a folder of class folders: accuracy over several splits, one table.

    python benchmarks/train_cats_dogs.py FOLDER [--test-share 0.3333] [--seeds 8]

The frozen part runs once over every picture; each seed splits the pictures anew and fits a head.
"""

import argparse
import json
import statistics
from dataclasses import replace

import numpy as np
import torch
from torch import nn

from edgecnn import zoo
from edgecnn.data import PicturesInMemory, load_data
from edgecnn.data.split import stratified_split
from edgecnn.training.frozen_features import frozen_features
from edgecnn.training.head import fit_head
from edgecnn.training.normalize import normalization_of
from edgecnn.training.run_files import run_versions


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder")
    parser.add_argument("--test-share", type=float, default=1 / 3)
    parser.add_argument("--seeds", type=int, default=8)
    arguments = parser.parse_args()
    network = zoo.load("efficientnet_lite0")
    network.module.classifier = nn.Identity()
    data = load_data(arguments.folder, preprocess=network.preprocess)
    assert isinstance(data.train, PicturesInMemory) and isinstance(data.test, PicturesInMemory)
    pixels = np.concatenate([data.train.pixels, data.test.pixels])
    labels = np.concatenate([data.train.labels, data.test.labels])
    whole = replace(data, train=PicturesInMemory(pixels, labels))
    normalization = normalization_of(network)
    features = frozen_features(
        network.module, whole, "train", normalization, cache=None, device=torch.device("cpu")
    ).values
    accuracies = []
    for seed in range(arguments.seeds):
        train, test = stratified_split(labels, test_share=arguments.test_share, seed=seed, names=data.labels)
        fitted = fit_head(features[train], labels[train], len(data.labels), seed=seed)
        answers = (torch.from_numpy(features[test]) @ fitted.weight.T + fitted.bias).argmax(1).numpy()
        accuracies.append(round(float((answers == labels[test]).mean()), 4))
    print(
        json.dumps(
            {
                "train": len(train),
                "test": len(test),
                "accuracy_by_seed": accuracies,
                "mean": round(statistics.mean(accuracies), 4),
                "lowest": min(accuracies),
                "highest": max(accuracies),
                **run_versions(),
            },
            indent=2,
        )
    )


if __name__ == "__main__":
    main()
