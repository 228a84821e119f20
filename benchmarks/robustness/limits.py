"""Run cases in processes that may hang, grow or die, each with a limit on its time and memory."""

import contextlib
import multiprocessing
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import psutil
from outcomes import Case, Outcome, Report, attempt

__all__ = ["Limits", "run_cases"]

_POLL_S = 0.05
_START_S = 120.0
_MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """What one case may take.

    Attributes:
        seconds: of wall time or of processor time, whichever is less: on a busy machine the first says nothing.
        memory_mib: growth of the process's memory at its peak, in MiB.
    """

    seconds: float = 5.0
    memory_mib: float = 1024.0


def run_cases(
    cases: Iterable[Case], task: Callable[[Case], object], limits: Limits, *, workers: int = 1, warm: Any = None
) -> Iterator[Report]:
    """Take each case through `task` in one of `workers` processes; reports come as they are ready.

    Args:
        cases: what to try; made here, one at a time.
        task: a function of a module; what it returns is the answer, and an AssertionError says that it is wrong.
        limits: a process over them is ended and another one started.
        workers: processes at a time.
        warm: a good case for each new process, so that loading libraries counts for nobody.
    """
    source, lock = iter(cases), threading.Lock()
    reports: list[Report] = []
    ready = threading.Condition()
    running = workers

    def serve() -> None:
        nonlocal running
        worker = _Worker(task, warm)
        try:
            while True:
                with lock:
                    case = next(source, None)
                if case is None:
                    return
                report = worker.run(case, limits)
                with ready:
                    reports.append(report)
                    ready.notify()
        finally:
            worker.end()
            with ready:
                running -= 1
                ready.notify()

    for _ in range(workers):
        threading.Thread(target=serve, daemon=True).start()
    while True:
        with ready:
            ready.wait_for(lambda: reports or not running)
            taken, reports[:] = list(reports), []
            ended = not running
        yield from taken
        if ended and not reports:
            return


class _Worker:
    """A process that takes one case after the other, and its successor when it has to be ended."""

    def __init__(self, task: Callable[[Case], object], warm: Any) -> None:
        self._task, self._warm = task, warm
        self._process: Any = None
        self._pipe: Connection

    def run(self, case: Case, limits: Limits) -> Report:
        if self._process is None:
            self._start()
        watched = psutil.Process(self._process.pid)
        before_mib, cpu_before, started = _memory_mib(watched), _cpu_s(watched), time.monotonic()
        seconds = grown = 0.0
        try:
            self._pipe.send(case)
            while not self._pipe.poll(_POLL_S):
                wall = time.monotonic() - started
                seconds = min(wall, _cpu_s(watched) - cpu_before) if wall < 3 * limits.seconds else wall
                grown = _memory_mib(watched) - before_mib
                if seconds > 2 * limits.seconds or grown > 2 * limits.memory_mib:
                    self.end()
                    outcome = Outcome.SLOW if seconds > 2 * limits.seconds else Outcome.LARGE
                    return Report(case, outcome, "ended", "", seconds, grown)
            outcome, words, place, peak = self._pipe.recv()
            grown = max(grown, peak)
            seconds = min(time.monotonic() - started, _cpu_s(watched) - cpu_before)
        except (EOFError, OSError, psutil.Error):
            self._process.join(5)
            code = self._process.exitcode
            self.end()
            return Report(case, Outcome.CRASHED, f"exit code {code}", "", seconds, grown)
        if seconds > limits.seconds:
            outcome = Outcome.SLOW
        elif grown > limits.memory_mib:
            outcome = Outcome.LARGE
        return Report(case, outcome, words, place, seconds, grown)

    def end(self) -> None:
        if self._process is not None:
            for process in _family(psutil.Process(self._process.pid)) if self._process.is_alive() else ():
                process.kill()
            self._process.join()
            self._pipe.close()
            self._process = None

    def _start(self) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(target=_serve, args=(theirs, self._task, self._warm))
        self._process.start()
        theirs.close()
        if not self._pipe.poll(_START_S):
            raise SystemExit("a process for the cases does not start")
        self._pipe.recv()


def _serve(pipe: Connection, task: Callable[[Case], object], warm: Any) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # ONNX Runtime and decoders complain there about every case
    if warm is not None:
        attempt(lambda: task(warm))
    pipe.send("ready")
    while True:
        try:
            case: Case = pipe.recv()
        except EOFError:
            return
        before = _forget_peak()
        answer = attempt(lambda case=case: task(case))  # type: ignore[misc]
        pipe.send((*answer, (_peak_kib() - before) / 1024))


def _forget_peak() -> float:
    """Start measuring the peak anew, where the system can; memory now in KiB."""
    clear = Path("/proc/self/clear_refs")
    if clear.exists():
        clear.write_text("5")
    return psutil.Process().memory_info().rss / 1024


def _peak_kib() -> float:
    status = Path("/proc/self/status")
    if status.exists():
        return float(next(line.split()[1] for line in status.open() if line.startswith("VmHWM")))
    return psutil.Process().memory_info().rss / 1024


def _family(process: psutil.Process) -> list[psutil.Process]:
    """A process with all that it has started, the youngest first."""
    return [*reversed(process.children(recursive=True)), process]


def _cpu_s(process: psutil.Process) -> float:
    """Of the process and of its children, those that have ended included."""
    total = 0.0
    for member in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            times = member.cpu_times()
            total += times.user + times.system + times.children_user + times.children_system
    return total


def _memory_mib(process: psutil.Process) -> float:
    total = 0
    for member in _family(process):
        with contextlib.suppress(psutil.NoSuchProcess):
            total += member.memory_info().rss
    return total / _MIB
