"""How often does the shown label change, raw and smoothed, and how long after a real change?

python benchmarks/live_flicker.py

Every clip of EDGECNN_DATA/videos, each frame at its own time; then cross-fades between photos, where the moment of
the change is known: half of the way.
"""

import csv
from itertools import pairwise

import cv2
import numpy as np
from edgecnn_runtime import Classifier
from edgecnn_runtime.live import Smoother, Source
from edgecnn_runtime.live.motion import MotionMeter
from edgecnn_runtime.live.shrink import pixels_from_bgr
from edgecnn_runtime.result import softmax
from live_parts import percentile
from measure import data_folder, machine

PAIRS, FPS = 40, 30


def changes(labels: list[int]) -> int:
    return sum(a != b for a, b in pairwise(labels))


def clips(classifier: Classifier) -> None:
    total = [0, 0]
    for path in sorted((data_folder() / "videos").iterdir()):
        smoother, motion = Smoother(), MotionMeter()
        raw, shown = [], []
        if path.suffix not in (".mp4", ".avi"):
            continue
        with Source(path) as source:
            for frame in source:
                if motion.is_cut(frame.bgr):
                    smoother.reset()
                pixels = pixels_from_bgr(frame.bgr, classifier.model.preprocess)
                probabilities = softmax(classifier.logits(pixels[None])[0])
                raw.append(int(probabilities.argmax()))
                shown.append(smoother.update(probabilities, frame.position_s or 0.0).index)
        total[0] += changes(raw)
        total[1] += changes(shown)
        print(f"{path.name:26} {len(raw):5} frames: label changes {changes(raw):4} raw, {changes(shown):4} smoothed")
    print(f"all clips: {total[0]} raw, {total[1]} smoothed, {total[0] / max(1, total[1]):.1f} times fewer")


def lag(classifier: Classifier) -> None:
    """Hard switches between photos that the network knows, without the cut detection's help."""
    folder = data_folder() / "imagenet_ccby"
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))[: PAIRS * 4]
    sure = []
    for row in rows:
        picture = cv2.imread(str(folder / "images" / row["file"]))
        if picture is None:
            continue
        probabilities = softmax(classifier.logits(pixels_from_bgr(picture, classifier.model.preprocess)[None])[0])
        if probabilities.max() > 0.5:
            sure.append(probabilities)
    lags = []
    noise = np.random.default_rng(0)
    for before, after in pairwise(sure[: PAIRS + 1]):
        if before.argmax() == after.argmax():
            continue
        smoother = Smoother()
        for number in range(FPS):
            smoother.update(before, number / FPS)
        for number in range(3 * FPS):
            shaken = softmax(np.log(after + 1e-9) + noise.normal(0, 0.5, after.shape).astype(np.float32))
            if smoother.update(shaken, 1 + number / FPS).index == after.argmax():
                break
        lags.append(number / FPS)
    print(
        f"lag after a switch (no help of the cut detection): p50 {percentile(lags, 50):.2f} s, "
        f"p95 {percentile(lags, 95):.2f} s, n={len(lags)}"
    )


def main() -> None:
    print(machine())
    classifier = Classifier()
    clips(classifier)
    lag(classifier)


if __name__ == "__main__":
    main()
