"""From a camera frame to the network's pixels: the live path against `Preprocess.apply`, time and agreement.

python benchmarks/live_preprocess.py
"""

import statistics

import cv2
import numpy as np
from edgecnn_runtime import Classifier
from edgecnn_runtime.live.shrink import pixels_from_bgr
from measure import data_folder, in_turn, machine, ratio

SIZES = {"720p": (1280, 720), "1080p": (1920, 1080), "4K": (3840, 2160)}
PICTURES, ENLARGED = 300, 4


def main() -> None:
    print(f"{machine()}, opencv {cv2.__version__}")
    classifier = Classifier(threads=1)
    preprocess = classifier.model.preprocess
    photo = cv2.imread(str(next((data_folder() / "photos").glob("o1_red_car*"))))
    for name, size in SIZES.items():
        bgr = cv2.resize(photo, size, interpolation=cv2.INTER_AREA)
        engines = {
            "live": lambda bgr=bgr: pixels_from_bgr(bgr, preprocess),
            "apply": lambda bgr=bgr: preprocess.apply(np.ascontiguousarray(bgr[:, :, ::-1])),
        }
        times = in_turn(engines, rounds=40)
        difference = np.abs(engines["live"]().astype(int) - engines["apply"]())
        medians = {engine: statistics.median(values) for engine, values in times.items()}
        print(
            f"{name:6} live {medians['live']:.1f} ms, apply {medians['apply']:.1f} ms, "
            f"ratio {ratio(times, 'live', 'apply'):.2f}; "
            f"difference mean {difference.mean():.3f}, most {difference.max()}"
        )
    same = count = 0
    for path in sorted((data_folder() / "imagenet_ccby" / "images").iterdir())[:PICTURES]:
        small = cv2.imread(str(path))
        bgr = cv2.resize(small, None, fx=ENLARGED, fy=ENLARGED, interpolation=cv2.INTER_CUBIC)
        live = classifier.logits(pixels_from_bgr(bgr, preprocess)[None])[0].argmax()
        plain = classifier.logits(preprocess.apply(np.ascontiguousarray(bgr[:, :, ::-1]))[None])[0].argmax()
        same += int(live == plain)
        count += 1
    print(f"same label on {same} of {count} pictures, enlarged {ENLARGED} times first")


if __name__ == "__main__":
    main()
