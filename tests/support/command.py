"""Programs in a process of their own, as a user runs them: the `edgecnn` command, a script, a line of Python."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

_START = "from edgecnn.cli.main import main; main()"
_SURROUNDINGS = {"PYTHONIOENCODING": "utf-8", "NO_COLOR": "1"}

# Variables that name a display: a mapping for `env` that takes them away.
NO_DISPLAY = {"DISPLAY": None, "WAYLAND_DISPLAY": None}


@dataclass(frozen=True)
class Finished:
    """A process that has ended.

    Attributes:
        code: Its exit code; below 0 the signal that ended it.
        out: What it wrote to standard output.
        err: What it wrote to standard error.
    """

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"


class Running:
    """A process that goes on while the test talks to it; as a context manager it does not outlive the test.

    Args:
        command: Program and arguments, each turned into text.
        cwd: Folder to run in.
        env: Environment variables to set, or with None to take away.
    """

    def __init__(self, *command: object, cwd: Path | None = None, env: Mapping[str, str | None] | None = None) -> None:
        self.process = subprocess.Popen(
            [str(part) for part in command],
            cwd=cwd,
            env=_environment(env),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()

    @property
    def alive(self) -> bool:
        """Whether it has not ended yet."""
        return self.process.poll() is None

    def line(self) -> str:
        """The next line of standard output, waited for; empty when it has ended."""
        assert self.process.stdout is not None
        return self.process.stdout.readline().decode(errors="surrogateescape")

    def error_line(self) -> str:
        """The next line of standard error, waited for; empty when it has ended."""
        assert self.process.stderr is not None
        return self.process.stderr.readline().decode(errors="surrogateescape")

    def wait_for_library(self, name: str, timeout_s: float = 30) -> None:
        """Wait until it has loaded a shared library whose path has `name` in it (Linux only)."""
        deadline = time.monotonic() + timeout_s
        while name not in Path(f"/proc/{self.process.pid}/maps").read_text():
            assert time.monotonic() < deadline, f"{name} was never loaded"
            time.sleep(0.005)

    def finish(self, *, number: int | None = None, stdin: bytes = b"", timeout_s: float = 60) -> Finished:
        """Wait for its end, after a signal where one is given.

        Args:
            number: Signal to send first.
            stdin: What standard input holds from here on; it is closed behind it.
            timeout_s: Longest time in seconds until it must have ended.
        """
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(stdin, timeout=timeout_s)
        return Finished(
            self.process.returncode, out.decode(errors="surrogateescape"), err.decode(errors="surrogateescape")
        )


def run(*command: object, stdin: bytes = b"", timeout_s: float = 120, **process: Any) -> Finished:
    """Run a program and wait for it; `stdin` and `timeout_s` are those of `Running.finish`, the rest of `Running`."""
    with Running(*command, **process) as running:
        return running.finish(stdin=stdin, timeout_s=timeout_s)


def python(*arguments: object, **process: Any) -> Finished:
    """Run this Python, a script or `-c` and a program or `-m` and a module; `process` is what `run` takes."""
    return run(sys.executable, *arguments, **process)


def edgecnn(*arguments: object, before: str = "", hidden: Iterable[str] = (), **process: Any) -> Finished:
    """Run `edgecnn ARGUMENTS…` and wait for it.

    Args:
        arguments: Command line, each turned into text.
        before: Python statements that the process runs first, such as a limit on its file sizes.
        hidden: Modules that cannot be imported, as where they are not installed.
        process: What `run` takes: `cwd`, `stdin`, `env` and `timeout_s`.
    """
    return python(*_program(before, hidden), *arguments, **process)


def start_edgecnn(*arguments: object, before: str = "", hidden: Iterable[str] = (), **process: Any) -> Running:
    """Start `edgecnn ARGUMENTS…` and go on; the arguments are those of `edgecnn`."""
    return Running(sys.executable, *_program(before, hidden), *arguments, **process)


def _program(before: str, hidden: Iterable[str]) -> tuple[str, str]:
    hide = f"import sys; sys.modules.update(dict.fromkeys({list(hidden)}))" if hidden else ""
    return "-c", "\n".join((hide, before, _START))


def _environment(changes: Mapping[str, str | None] | None) -> dict[str, str]:
    wanted = {**os.environ, **_SURROUNDINGS, **(changes or {})}
    return {name: value for name, value in wanted.items() if value is not None}
