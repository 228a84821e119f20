"""Many pictures through one classifier: order kept, memory bounded, every core busy."""

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Literal

from edgecnn_runtime.errors import EdgecnnError, OptionError
from edgecnn_runtime.image import ImageSource, source_name
from edgecnn_runtime.result import Failure, Result

__all__ = ["stream"]

Classify = Callable[[ImageSource], Result]

_SOURCE_GRACE_S = 0.2


def stream(
    classify: Classify,
    sources: Iterable[ImageSource],
    *,
    workers: int | None = None,
    errors: Literal["raise", "yield"] = "raise",
) -> Iterator[Result | Failure]:
    """Classify `sources` with `workers` threads and give the answers in the order of the sources.

    Each thread takes a picture all the way: Pillow and ONNX Runtime release the interpreter while they work, so one
    picture decodes while another is in the network. At most `2 × workers` pictures are in flight. The threads also
    take the pictures from `sources`, one thread at a time, so that an answer which is ready waits for no picture that
    is yet to come: `sources` may be a generator that waits for the answer to what it gave.
    """
    if workers is not None and workers < 1:
        raise OptionError(f"workers is {workers}; expected 1 or more.")
    if errors not in ("raise", "yield"):
        raise OptionError(f"errors is {errors!r}; expected 'raise' or 'yield'.")
    return _run(classify, sources, workers=workers or os.cpu_count() or 1, errors=errors)


def _run(
    classify: Classify, sources: Iterable[ImageSource], *, workers: int, errors: str
) -> Iterator[Result | Failure]:
    line = _Workers(classify, iter(sources), workers)
    try:
        while (answer := line.answers.get()) is not None:
            # Room for the next picture before this one is handed out: the caller may be busy with it for long.
            line.room.release()
            yield _take(answer, errors)
    finally:
        line.stop()


@dataclass(frozen=True, eq=False)
class _Answer:
    """An answer to come; without a name it is what the sources themselves raised."""

    name: str | None
    future: "Future[Result]"


def _take(answer: _Answer, errors: str) -> Result | Failure:
    try:
        return answer.future.result()
    except EdgecnnError as error:
        if errors == "raise" or answer.name is None:
            raise
        return Failure(answer.name, error)


class _Workers:
    """Threads that take pictures and put answers to come in line; None ends the line."""

    def __init__(self, classify: Classify, pictures: Iterator[ImageSource], workers: int) -> None:
        self.answers: SimpleQueue[_Answer | None] = SimpleQueue()
        self.room = threading.Semaphore(2 * workers)
        self._classify, self._pictures = classify, pictures
        self._taking, self._over = threading.Lock(), threading.Event()
        self._busy: set[threading.Thread] = set()
        # Daemons, because a source may wait for ever and the program's end must not wait for it.
        names = [f"edgecnn-stream-{number}" for number in range(workers)]
        self._threads = [threading.Thread(target=self._work, name=name, daemon=True) for name in names]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Take no more pictures; wait for those in work, but not for a source that does not give its next one."""
        self._end()
        deadline = time.monotonic() + _SOURCE_GRACE_S
        for thread in self._threads:
            thread.join(max(0.0, deadline - time.monotonic()))
            while thread in self._busy:
                thread.join(_SOURCE_GRACE_S)

    def _end(self) -> None:
        self._over.set()
        self.room.release(len(self._threads))

    def _work(self) -> None:
        thread = threading.current_thread()
        while (job := self._next()) is not None:
            source, answer = job
            # The caller's thread raises what goes wrong here.
            try:
                answer.future.set_result(self._classify(source))
            except BaseException as error:
                answer.future.set_exception(error)
            self._busy.discard(thread)
            del job, source, answer  # a large picture would lie here until the next one comes

    def _next(self) -> tuple[ImageSource, _Answer] | None:
        """Take a picture and its place in the line; None when there are no more, or no more are wanted."""
        self.room.acquire()
        with self._taking:
            if self._over.is_set():
                return None
            future: Future[Result] = Future()
            try:
                source = next(self._pictures)
            except BaseException as error:
                if not isinstance(error, StopIteration):
                    future.set_exception(error)
                    self.answers.put(_Answer(None, future))
                self.answers.put(None)
                self._end()
                return None
            if self._over.is_set():
                return None
            self._busy.add(threading.current_thread())
            answer = _Answer(source_name(source), future)
            self.answers.put(answer)
            return source, answer
