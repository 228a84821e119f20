"""Your own loop around the live classifier: newest frame, calm label, honest age.

python samples/live_embed.py [SOURCE]

SOURCE is a camera number, a video file, an rtsp:// or http:// address; camera 0 if left out.
"""

import sys

from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier, SmoothingOptions


def main() -> None:
    source = sys.argv[1] if len(sys.argv) > 1 else 0
    with LiveClassifier(Classifier(), source, smoothing=SmoothingOptions(time_constant_s=0.3), min_score=0.3) as live:
        for view in live:
            if view.frame is None:
                print(f"{view.state}: {view.note}")
                continue
            # view.frame.image is (H, W, 3) uint8 RGB: hand it to your own window, file or robot.
            height, width = view.frame.image.shape[:2]
            print(
                f"{view.label:24} {view.score:4.0%}  {width}×{height}  {view.frame.age_ms:4.0f} ms old  "
                f"{view.rates.inference_fps:3.0f} fps  {view.rates.dropped} dropped"
            )


if __name__ == "__main__":
    main()
