"""What the live benchmarks share: a stamped camera in a process of its own, so that it takes no turn of this one's."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from support.models import packed
from support.streams import MjpegServer, now_ms, read_stamp, scene

__all__ = ["THREADS", "camera", "now_ms", "open_descriptors", "packed", "percentile", "read_stamp", "scene"]

THREADS = max(1, (os.cpu_count() or 1) - 1)  # what edgecnn camera takes


class Camera:
    """An MJPEG camera that another process plays; `tell` takes `freeze`, `cut` and `resume`."""

    def __init__(self, process: subprocess.Popen[str], url: str) -> None:
        self._process, self.url = process, url

    def tell(self, word: str) -> None:
        assert self._process.stdin is not None
        self._process.stdin.write(word + "\n")
        self._process.stdin.flush()


@contextlib.contextmanager
def camera(*, fps: float, size: tuple[int, int]) -> Iterator[Camera]:
    """A camera on loopback whose pictures carry the time they were made at."""
    command = [sys.executable, __file__, str(fps), str(size[0]), str(size[1])]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        yield Camera(process, process.stdout.readline().strip())
    finally:
        process.kill()
        process.wait()


def open_descriptors() -> int:
    """Open file descriptors of this process, where the system tells; 0 elsewhere."""
    folder = Path("/proc/self/fd")
    return sum(1 for _ in folder.iterdir()) if folder.is_dir() else 0


def percentile(values: list[float], percent: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * percent / 100))]


def main() -> None:
    fps, width, height = float(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    with MjpegServer(fps=fps, size=(width, height)) as server:
        print(server.url, flush=True)
        for line in sys.stdin:
            getattr(server, line.strip())()


if __name__ == "__main__":
    main()
