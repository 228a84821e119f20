"""Classify pictures from your own program: pip install "edgecnn-runtime[cpu]", then python embed.py photo.jpg …"""

import sys

from edgecnn_runtime import Classifier, EdgecnnError

classifier = Classifier()  # the built-in ImageNet model; Classifier("model.onnx") for your own
for path in sys.argv[1:]:
    try:
        result = classifier(path)
    except EdgecnnError as error:
        print(f"skipped: {error}")
        continue
    best = ", ".join(f"{p.label} {p.score:.0%}" for p in result.top(3))
    print(f"{path}: {best} ({result.provider}, {result.timing_ms.total:.1f} ms)")
