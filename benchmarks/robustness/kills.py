"""Kill `edgecnn export` and `edgecnn train` at random moments: is anything half-written, left behind, or still running?

Half of the kills come at a moment out of the whole run, half as soon as a new file appears in its folder.

python benchmarks/robustness/kills.py --count 40 --output kills.md
"""

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from foreign_graphs import MEAN, SIZE, STD, Form, build
from tables import markdown, options

_COMMAND = [sys.executable, "-c", "from edgecnn.cli.main import main; main()"]
_LONGEST_S = 600.0
_ORPHAN_S = 3.0  # a child may take so long to notice that its parent is gone


@dataclass(frozen=True)
class Job:
    """A command that is killed, and how its result is looked at.

    Attributes:
        name: for the table.
        arguments: of the command.
        again: arguments of the run that follows the kill.
        folder: where it writes.
        check: raises where the result is not whole; not called where there is none.
        result: the file whose presence says that there is a result.
    """

    name: str
    arguments: list[str]
    again: list[str]
    folder: Path
    check: Callable[[], object]
    result: str


def jobs(folder: Path) -> list[Job]:
    """An export of an .onnx, an export of a PyTorch network, and a training."""
    made = {name: folder / name for name in ("onnx", "torch", "run")}
    for path in (made["onnx"], made["torch"]):
        path.mkdir()
    (folder / "labels.txt").write_text("".join(f"class {i}\n" for i in range(5)), encoding="utf-8")
    (folder / "foreign.onnx").write_bytes(build(Form(), 0).SerializeToString())
    foreign = ["export", str(folder / "foreign.onnx"), "--labels", str(folder / "labels.txt"), "--size", str(SIZE)]
    foreign += ["--mean", ",".join(map(str, MEAN)), "--std", ",".join(map(str, STD))]
    foreign += ["-o", str(made["onnx"] / "model.onnx")]
    network = ["export", "torchvision:squeezenet1_1", "--random-weights", "-o", str(made["torch"] / "model.onnx")]
    random = np.random.default_rng(0)
    labels = np.arange(160) % 4
    pixels = random.integers(0, 60, (160, 20, 20, 3)) + labels[:, None, None, None] * 60
    np.savez(folder / "tiny.npz", x_train=pixels.astype(np.uint8), y_train=labels)
    train = ["train", str(folder / "tiny.npz"), "--network", "simple_cnn", "--epochs", "4", "--batch", "8"]
    train += ["--device", "cpu", "-o", str(made["run"])]
    return [
        Job("export .onnx", foreign, foreign, made["onnx"],
            lambda: _whole(made["onnx"] / "model.onnx"), "model.onnx"),
        Job("export PyTorch", network, network, made["torch"],
            lambda: _whole(made["torch"] / "model.onnx"), "model.onnx"),
        Job("train", train, [*train, "--resume"], made["run"],
            lambda: _run_is_whole(made["run"]), "run.json"),
    ]  # fmt: skip


def kill_once(job: Job, kept: set[str], moment: float | int) -> tuple[str, list[str]]:
    """Kill a run after so many seconds, or, where `moment` is a whole number, when so many new files have appeared.

    Returns:
        The state that it leaves, and what is wrong with it.
    """
    before = _names(job.folder)
    process = subprocess.Popen([*_COMMAND, *job.arguments], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    started, children, seen = time.monotonic(), set[psutil.Process](), set[str]()
    aimed = isinstance(moment, int)
    while process.poll() is None and time.monotonic() - started < (_LONGEST_S if aimed else moment):
        if aimed:
            seen |= _names(job.folder) - before
            if len(seen) >= moment:
                break
        else:
            time.sleep(0.01)
            children |= set(psutil.Process(process.pid).children(recursive=True)) if process.poll() is None else set()
    ended = process.poll() is not None
    process.kill()
    process.wait()
    wrong = _still_running(children)
    if (job.folder / job.result).exists():
        try:
            job.check()
        except Exception as error:
            wrong.append(f"half-written: {type(error).__name__}: {error}")
    left = _names(job.folder) - kept
    state = "had ended" if ended else f"left {', '.join(sorted(left))}" if left else "left nothing"
    return state, wrong


def finish_again(job: Job, kept: set[str]) -> list[str]:
    """The run that follows: does it succeed, and is the folder clean then?"""
    done = subprocess.run([*_COMMAND, *job.again], capture_output=True, text=True, timeout=_LONGEST_S, check=False)
    well = done.returncode == 0 or "nothing to resume" in done.stderr  # killed after its last file
    wrong = [] if well else [f"the next run ends with {done.returncode}: {done.stderr.strip()[-200:]}"]
    left = sorted(_names(job.folder) - kept)
    for name in left:
        (job.folder / name).unlink()
    return wrong + ([f"after the next run there is still {', '.join(left)}"] if left else [])


def _names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()} if folder.is_dir() else set()


def _whole(path: Path) -> None:
    from edgecnn_runtime import verify

    assert verify(path, device="cpu").passed, f"{path.name} does not verify"


def _run_is_whole(folder: Path) -> None:
    from edgecnn.zoo import load

    json.loads((folder / "run.json").read_text(encoding="utf-8"))
    if (folder / "weights.safetensors").exists():
        load(str(folder))


def _still_running(children: set[psutil.Process]) -> list[str]:
    alive = psutil.wait_procs(list(children), timeout=_ORPHAN_S)[1]
    names = []
    for child in alive:
        names.append(f"process {' '.join(child.cmdline())[:60]} lives on")
        child.kill()
    return names


def main() -> None:
    parser = options(__doc__, count=40)
    parser.add_argument("--jobs", nargs="+", default=["export .onnx", "export PyTorch", "train"])
    arguments = parser.parse_args()
    rows, faults = [], 0
    with tempfile.TemporaryDirectory() as name:
        for job in (job for job in jobs(Path(name)) if job.name in arguments.jobs):
            started = time.monotonic()
            subprocess.run([*_COMMAND, *job.arguments], capture_output=True, timeout=_LONGEST_S, check=True)
            kept = _names(job.folder)
            usual = time.monotonic() - started
            for number in range(arguments.first, arguments.first + arguments.count):
                random = np.random.default_rng([arguments.seed, number])
                moment: float | int = float(random.uniform(0.2, 1.0) * usual)
                if number % 2:
                    moment = int(random.integers(1, 9)) if job.name == "train" else 1
                if job.name == "train":
                    for path in job.folder.glob("*"):
                        path.unlink()
                state, wrong = kill_once(job, kept, moment)
                if state != "had ended":
                    wrong += finish_again(job, kept)
                faults += bool(wrong)
                rows.append(
                    [job.name, f"new file {moment}" if number % 2 else f"{moment:.1f} s", state, "; ".join(wrong)]
                )
                print(*rows[-1], sep=" | ", flush=True)
    text = f"## kills\n\nseed {arguments.seed}: {len(rows)} kills, {faults} with a fault\n\n"
    text += markdown(["run", "killed at", "state", "wrong"], rows)
    print(text)
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    raise SystemExit(faults > 0)


if __name__ == "__main__":
    main()
