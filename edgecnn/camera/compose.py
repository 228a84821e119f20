"""From a view to the picture on the screen."""

import numpy as np
from edgecnn_runtime.live.feature_grid import feature_grid
from edgecnn_runtime.live.frame import Picture
from edgecnn_runtime.live.opencv import cv2
from edgecnn_runtime.live.view import View
from edgecnn_runtime.preprocess import Preprocess

from edgecnn.camera.controls import HELP, Controls, Mode
from edgecnn.camera.heat import heat_over
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
        preprocess: the model's, to lay class activation maps where they belong.
        most: largest `(width, height)` of the picture in pixels; larger frames are scaled down first.
    """

    def __init__(self, preprocess: Preprocess, *, most: tuple[int, int] | None = None) -> None:
        self._preprocess, self._most = preprocess, most
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
        plain = fit(view.frame.bgr, self._most)
        self._last = plain
        if controls.mode is Mode.PLAIN:
            return plain.copy()
        shown = self._effect(plain, view, controls)
        if controls.split:
            shown = fit(np.asarray(cv2.hconcat([plain, shown]), dtype=np.uint8), self._most)
        return shown

    def _effect(self, plain: Picture, view: View, controls: Controls) -> Picture:
        height, width = plain.shape[:2]
        if controls.mode is Mode.EDGES:
            edges = self._sobel.edges(plain, controls.edge_kind)
            shown = np.asarray(cv2.cvtColor(edges, cv2.COLOR_GRAY2BGR), dtype=np.uint8)
            draw_kernel(shown, controls.edge_kind)
            return shown
        if controls.mode is Mode.FEATURES and view.features is not None:
            return feature_grid(view.features, (width, height))
        if controls.mode is Mode.ACTIVATION and view.activation is not None:
            return heat_over(plain, view.activation, self._preprocess)
        # The network was not yet asked for the maps when it saw this frame.
        return plain.copy()

    @staticmethod
    def annotate(picture: Picture, view: View, controls: Controls, *, shown_fps: float, recording: str = "") -> None:
        """Write labels, state and rates onto a composed picture, in place."""
        age_ms = None if view.frame is None or controls.paused else view.frame.age_ms
        extra = " ".join(word for word in ("HELD" if controls.paused else "", recording) if word)
        draw_labels(picture, view)
        draw_status(picture, view, shown_fps=shown_fps, age_ms=age_ms, extra=controls.message or extra)
        if controls.help:
            draw_help(picture, HELP)
