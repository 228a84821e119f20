"""Labels what a live source sees, frame by frame, always on the newest one."""

import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy.typing as npt

from edgecnn_runtime.classifier import Classifier
from edgecnn_runtime.errors import ModelFileError, OptionError
from edgecnn_runtime.live.frame import Frame
from edgecnn_runtime.live.frame_slot import State
from edgecnn_runtime.live.motion import MotionMeter
from edgecnn_runtime.live.rates import AgeMeter, RateMeter
from edgecnn_runtime.live.shrink import pixels_from_bgr
from edgecnn_runtime.live.smoothing import Smoother, SmoothingOptions
from edgecnn_runtime.live.source import Source
from edgecnn_runtime.live.spec import SourceLike
from edgecnn_runtime.live.view import NOT_SURE, Rates, View
from edgecnn_runtime.result import Result, Timing

__all__ = ["LiveClassifier"]

_STATE_EVERY_S = 0.5
_STILL_LEVELS = 2.5  # mean gray levels that a part of the picture may change and still count as still
_STILL_FOR_S = 2.0  # an answer is reused for so long at most


class _UnansweredError(Exception):
    """What the network gave for a frame is no answer, as when it is not finite; the next frame's may be one."""


@dataclass(frozen=True, eq=False)
class _LabeledFrame:
    result: Result
    outputs: dict[str, npt.NDArray[Any]]
    at_s: float


class LiveClassifier:
    """An iterator of `View`s: the newest frame, its raw and its smoothed result, rates and state.

    Args:
        classifier: The network.
        source: An open or unopened `Source`, or what `Source` takes; one made here is closed by `close`.
        smoothing: How calm the label is; None means the defaults.
        min_score: Below this smoothed probability the label is "not sure", 0 to 1.
        skip_still: Reuse the answer while the picture stands still, for two seconds at most.
        max_fps: Label at most so many frames a second.

    Attributes:
        classifier: The network.
        source: The source.
        further_outputs: Tensors of the graph, inner ones too, that each `View` shall carry beside the logits; may be
            changed at any time, and counts from the next labeled frame.
        unanswered: Frames for which the network gave nothing that is an answer, such as NaN.

    Raises:
        OptionError: A value is out of range.

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
        self.further_outputs: tuple[str, ...] = ()
        self._min_score, self._skip_still = min_score, skip_still
        self._step_s = 1 / max_fps if max_fps else 0.0
        self._smoother = Smoother(smoothing)
        self._motion = MotionMeter()
        self._extended: dict[tuple[str, ...], Classifier] = {}
        self._answer: _LabeledFrame | None = None
        self._connection = 0
        self._labeled, self._ages = RateMeter(), AgeMeter()
        self._still = self.unanswered = 0

    def __enter__(self) -> "LiveClassifier":
        self.source.open()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the source; an iteration in another thread ends."""
        self.source.close()

    def __iter__(self) -> Iterator[View]:
        """A view for each frame, and one without a frame when the state changes or stays bad.

        Where the network gives no finite numbers the view has a frame and a note, but no result.

        Raises:
            SourceError: The source is gone for good.
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
                    yield View(state=state, note=self.source.note, rates=self.rates)
                continue
            due = max(due, time.monotonic() - self._step_s) + self._step_s
            try:
                view = self._label(frame)
            except _UnansweredError as error:
                view = self._without_answer(frame, error)
            state = view.state
            yield view

    @property
    def rates(self) -> Rates:
        """Counts and rates as of now."""
        source, ages = self.source, self._ages
        return Rates(
            captured=source.captured,
            dropped=source.dropped,
            labeled=self._labeled.count,
            still=self._still,
            capture_fps=source.fps,
            inference_fps=self._labeled.per_second,
            age_p50_ms=ages.percentile(50),
            age_p95_ms=ages.percentile(95),
        )

    def _label(self, frame: Frame) -> View:
        jumped = self._motion.is_cut(frame.bgr) or frame.connection != self._connection
        self._connection = frame.connection
        answer = None if jumped else self._reusable(frame)
        still = answer is not None
        if answer is None:
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
            state=self.source.state,
            note=self.source.note,
            rates=self.rates,
            frame=frame,
            result=answer.result,
            smoothed=smoothed,
            label=answer.result.labels[smoothed.index] if sure else NOT_SURE,
            score=smoothed.score,
            index=smoothed.index,
            sure=sure,
            still=still,
            outputs=answer.outputs,
        )

    def _without_answer(self, frame: Frame, error: _UnansweredError) -> View:
        """A frame that has no label, and why; the average begins anew behind it."""
        self.unanswered += 1
        self._answer = None
        self._smoother.reset()
        return View(state=self.source.state, note=str(error), rates=self.rates, frame=frame)

    def _reusable(self, frame: Frame) -> _LabeledFrame | None:
        """The last answer, where it is young, the picture has stood still since, and it has what is wanted."""
        answer = self._answer
        if not self._skip_still or answer is None or frame.grabbed_at - answer.at_s >= _STILL_FOR_S:
            return None
        still = self._motion.since_anchor() < _STILL_LEVELS
        return answer if still and answer.outputs.keys() >= set(self.further_outputs) else None

    def _classify(self, frame: Frame) -> _LabeledFrame:
        """One run of the network, which gives the further outputs too."""
        model, wanted = self.classifier.model, self.further_outputs
        classifier = self._classifier_giving(wanted)
        start = time.perf_counter()
        pixels = pixels_from_bgr(frame.bgr, model.preprocess)
        prepared = time.perf_counter()
        given = classifier.run(pixels[None], [model.logits.name, *wanted])
        timing = Timing(0.0, (prepared - start) * 1e3, (time.perf_counter() - prepared) * 1e3)
        try:
            logits = classifier.as_logits(given[0], 1)[0]
        except ModelFileError as error:
            raise _UnansweredError(str(error)) from error
        result = Result(
            logits=logits,
            labels=model.labels,
            source=self.source.name,
            device=classifier.device,
            provider=classifier.provider,
            timing_ms=timing,
        )
        further = (output[0] for output in given[1:])
        return _LabeledFrame(result, dict(zip(wanted, further, strict=True)), frame.grabbed_at)

    def _classifier_giving(self, outputs: tuple[str, ...]) -> Classifier:
        """The classifier, or one on the same file that lets its inner tensors out; the last such one is kept."""
        given = {output.name for output in self.classifier.model.graph.outputs}
        inner = tuple(name for name in outputs if name not in given)
        if not inner:
            return self.classifier
        if inner not in self._extended:
            self._extended = {inner: self.classifier.with_outputs(inner)}
        return self._extended[inner]
