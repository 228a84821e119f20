"""Labels what a live source sees, frame by frame, always on the newest one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Any

import numpy as np
import numpy.typing as npt

from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.live.feature_grid import first_layer_tensor
from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.motion import MotionMeter
from edgecnn_runtime.live.rates import AgeMeter, RateMeter
from edgecnn_runtime.live.shrink import pixels_from_bgr
from edgecnn_runtime.live.smoothing import Smoother, SmoothingOptions
from edgecnn_runtime.live.source import Source
from edgecnn_runtime.live.spec import SourceLike
from edgecnn_runtime.live.state import State
from edgecnn_runtime.live.view import NOT_SURE, Rates, View
from edgecnn_runtime.result import Result, Timing

__all__ = ["LiveClassifier"]

_STATE_EVERY_S = 0.5
_STILL_LEVELS = 2.5  # mean gray levels that a part of the picture may change and still count as still
_STILL_FOR_S = 2.0  # an answer is reused for so long at most


@dataclass(frozen=True, eq=False)
class _Answer:
    result: Result
    at_s: float
    features: npt.NDArray[Any] | None = None
    last_maps: npt.NDArray[Any] | None = None


class LiveClassifier:
    """An iterator of `View`s: the newest frame, its raw and its smoothed result, rates and state.

    Args:
        classifier: the network.
        source: an open or unopened `Source`, or what `Source` takes; one made here is closed by `close`.
        smoothing: how calm the label is; None means the defaults.
        min_score: below this smoothed probability the label is "not sure", 0 to 1.
        skip_still: reuse the answer while the picture stands still, for two seconds at most.
        max_fps: label at most so many frames a second.

    Raises:
        OptionError: a value is out of range.

    Example:
        >>> with LiveClassifier(Classifier(), 0) as live:
        ...     for view in live:
        ...         show(view.frame, view.label, view.score)
    """

    def __init__(
        self,
        classifier: Classifier,
        source: Source | SourceLike = 0,
        *,
        smoothing: SmoothingOptions | None = None,
        min_score: float = 0.0,
        skip_still: bool = False,
        max_fps: float | None = None,
    ) -> None:
        if not 0 <= min_score <= 1:
            raise OptionError(f"min_score is {min_score!r}; expected a probability from 0 to 1.")
        if max_fps is not None and not 0 < max_fps <= 1000:
            raise OptionError(f"max_fps is {max_fps!r}; expected a rate above 0 and up to 1000.")
        self.classifier = classifier
        self.source = source if isinstance(source, Source) else Source(source)
        self.want_features = False
        self.want_activation = False
        self._min_score, self._skip_still = min_score, skip_still
        self._step_s = 1 / max_fps if max_fps else 0.0
        self._smoother = Smoother(smoothing)
        self._motion = MotionMeter()
        self._with_features: Classifier | None = None
        self._answer: _Answer | None = None
        self._connection = 0
        self._labeled, self._ages = RateMeter(), AgeMeter()
        self._still = 0

    def __enter__(self) -> "LiveClassifier":
        self.source.open()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the source; an iteration in another thread ends."""
        self.source.close()

    def __iter__(self) -> Iterator[View]:
        """A view for each labeled frame, and one without a frame when the state changes or stays bad.

        Raises:
            SourceError: the source is gone for good.
        """
        due, state = 0.0, State.LIVE
        while True:
            time.sleep(max(0.0, due - time.monotonic()))
            frame = self.source.read(timeout_s=_STATE_EVERY_S)
            if frame is None:
                if self.source.ended:
                    return
                if self.source.state is not State.LIVE or state is not State.LIVE:
                    state = self.source.state
                    yield self._without_frame(state)
                continue
            due = max(due, time.monotonic() - self._step_s) + self._step_s
            view = self._label(frame)
            state = view.state
            yield view

    @property
    def can_show_activation(self) -> bool:
        """Whether the model file tells where the network looks."""
        return self.classifier.model.features is not None

    @property
    def rates(self) -> Rates:
        """Counts and rates as of now."""
        source, ages = self.source, self._ages
        return Rates(
            source.captured,
            source.dropped,
            self._labeled.count,
            self._still,
            source.fps,
            self._labeled.per_second,
            ages.percentile(50),
            ages.percentile(95),
        )

    def _without_frame(self, state: State) -> View:
        return View(None, None, None, "", 0.0, -1, False, state, self.source.note, self.rates)

    def _label(self, frame: Frame) -> View:
        bgr = frame.bgr
        motion = self._motion.look(bgr)
        jumped = motion.is_cut or frame.connection != self._connection
        self._connection = frame.connection
        answer, still = self._answer, False
        if answer is not None and self._skip_still and not jumped:
            fresh = frame.grabbed_at - answer.at_s < _STILL_FOR_S
            still = fresh and self._motion.since_anchor() < _STILL_LEVELS and self._has_what_is_wanted(answer)
        if answer is None or not still:
            answer = self._answer = self._classify(frame)
            self._motion.anchor()
        if jumped:
            self._smoother.reset()
        # A file's own time where there is one: its labels are equally calm however fast it is read.
        at_s = frame.grabbed_at if frame.position_s is None else frame.position_s
        smoothed = self._smoother.update(answer.result.probabilities, at_s)
        sure = smoothed.score >= self._min_score
        self._labeled.tick()
        self._still += still
        self._ages.add(frame.age_ms)
        return View(
            frame,
            answer.result,
            smoothed,
            answer.result.labels[smoothed.index] if sure else NOT_SURE,
            smoothed.score,
            smoothed.index,
            sure,
            self.source.state,
            self.source.note,
            self.rates,
            still,
            answer.features,
            self._activation(answer, smoothed.index),
        )

    def _has_what_is_wanted(self, answer: _Answer) -> bool:
        return (answer.features is not None or not self.want_features) and (
            answer.last_maps is not None or not self.want_activation
        )

    def _classify(self, frame: Frame) -> _Answer:
        """One run of the network, which gives the inner maps too where they are wanted."""
        classifier, model = self.classifier, self.classifier.model
        outputs = [model.logits.name]
        want_features, want_activation = self.want_features, self.want_activation
        if want_features:
            first = first_layer_tensor(model)
            if self._with_features is None:
                self._with_features = classifier.with_outputs([first])
            classifier = self._with_features
            outputs.append(first)
        if want_activation:
            if model.features is None:
                raise ModelFileError(f"{model.name} has no features output, so there is no class activation map.")
            outputs.append(model.features.name)
        start = time.perf_counter()
        pixels = pixels_from_bgr(frame.bgr, model.preprocess)
        prepared = time.perf_counter()
        maps = classifier.run(pixels[None], outputs)
        timing = Timing(0.0, (prepared - start) * 1e3, (time.perf_counter() - prepared) * 1e3)
        logits = np.asarray(maps[0][0], dtype=np.float32)
        result = Result(logits, model.labels, self.source.name, classifier.device, classifier.provider, timing)
        features = maps[1][0] if want_features else None
        return _Answer(result, frame.grabbed_at, features, maps[-1][0] if want_activation else None)

    def _activation(self, answer: _Answer, index: int) -> npt.NDArray[np.float32] | None:
        if answer.last_maps is None:
            return None
        weights = self.classifier.class_weights()[index]
        return np.asarray(np.tensordot(weights, answer.last_maps, axes=1), dtype=np.float32)
