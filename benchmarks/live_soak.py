"""Does the loop run for ever? 100,000 decoded frames through source, network, smoothing, drawing and encoding.

python benchmarks/live_soak.py [FRAMES]

A small clip is decoded in a loop as fast as frames go and labeled by a small network; every tenth frame is composed,
annotated, published to a browser view nobody reads, and recorded. Memory, threads and descriptors are compared with
those after the first tenth.
"""

import sys
import tempfile
import threading
import time
from pathlib import Path

import cv2
from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier, Source, SourceOptions
from live_parts import open_descriptors, packed, scene
from measure import machine

from edgecnn.camera.compose import Composer
from edgecnn.camera.controls import Controls
from edgecnn.camera.recorder import Recorder
from edgecnn.camera.web import WebView


def resident_mib() -> float:
    status = Path("/proc/self/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1]) / 1024


def main() -> None:
    frames = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    print(machine())
    with tempfile.TemporaryDirectory() as folder:
        clip = Path(folder) / "clip.avi"
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 30, (160, 120))
        for index in range(200):
            writer.write(scene(index, (160, 120)))
        writer.release()
        classifier = Classifier(packed(), threads=1)
        controls, composer = Controls(), Composer(classifier)
        web = WebView("127.0.0.1", 0, controls)
        recorder = Recorder(Path(folder) / "soak.mkv")
        started, first = time.monotonic(), None
        with LiveClassifier(classifier, Source(clip, SourceOptions(loop=True))) as live:
            for number, view in enumerate(live, start=1):
                if number % 10 == 0 and view.frame is not None:
                    controls.press("123456789"[number // 10 % 9])
                    live.further_outputs = ("features",) if number // 1000 % 2 == 1 else ()
                    picture = composer.compose(view, controls)
                    composer.annotate(picture, view, controls, shown_fps=0.0, recording=True)
                    web.publish(picture, {"label": view.label})
                    recorder.add(picture, view.frame.grabbed_at)
                if number % (frames // 10) == 0:
                    now = (resident_mib(), threading.active_count(), open_descriptors())
                    first = first or now
                    print(f"{number:7} frames: {now[0]:6.1f} MiB, {now[1]} threads, {now[2]} descriptors", flush=True)
                if number == frames:
                    break
        took = time.monotonic() - started
        recorder.close()
        web.close()
    print(
        f"{frames} frames in {took:.0f} s ({frames / took:.0f} a second); memory {now[0] / first[0] - 1:+.1%}, "
        f"threads {now[1] - first[1]:+d}, descriptors {now[2] - first[2]:+d} against the first tenth"
    )


if __name__ == "__main__":
    main()
