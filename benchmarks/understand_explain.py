"""What explaining costs: the whole page in a fresh process, and a class activation map beside the label alone.

    python benchmarks/understand_explain.py [--model MODEL] [--image IMAGE] [--runs 40]

The label alone and label with map are timed in turns, so that other load on the machine meets both alike.
"""

import argparse
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from edgecnn_runtime import Classifier
from edgecnn_runtime.model_source import default_model_path
from measure import ROOT, machine


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, default=default_model_path())
    parser.add_argument("--image", type=Path, default=ROOT / "samples/images/drake.jpg")
    parser.add_argument("--runs", type=int, default=200)
    parser.add_argument("--pages", type=int, default=5)
    arguments = parser.parse_args()
    print(machine())
    pages = [page_seconds(arguments.model, arguments.image) for _ in range(arguments.pages)]
    walls, processors = ([page[index] for page in pages] for index in (0, 1))
    print(f"page, whole process: median {statistics.median(walls):.2f} s, least {min(walls):.2f} s, n={len(pages)}")
    print(f"of it processor time: median {statistics.median(processors):.2f} s")
    label, both = in_turns(arguments.model, arguments.image, arguments.runs)
    ratios = [second / first for first, second in zip(label, both, strict=True)]
    print(f"label alone {statistics.median(label):.2f} ms of processor time, with map {statistics.median(both):.2f} ms")
    print(f"median ratio of pairs: {statistics.median(ratios):.3f}, n={arguments.runs}, one thread")


def page_seconds(model: Path, image: Path) -> tuple[float, float]:
    """Wall and processor seconds of `edgecnn explain`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "explain", str(image)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*command, "--model", str(model), "-o", f"{folder}/page.html"], check=True, capture_output=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def in_turns(model: Path, image: Path, runs: int) -> tuple[list[float], list[float]]:
    """Milliseconds of processor time on one thread, which other load on the machine hardly moves."""
    classifier = Classifier(model, device="cpu", threads=1)
    pixels = classifier.prepare(image)
    classifier.class_weights()  # read once for all pictures
    index = classifier.classify_pixels(pixels).index
    label: list[float] = []
    both: list[float] = []
    for _ in range(runs + 5):
        start = time.process_time()
        classifier.logits(pixels[None])
        middle = time.process_time()
        classifier.class_activation_map(pixels, index)  # gives the logits in the same run
        end = time.process_time()
        label.append(1000 * (middle - start))
        both.append(1000 * (end - middle))
    return label[5:], both[5:]


if __name__ == "__main__":
    main()
