"""How much processor time does the whole program take at 15 fps, against decoding and inference alone?

python benchmarks/live_cpu.py

Both label the same 15 fps 720p MJPEG camera at the same time, each in its own process, with one thread for the
network; processor seconds are taken after both have started.
"""

import os
import subprocess
import sys
import time

import psutil
from live_parts import camera
from measure import machine

FPS, SIZE, SECONDS, WARM_UP_S = 15, (1280, 720), 30.0, 5.0

ALONE = """
import sys, cv2
from edgecnn_runtime import Classifier
classifier = Classifier(threads=1)
preprocess = classifier.model.preprocess
capture = cv2.VideoCapture(sys.argv[1])
while True:
    ok, picture = capture.read()
    classifier.logits(preprocess.apply(picture[:, :, ::-1].copy())[None])
"""
DECODING = """
import sys, cv2
capture = cv2.VideoCapture(sys.argv[1])
while capture.read()[0]:
    pass
"""
PROGRAM = "from edgecnn.cli.main import main; main()"


def main() -> None:
    print(machine())
    environment = {**os.environ, "OPENCV_FFMPEG_LOGLEVEL": "-8"}
    with camera(fps=FPS, size=SIZE) as source:
        options = ["camera", source.url, "--threads", "1", "--json"]
        commands = {
            "decoding, preprocessing, inference": ["-c", ALONE, source.url],
            "decoding": ["-c", DECODING, source.url],
            "edgecnn camera --no-display": ["-c", PROGRAM, *options, "--no-display"],
            "edgecnn camera --address :0": ["-c", PROGRAM, *options, "--address", ":0"],
            "edgecnn camera --skip-still": ["-c", PROGRAM, *options, "--no-display", "--skip-still"],
        }
        running = {
            name: subprocess.Popen(
                [sys.executable, *command], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environment
            )
            for name, command in commands.items()
        }
        time.sleep(WARM_UP_S)
        before = {name: psutil.Process(process.pid).cpu_times() for name, process in running.items()}
        time.sleep(SECONDS)
        after = {name: psutil.Process(process.pid).cpu_times() for name, process in running.items()}
        for process in running.values():
            process.kill()
            process.wait()
    used = {name: sum(after[name][:2]) - sum(before[name][:2]) for name in running}
    alone = used["decoding, preprocessing, inference"]
    for name, seconds in used.items():
        print(f"{name:36} {seconds / SECONDS:6.1%} of a core, {seconds / alone:.2f} times")


if __name__ == "__main__":
    main()
