"""Runtime overhead: `classifier(array)` against `session.run` plus preprocessing on the same picture.

python benchmarks/overhead.py
"""

import statistics

import numpy as np
import onnxruntime
from edgecnn_runtime import Classifier
from measure import DEFAULT_MODEL, ROOT, in_turn, machine, ratio
from PIL import Image

ROUNDS = 300


def main() -> None:
    picture = np.asarray(Image.open(ROOT / "samples/images/school_bus.jpg").convert("RGB"))
    # One thread: two sessions whose spinning pools share the cores would slow each other.
    classifier = Classifier(DEFAULT_MODEL, device="cpu", threads=1)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(str(DEFAULT_MODEL), options, providers=["CPUExecutionProvider"])

    def plain() -> int:
        pixels = classifier.model.preprocess.apply(Image.fromarray(picture))
        return int(session.run(["logits"], {"pixels": pixels[None]})[0][0].argmax())

    times = in_turn({"classifier(array)": lambda: classifier(picture).index, "session.run": plain}, rounds=ROUNDS)
    print(machine())
    for name, values in times.items():
        print(f"{name:18} {statistics.median(values):.3f} ms (median of {len(values)}, one thread)")
    print(f"ratio {ratio(times, 'classifier(array)', 'session.run'):.3f}")


if __name__ == "__main__":
    main()
