"""How soon is a frozen sender noticed, how soon does the next label come, and are fifty cuts survived?

python benchmarks/live_outages.py
"""

import os
import threading
import time

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
os.environ.setdefault("OPENCV_LOG_LEVEL", "OFF")

from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier, State
from live_parts import THREADS, camera, open_descriptors, percentile
from measure import machine

FREEZES, CUTS = 5, 50


def outage(live: LiveClassifier, views, tell, break_off: str, down_s: float) -> tuple[float, float]:
    """Seconds until the state is not LIVE, and from the return to the next label."""
    tell(break_off)
    broken = time.monotonic()
    noticed = None
    back = broken + down_s
    threading.Timer(down_s, tell, ["resume"]).start()
    connections = live.source.connections
    for view in views:
        if noticed is None and view.state is not State.LIVE:
            noticed = time.monotonic() - broken
        if view.frame is not None and view.frame.connection > connections:
            return noticed if noticed is not None else float("nan"), time.monotonic() - back
    raise SystemExit("the stream ended")


def spread(seconds: list[float]) -> str:
    return f"p50 {percentile(seconds, 50):.2f} s, most {max(seconds):.2f} s"


def main() -> None:
    print(machine())
    with camera(fps=30, size=(640, 480)) as source, LiveClassifier(Classifier(threads=THREADS), source.url) as live:
        views = iter(live)
        for _ in range(30):
            next(views)
        frozen = [outage(live, views, source.tell, "freeze", 4.0) for _ in range(FREEZES)]
        print(f"frozen {FREEZES} times for 4 s: noticed after at most {max(n for n, _ in frozen):.2f} s")
        print(f"  label after return: {spread([back for _, back in frozen])}")
        threads = threading.active_count()
        descriptors = open_descriptors()
        cuts = [outage(live, views, source.tell, "cut", 0.3) for _ in range(CUTS)]
        print(f"{len(cuts)} cuts of 0.3 s in a row survived; label after return: {spread([back for _, back in cuts])}")
        print(f"threads {threads} before, {threading.active_count()} after")
        print(f"descriptors {descriptors} before, {open_descriptors()} after")


if __name__ == "__main__":
    main()
