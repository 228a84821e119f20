"""What the benchmarks share: the machine in a line, medians, and whole commands timed in turn."""

import multiprocessing
import os
import platform
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path

import numpy as np
import onnxruntime
import PIL

ROOT = Path(__file__).parent.parent
DEFAULT_MODEL = ROOT / "runtime/edgecnn_runtime/models/default.onnx"


@dataclass(frozen=True)
class ProcessTimes:
    """One run of a command: wall and processor seconds, peak memory of the process in MiB."""

    wall_s: float
    cpu_s: float
    peak_mib: float


def machine() -> str:
    """Processor, cores and versions, for the line under a table."""
    name = platform.processor() or platform.machine()
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        name = next((line.split(":")[1].strip() for line in cpuinfo.open() if line.startswith("model name")), name)
        name += " with VNNI" if "vnni" in cpuinfo.read_text() else ""
    versions = f"onnxruntime {onnxruntime.__version__}, numpy {np.__version__}, pillow {PIL.__version__}"
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{name}, {os.cpu_count()} cores{load}; Python {platform.python_version()}, {versions}"


def data_folder() -> Path:
    """The folder of data sets that EDGECNN_DATA names."""
    folder = os.environ.get("EDGECNN_DATA")
    if not folder or not Path(folder).is_dir():
        sys.exit("EDGECNN_DATA names no folder of data sets; this benchmark needs one.")
    return Path(folder)


def in_turn(
    engines: dict[str, Callable[[], object]],
    *,
    rounds: int,
    warm_up: int = 3,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, list[float]]:
    """Milliseconds of each engine by a clock, called in turn so that noise hits all alike."""
    times: dict[str, list[float]] = {name: [] for name in engines}
    for turn in range(rounds + warm_up):
        for name, engine in engines.items():
            start = clock()
            engine()
            if turn >= warm_up:
                times[name].append((clock() - start) * 1e3)
    return times


def processes_in_turn(
    engines: dict[str, Callable[[], Callable[[], object]]], *, rounds: int, runs: int = 10
) -> dict[str, list[float]]:
    """Milliseconds of each engine in a process of its own, in turn: a pool of spinning threads would spoil the others.

    Args:
        engines: What builds each engine in its process; a module's function or a `functools.partial` of one.
        rounds: Turns of each engine.
        runs: Runs in a turn; the median of a turn is what counts, so that the first run may wake the threads.

    Returns:
        A median for each turn.
    """
    context = multiprocessing.get_context("spawn")
    pipes, times = {}, {name: [] for name in engines}
    for name, build in engines.items():
        pipes[name], theirs = context.Pipe()
        context.Process(target=_serve, args=(build, theirs), daemon=True).start()
        theirs.close()  # so that a process that dies ends the wait for it
        pipes[name].recv()
    for _ in range(rounds):
        for name, pipe in pipes.items():
            pipe.send(runs)
            times[name].append(pipe.recv())
    for pipe in pipes.values():
        pipe.send(0)
    return times


def _serve(build: Callable[[], Callable[[], object]], pipe: Connection) -> None:
    engine = build()
    for _ in range(5):
        engine()
    pipe.send("ready")
    while runs := pipe.recv():
        times = in_turn({"engine": engine}, rounds=runs, warm_up=0)["engine"]
        time.sleep(0.05)  # until the pool has stopped to spin
        pipe.send(statistics.median(times))


def commands_in_turn(commands: dict[str, Sequence[str]], *, rounds: int) -> dict[str, list[ProcessTimes]]:
    """Whole commands, run in turn after one warm-up each."""
    times: dict[str, list[ProcessTimes]] = {name: [] for name in commands}
    for turn in range(rounds + 1):
        for name, command in commands.items():
            measured = _run(command)
            if turn:
                times[name].append(measured)
    return times


def ratio(times: dict[str, list[float]], name: str, peer: str) -> float:
    """Median of the ratios pair by pair."""
    return statistics.median(a / b for a, b in zip(times[name], times[peer], strict=True))


def _run(command: Sequence[str]) -> ProcessTimes:
    start = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
    assert process.stderr is not None
    errors = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - start
    if status:
        sys.exit(f"{' '.join(command)} failed: {errors.decode()}")
    unit = 1 if sys.platform == "darwin" else 1024
    return ProcessTimes(wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss * unit / 2**20)
