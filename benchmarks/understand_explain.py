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
from measure import ROOT, in_turn, machine, ratio


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
    classifier = Classifier(arguments.model, device="cpu", threads=1)
    pixels = classifier.prepare(arguments.image)
    classifier.class_weights()  # read once for all pictures
    index = classifier.classify_pixels(pixels).index
    engines = {
        "label alone": lambda: classifier.logits(pixels[None]),
        "with map": lambda: classifier.class_activation_map(pixels, index),  # gives the logits in the same run
    }
    # Processor time on one thread, which other load on the machine hardly moves.
    times = in_turn(engines, rounds=arguments.runs, warm_up=5, clock=time.process_time)
    for name, values in times.items():
        print(f"{name} {statistics.median(values):.2f} ms of processor time")
    print(f"median ratio of pairs: {ratio(times, 'with map', 'label alone'):.3f}, n={arguments.runs}, one thread")


def page_seconds(model: Path, image: Path) -> tuple[float, float]:
    """Wall and processor seconds of `edgecnn explain`."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "explain", str(image)]
        before, start = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
        subprocess.run([*command, "--model", str(model), "-o", f"{folder}/page.html"], check=True, capture_output=True)
        wall, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_CHILDREN)
        return wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
