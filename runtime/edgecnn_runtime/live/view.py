"""What the live classifier gives for each frame."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.frame_slot import State
from edgecnn_runtime.live.smoothing import Smoothed
from edgecnn_runtime.result import Prediction, Result

__all__ = ["NOT_SURE", "Rates", "View"]

NOT_SURE = "not sure"


@dataclass(frozen=True, kw_only=True)
class Rates:
    """Counts since the start, rates over the last two seconds, ages from grab to label since the start.

    Attributes:
        captured: Frames grabbed.
        dropped: Frames grabbed and overwritten by a newer one before anybody took them.
        labeled: Frames classified, reused answers of still pictures included.
        still: Labeled frames whose answer was reused because the picture stood still.
        capture_fps: Frames grabbed a second.
        inference_fps: Frames labeled a second.
        age_p50_ms: Median time from grab to label.
        age_p95_ms: 95th percentile of it.
    """

    captured: int
    dropped: int
    labeled: int
    still: int
    capture_fps: float
    inference_fps: float
    age_p50_ms: float
    age_p95_ms: float


@dataclass(frozen=True, eq=False, kw_only=True)
class View:
    """A labeled frame, or, with `frame` None, a change of the source's state.

    Attributes:
        state: LIVE, STALE, RECONNECTING or ENDED.
        note: Why, in words; empty when all is well.
        rates: Counts and rates.
        frame: The picture; None while the source gives none.
        result: The network's raw answer for it; None also where that was no answer, as the note then says.
        smoothed: The answer averaged over time.
        label: What to show: the smoothed class's name, or "not sure" below `min_score`; empty without a frame.
        score: The smoothed probability of that class, 0 to 1.
        index: Its index; -1 without a frame.
        sure: Whether the score reaches `min_score`.
        still: The answer is that of an earlier frame, as the picture stood still.
        outputs: What the network gave for this frame beside its logits, by name: `LiveClassifier.further_outputs`.
    """

    state: State
    note: str
    rates: Rates
    frame: Frame | None = None
    result: Result | None = None
    smoothed: Smoothed | None = None
    label: str = ""
    score: float = 0.0
    index: int = -1
    sure: bool = False
    still: bool = False
    outputs: Mapping[str, npt.NDArray[Any]] = field(default_factory=dict)

    def top(self, count: int = 5) -> tuple[Prediction, ...]:
        """The `count` most probable classes after smoothing, best first; none without a frame."""
        if self.smoothed is None or self.result is None:
            return ()
        scores, labels = self.smoothed.probabilities, self.result.labels
        order = np.argsort(-scores, kind="stable")[: max(count, 0)]
        return tuple(Prediction(int(i), labels[i], float(scores[i])) for i in order)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for one JSON line."""
        rates = {
            "capture_fps": round(self.rates.capture_fps, 2),
            "inference_fps": round(self.rates.inference_fps, 2),
            "captured": self.rates.captured,
            "dropped": self.rates.dropped,
        }
        if self.frame is None or self.result is None:
            return {"event": "state", "state": str(self.state), "note": self.note, **rates}
        timing = self.result.timing_ms
        return {
            "event": "result",
            "index": self.frame.index,
            "label": self.label,
            "class_index": self.index,
            "score": round(self.score, 4),
            "sure": self.sure,
            "raw_label": self.result.label,
            "raw_score": round(self.result.score, 4),
            "top": [{"label": p.label, "class_index": p.index, "score": round(p.score, 4)} for p in self.top(5)],
            "age_ms": round(self.frame.age_ms, 2),
            "preprocess_ms": round(timing.preprocess, 2),
            "inference_ms": round(timing.inference, 2),
            "position_s": None if self.frame.position_s is None else round(self.frame.position_s, 3),
            "still": self.still,
            "state": str(self.state),
            "note": self.note,
            **rates,
        }
