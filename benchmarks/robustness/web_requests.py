"""Every kind of request to the camera's page with its answer, and an owner's page among slow strangers.

The page runs in a process of its own, on loopback; after each request it must still be there.

python benchmarks/robustness/web_requests.py --strangers 200 --output web.md
"""

import contextlib
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit

import cv2
import numpy as np
from tables import markdown, options
from web_cases import CLOSED, Request, requests

_TOKEN = "owner-0123456789abcdef"  # of this benchmark alone
_START_S, _ANSWER_S, _LOADS = 60.0, 12.0, 20
_COMMAND = [sys.executable, "-c", "from edgecnn.cli.main import main; main()", "camera"]


@contextlib.contextmanager
def page(*arguments: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """`edgecnn camera CLIP --address …` until the block ends: its process, and the address or the error it printed."""
    with tempfile.TemporaryDirectory() as name:
        clip = Path(name) / "clip.avi"
        writer = cv2.VideoWriter(str(clip), cv2.VideoWriter.fourcc(*"MJPG"), 10, (160, 120))
        for shade in range(30):
            writer.write(np.full((120, 160, 3), shade * 8, np.uint8))
        writer.release()
        asked = [str(clip), "--loop", "--realtime", "--max-fps", "2", "--threads", "1", "--folder", name, *arguments]
        process = subprocess.Popen(
            [*_COMMAND, *asked], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, encoding="utf-8"
        )
        said: list[str] = []
        told = threading.Event()

        def listen() -> None:
            for line in process.stderr or ():
                said.append(line)
                if "http://" in line or "error" in line:
                    told.set()
            told.set()

        threading.Thread(target=listen, daemon=True).start()
        try:
            told.wait(_START_S)
            line = next((line for line in said if "http://" in line), "".join(said))
            yield process, line[line.find("http://") :].strip() if "http://" in line else line.strip()
        finally:
            process.kill()
            process.wait()


def ask(port: int, data: bytes, *, half: bool = False, seconds: float = _ANSWER_S) -> int:
    """Send bytes; the status of the first answer, or 0 where the connection ends or stays silent."""
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
            with contextlib.suppress(OSError):
                connection.sendall(data)
                if half:
                    connection.shutdown(socket.SHUT_WR)
            head = b""
            while b"\r\n" not in head and (piece := connection.recv(4096)):
                head += piece
    except OSError:
        return CLOSED
    words = head.split(b" ", 2)
    return int(words[1]) if len(words) > 1 and words[1].isdigit() else CLOSED


def sweep(*arguments: str, token: str) -> list[tuple[Request, int, str]]:
    """Each request with its status and what is wrong with that, if anything; a page that ended is started again."""
    found, rest = [], None
    while rest is None or rest:
        with page(*arguments) as (process, address):
            port = urlsplit(address).port
            if port is None:
                raise SystemExit(f"no page was started: {address}")
            rest = list(requests(port, token))[len(found) :]
            while rest and process.poll() is None:
                request = rest.pop(0)
                status = ask(port, request.data, half=request.half)
                wrong = "" if status in request.right else f"expected {sorted(request.right)}"
                time.sleep(0.02)
                if request.name.startswith("key") and wrong:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        process.wait(5)  # the program looks at keys once a frame, and takes its time to end
                found.append((request, status, "ENDED THE PROGRAM" if process.poll() is not None else wrong))
    return found


def loads(port: int, entry: str) -> list[float]:
    """Seconds that each of twenty page loads takes; infinite where it fails."""
    took = []
    for _ in range(_LOADS):
        started = time.monotonic()
        request = f"GET {entry} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: close\r\n\r\n".encode()
        status = ask(port, request, seconds=3.0)
        took.append(time.monotonic() - started if status == 200 else float("inf"))
        time.sleep(0.2)
    return took


def drip(port: int, stop: threading.Event) -> None:
    """Send a request one byte at a time, and never end it."""
    while not stop.is_set():
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=5) as line:
            for byte in b"GET / HTTP/1.1\r\nX: " + b"a" * 1000:
                line.sendall(bytes([byte]))
                if stop.wait(0.5):
                    return
        stop.wait(0.1)


def flood(port: int, stop: threading.Event) -> None:
    """Ask without a token, as fast as it goes."""
    while not stop.is_set():
        ask(port, b"GET /stream.mjpg HTTP/1.1\r\nHost: x\r\n\r\n")


def among_strangers(strangers: int, act: Callable[[int, threading.Event], None]) -> list[float]:
    """Seconds that the owner's page loads take while strangers act."""
    with page("--address", "127.0.0.1:0", "--token", _TOKEN) as (_, address):
        port = urlsplit(address).port or 0
        stop = threading.Event()
        threads = [threading.Thread(target=act, args=(port, stop), daemon=True) for _ in range(strangers)]
        for thread in threads:
            thread.start()
        time.sleep(3)
        took = loads(port, f"/?token={_TOKEN}")
        stop.set()
        for thread in threads:
            thread.join(6)
        return took


def starts() -> list[tuple[str, str]]:
    """What the program says to tokens and addresses that guard nothing; 127.0.0.2 counts as another computer."""
    rows = []
    tokens = ["", " ", "short", "a&b#c", "ключ-ключ-ключ-ключ", "a;b=c-0123456789abcd", "a\r\nX-Evil: 1-01234567"]
    for host in ("127.0.0.1:0", "127.0.0.2:0"):
        for token in tokens:
            with page("--address", host, "--token", token) as (process, said):
                time.sleep(0.3)
                rows.append((f"{host} --token {token!r}", f"{'runs' if process.poll() is None else 'ended'}: {said}"))
    return rows


def main() -> None:
    parser = options(__doc__, count=0)
    parser.add_argument("--strangers", type=int, default=200, help="connections beside the owner's")
    arguments = parser.parse_args()
    text = "## requests to the camera's page\n\n"
    faults = 0
    for name, token in (("without a token", ""), ("with a token", _TOKEN)):
        answers = sweep("--address", "127.0.0.1:0", *(("--token", token) if token else ()), token=token)
        faults += sum(bool(wrong) for *_, wrong in answers)
        rows = [[request.name, status or "closed", wrong] for request, status, wrong in answers]
        text += f"### {name}: {len(rows)} kinds, {sum(bool(row[2]) for row in rows)} answered wrongly\n\n"
        text += markdown(["request", "status", "wrong"], rows) + "\n"
    text += f"### tokens at the start\n\n{markdown(['asked', 'said'], starts())}\n"
    for what, act, limit_s in (("that drip", drip, 1.0), ("that flood", flood, 2.0)):
        took = among_strangers(arguments.strangers, act)
        soon = sum(seconds < limit_s for seconds in took)
        faults += soon < _LOADS
        text += f"{soon} of {_LOADS} page loads within {limit_s:g} s among {arguments.strangers} strangers {what}; "
        text += f"longest {max(took):.2f} s\n"
    print("\n".join(line for line in text.splitlines() if not line.endswith("|  |")))
    if arguments.output:
        arguments.output.write_text(text, encoding="utf-8")
    raise SystemExit(faults > 0)


if __name__ == "__main__":
    main()
