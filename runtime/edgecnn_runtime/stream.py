"""Many pictures through one classifier: order kept, memory bounded, every core busy."""

import os
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Literal

from edgecnn_runtime.errors import EdgecnnError, OptionError
from edgecnn_runtime.image import ImageSource, source_name
from edgecnn_runtime.result import Failure, Result

__all__ = ["stream"]


def stream(
    classify: Callable[[ImageSource], Result],
    sources: Iterable[ImageSource],
    *,
    workers: int | None = None,
    errors: Literal["raise", "yield"] = "raise",
) -> Iterator[Result | Failure]:
    """Classify `sources` with `workers` threads and give the answers in the order of the sources.

    Each thread takes a picture all the way: Pillow and ONNX Runtime release the interpreter while they work, so one
    picture decodes while another is in the network. At most `2 × workers` pictures are in flight.
    """
    if workers is not None and workers < 1:
        raise OptionError(f"workers is {workers}; expected 1 or more.")
    if errors not in ("raise", "yield"):
        raise OptionError(f"errors is {errors!r}; expected 'raise' or 'yield'.")
    return _run(classify, sources, workers=workers or os.cpu_count() or 1, errors=errors)


def _run(
    classify: Callable[[ImageSource], Result], sources: Iterable[ImageSource], *, workers: int, errors: str
) -> Iterator[Result | Failure]:
    pending: deque[tuple[str, Future[Result]]] = deque()
    executor = ThreadPoolExecutor(workers, thread_name_prefix="edgecnn-stream")
    try:
        for source in sources:
            pending.append((source_name(source), executor.submit(classify, source)))
            if len(pending) >= 2 * workers:
                yield _take(*pending.popleft(), errors)
        while pending:
            yield _take(*pending.popleft(), errors)
    finally:
        executor.shutdown(wait=True, cancel_futures=True)


def _take(name: str, future: "Future[Result]", errors: str) -> Result | Failure:
    try:
        return future.result()
    except EdgecnnError as error:
        if errors == "raise":
            raise
        return Failure(name, error)
