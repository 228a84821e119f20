"""From a source to its ONNX graph in a process of its own: torch and its exporter hold 1 GB, which ends with it."""

from __future__ import annotations

import multiprocessing
import os
import signal
import traceback
from collections.abc import Sequence
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING

from edgecnn_runtime import ModelFileError

from edgecnn.children import end_with_parent
from edgecnn.zoo import NetworkRequest, load

if TYPE_CHECKING:
    from edgecnn_export.pixel_graph import PixelGraph

__all__ = ["load_graph"]


def load_graph(source: str, request: NetworkRequest, check: Sequence[Path] = ()) -> PixelGraph:
    """The graph of a network from the zoo, and the network's answers for the pictures it will be checked with.

    Args:
        source: As `edgecnn.zoo.load` takes it.
        request: What to fill in or replace.
        check: Pictures that `export` will check with; the export package's own if empty. The graph's reference
            answers for these alone, since the network itself is gone.

    Raises:
        EdgecnnError: Whatever `load` and `to_onnx` say.
        ModelFileError: The process ended without a word, as it does when the machine's memory runs out.
    """
    context = multiprocessing.get_context("spawn")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(
        target=_send_graph, args=(os.getpid(), sending, source, request, tuple(check)), daemon=True
    )
    process.start()
    sending.close()  # so that a process that dies ends the wait for it
    try:
        answer: PixelGraph | _Failure = receiving.recv()
    except EOFError:
        process.join()
        raise ModelFileError(
            f"the process that makes the graph of {source} ended with code {process.exitcode} before it was done; "
            "if the machine ran out of memory, close other programs or take a smaller network."
        ) from None
    finally:
        process.terminate()
        process.join()
    if isinstance(answer, _Failure):
        raise answer.error from RuntimeError(answer.trace)
    return answer


@dataclass(frozen=True)
class _Failure:
    error: Exception
    trace: str  # pickled exceptions come without theirs, and --debug shows where


def _send_graph(parent: int, pipe: Connection, source: str, request: NetworkRequest, check: Sequence[Path]) -> None:
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent has it too, and ends this process
    try:
        answer: PixelGraph | _Failure = _graph(source, request, check)
    except Exception as error:
        answer = _Failure(error, traceback.format_exc())
    pipe.send(answer)


def _graph(source: str, request: NetworkRequest, check: Sequence[Path]) -> PixelGraph:
    from edgecnn_export.export_check import load_pictures
    from edgecnn_export.pixel_graph import RecordedAnswers
    from edgecnn_export.to_onnx import to_onnx

    graph = to_onnx(load(source, request))
    return replace(graph, reference=RecordedAnswers.of(graph.reference, load_pictures(check, graph.preprocess)))
