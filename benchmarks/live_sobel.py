"""From a 1080p BGR frame to shown edges: the usual chain, spatialGradient, and edgecnn's strips, in one run.

python benchmarks/live_sobel.py
"""

import statistics

import cv2
import numpy as np
from live_parts import scene
from measure import in_turn, machine, ratio

from edgecnn.camera.sobel import Sobel

ROUNDS = 200


def main() -> None:
    noise = np.random.default_rng(0).integers(0, 40, (1080, 1920, 3), np.uint8)
    bgr = cv2.add(scene(0, (1920, 1080)), noise)
    sobel = Sobel()

    def chain() -> object:
        gray = cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY)
        across, down = cv2.Sobel(gray, cv2.CV_16S, 1, 0), cv2.Sobel(gray, cv2.CV_16S, 0, 1)
        return cv2.addWeighted(cv2.convertScaleAbs(across), 0.5, cv2.convertScaleAbs(down), 0.5, 0)

    def gradient() -> object:
        across, down = cv2.spatialGradient(cv2.cvtColor(bgr, cv2.COLOR_BGR2GRAY))
        return cv2.add(cv2.convertScaleAbs(across, alpha=0.5), cv2.convertScaleAbs(down, alpha=0.5))

    engines = {"usual chain": chain, "spatialGradient": gradient, "edgecnn": lambda: sobel.edges(bgr)}
    times = in_turn(engines, rounds=ROUNDS)
    print(f"{machine()}, opencv {cv2.__version__}, {cv2.getNumThreads()} OpenCV threads, n={ROUNDS}")
    for name, values in times.items():
        print(
            f"{name:16} {statistics.median(values):.2f} ms (least {min(values):.2f}), "
            f"{ratio(times, name, 'usual chain'):.2f} times the usual chain"
        )


if __name__ == "__main__":
    main()
