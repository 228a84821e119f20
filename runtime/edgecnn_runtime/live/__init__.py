"""Live pictures: sources that always give the newest frame, and a classifier that labels them.

from edgecnn_runtime import Classifier
from edgecnn_runtime.live import LiveClassifier

with LiveClassifier(Classifier(), 0) as live:
    for view in live:
        print(view.label, view.score, view.frame.age_ms)
"""

from edgecnn_runtime.live.cameras import CameraInfo, find_camera, list_cameras
from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.frame_slot import State
from edgecnn_runtime.live.live_classifier import LiveClassifier
from edgecnn_runtime.live.smoothing import Smoothed, Smoother, SmoothingOptions
from edgecnn_runtime.live.source import Source
from edgecnn_runtime.live.spec import SourceOptions
from edgecnn_runtime.live.view import Rates, View

__all__ = [
    "CameraInfo",
    "Frame",
    "LiveClassifier",
    "Rates",
    "Smoothed",
    "Smoother",
    "SmoothingOptions",
    "Source",
    "SourceOptions",
    "State",
    "View",
    "find_camera",
    "list_cameras",
]
