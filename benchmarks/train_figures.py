"""Figures of finished runs of `edgecnn train`: accuracy, moved pictures, int8 against fp32.

    python benchmarks/train_figures.py RUN --data cifar10 --data-dir data [--int8 model.onnx]

Uses all test pictures, one view each. `--int8` also writes the int8 file, calibrated with the first 512 training
pictures, and measures it and its fp32 sister with ONNX Runtime.
"""

import argparse
import json
import tempfile
from pathlib import Path

import numpy as np
from edgecnn_export import Demands, PreparedPictures, export
from edgecnn_runtime import Classifier

from edgecnn.data import DataSet, Pictures, PicturesInMemory, load_data
from edgecnn.training import normalization_of, predict
from edgecnn.zoo.runs import load_run, read_run


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path)
    parser.add_argument("--data", required=True)
    parser.add_argument("--data-dir", type=Path)
    parser.add_argument("--int8", type=Path)
    arguments = parser.parse_args()
    run = read_run(arguments.run)
    network = load_run(arguments.run)
    data = load_data(arguments.data, data_dir=arguments.data_dir)
    normalization = normalization_of(network)
    every = np.arange(len(data.test.labels))
    moved = PicturesInMemory(np.roll(data.test.batch(every), (2, 2), axis=(1, 2)), data.test.labels)
    document = {
        "network": run.network.name,
        "parameters": sum(weight.numel() for weight in network.module.parameters()),
        "epochs": run.recipe["epochs"],
        "seed": run.seed,
        "cpu_seconds": run.result.cpu_seconds,
        "accuracy": predict(network.module, data.test, normalization).accuracy,
        "accuracy_moved_two_pixels": predict(network.module, moved, normalization).accuracy,
        "count": len(every),
        "versions": run.versions,
    }
    if arguments.int8 is not None:
        document |= measure_files(network, data, arguments.int8)
    print(json.dumps(document, indent=2))


def measure_files(network, data: DataSet, path: Path) -> dict[str, float]:
    """Write the int8 file and say what it and fp32 weigh and get right."""
    calibration = PreparedPictures(rgb(data.train, np.arange(512)), source=f"{data.name}, first 512 training pictures")
    found = {}
    with tempfile.TemporaryDirectory() as folder:
        for precision, target in (("fp32", Path(folder) / "fp32.onnx"), ("int8", path)):
            # Files this small are shipped for their size; at a tenth of a millisecond speed says little.
            report = export(
                network, target, precision=precision, calibration=calibration, demands=Demands(min_speedup=0)
            )
            classifier = Classifier(report.path)
            parts = np.array_split(np.arange(len(data.test.labels)), max(1, len(data.test.labels) // 500))
            answers = np.concatenate([classifier.logits(rgb(data.test, part)) for part in parts]).argmax(1)
            found[f"{precision}_bytes"] = report.size_bytes
            found[f"{precision}_accuracy"] = float((answers == data.test.labels).mean())
    return found


def rgb(pictures: Pictures, numbers: np.ndarray) -> np.ndarray:
    pixels = pictures.batch(numbers)
    return np.ascontiguousarray(np.repeat(pixels, 3 // pixels.shape[3], axis=3))


if __name__ == "__main__":
    main()
