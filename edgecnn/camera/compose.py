"""From a view to the picture on the screen."""

import numpy as np
from edgecnn_runtime.class_activation import class_activation_map
from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.live.frame import Picture, cv2
from edgecnn_runtime.live.view import View

from edgecnn.camera.controls import HELP, Controls, Mode
from edgecnn.camera.maps import feature_grid, heat_over, shown_tensors
from edgecnn.camera.overlay import draw_banner, draw_help, draw_kernel, draw_labels, draw_status
from edgecnn.camera.sobel import Sobel

__all__ = ["Composer", "fit"]

_BLANK = (480, 640, 3)


def fit(bgr: Picture, most: tuple[int, int] | None) -> Picture:
    """The picture, scaled down to at most `(width, height)` pixels; never enlarged."""
    if most is None:
        return bgr
    height, width = bgr.shape[:2]
    scale = min(most[0] / width, most[1] / height)
    if scale >= 1:
        return bgr
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(bgr, size, interpolation=cv2.INTER_AREA), dtype=np.uint8)


class Composer:
    """Composes pictures; keeps buffers, so one object belongs to one thread.

    Args:
        classifier: The network whose maps are shown.
        most: Largest `(width, height)` of the picture in pixels; larger frames are scaled down first.
    """

    def __init__(self, classifier: Classifier, *, most: tuple[int, int] | None = None) -> None:
        self._classifier, self._most = classifier, most
        self._tensors = shown_tensors(classifier.model)
        self._sobel = Sobel()
        self._last: Picture = np.zeros(_BLANK, np.uint8)

    def compose(self, view: View, controls: Controls) -> Picture:
        """The chosen view without text: `(H, W, 3)` uint8 BGR, a new array.

        Without a frame it is the last picture, darkened, with the state written on it.
        """
        if view.frame is None:
            picture: Picture = self._last // 3
            draw_banner(picture, str(view.state), view.note)
            return picture
        plain = self._last = fit(view.frame.bgr, self._most)
        if controls.mode is Mode.PLAIN:
            return plain.copy()
        shown = self._effect(plain, view, controls)
        if controls.split:
            shown = fit(np.asarray(cv2.hconcat([plain, shown]), dtype=np.uint8), self._most)
        return shown

    def _effect(self, plain: Picture, view: View, controls: Controls) -> Picture:
        if controls.mode is Mode.EDGES:
            edges = self._sobel.edges(plain, controls.edge_kind)
            shown = np.asarray(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
            draw_kernel(shown, controls.edge_kind)
            return shown
        maps = view.outputs.get(self._tensors.get(controls.mode, ""))
        if maps is None:  # The network was not yet asked for the maps when it saw this frame.
            return plain.copy()
        if controls.mode is Mode.FEATURES:
            height, width = plain.shape[:2]
            return feature_grid(maps, (width, height))
        activation = class_activation_map(maps, self._classifier.class_weights(), view.index)
        return heat_over(plain, activation, self._classifier.model.preprocess)

    @staticmethod
    def annotate(picture: Picture, view: View, controls: Controls, *, shown_fps: float, recording: bool) -> None:
        """Write labels, state and rates onto a composed picture, in place."""
        age_ms = None if view.frame is None or controls.paused else view.frame.age_ms
        extra = " ".join(word for word, wanted in (("HELD", controls.paused), ("REC", recording)) if wanted)
        draw_labels(picture, view)
        draw_status(picture, view, shown_fps=shown_fps, age_ms=age_ms, extra=controls.message or extra)
        if controls.help:
            draw_help(picture, HELP)
