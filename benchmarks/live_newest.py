"""How old is a frame when it is labeled, and when a slow program picks it up?

python benchmarks/live_newest.py

A 720p MJPEG camera on loopback burns the time into its pixels. First the default model labels it for 20 s; then a
program that needs 200 ms a frame reads it for 12 s through `Source` and through a plain `VideoCapture.read` loop.
"""

import os
import time

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")

import cv2
from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier, Source
from live_parts import THREADS, camera, now_ms, percentile, read_stamp
from measure import machine

FPS, SIZE = 30, (1280, 720)
LABEL_S, SLOW_S, WORK_S = 20.0, 12.0, 0.2


def label(url: str) -> None:
    ages, inference, labeled, dropped, first = [], [], 0, 0, None
    with LiveClassifier(Classifier(threads=THREADS), url) as live:
        started = time.monotonic()
        for view in live:
            if view.frame is None or view.result is None:
                continue
            if first is None:
                first = view.frame.index - view.frame.dropped
            labeled += 1
            dropped += view.frame.dropped
            ages.append(view.frame.age_ms)
            timing = view.result.timing_ms
            inference.append(timing.preprocess + timing.inference)
            if time.monotonic() - started > LABEL_S:
                break
        seen = view.frame.index + 1 - first
    frame_ms, work_ms = 1e3 / FPS, percentile(inference, 50)
    print(f"frames {seen}: {labeled} labeled + {dropped} dropped = {labeled + dropped}")
    print(f"grab to label: p50 {percentile(ages, 50):.1f} ms (one frame + inference is {frame_ms + work_ms:.1f})")
    print(f"               p95 {percentile(ages, 95):.1f} ms (two frames are {2 * frame_ms:.1f})")
    print(f"preprocess + inference: p50 {work_ms:.1f} ms, p95 {percentile(inference, 95):.1f} ms")


def slow_source(url: str) -> list[float]:
    ages = []
    with Source(url) as source:
        started = time.monotonic()
        for frame in source:
            stamp = read_stamp(frame.bgr)
            if stamp is not None:
                ages.append(float(now_ms() - stamp))
            if time.monotonic() - started > SLOW_S:
                return ages
            time.sleep(WORK_S)
    return ages


def slow_loop(url: str) -> list[float]:
    capture = cv2.VideoCapture(url)
    ages = []
    started = time.monotonic()
    while time.monotonic() - started < SLOW_S:
        ok, picture = capture.read()
        stamp = read_stamp(picture) if ok else None
        if stamp is not None:
            ages.append(float(now_ms() - stamp))
        time.sleep(WORK_S)
    capture.release()
    return ages


def main() -> None:
    print(f"{machine()}, opencv {cv2.__version__}")
    with camera(fps=FPS, size=SIZE) as source:
        label(source.url)
    for name, read in (("Source", slow_source), ("VideoCapture.read", slow_loop)):
        with camera(fps=FPS, size=SIZE) as source:
            ages = read(source.url)
        print(
            f"200 ms of work, {name:17}: picked up {percentile(ages, 50):.0f} ms old (p50), "
            f"{percentile(ages, 95):.0f} (p95), {ages[-1]:.0f} at the end, n={len(ages)}"
        )


if __name__ == "__main__":
    main()
