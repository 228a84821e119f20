"""The `edgecnn` command in a process of its own, as a user runs it."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

_START = "from edgecnn.cli.main import main; main()"


def edgecnn(
    *arguments: object,
    cwd: Path | None = None,
    stdin: bytes = b"",
    env: dict[str, str] | None = None,
    before: str = "",
    timeout_s: float = 120,
) -> "Finished":
    """Run `edgecnn ARGUMENTS…` and wait for it.

    Args:
        arguments: command line, each turned into text.
        cwd: folder to run in.
        stdin: what standard input holds.
        env: environment variables to add.
        before: Python statements that the process runs first, such as a limit on its file sizes.
        timeout_s: longest time in seconds it may take.
    """
    command = [sys.executable, "-c", f"{before}\n{_START}", *map(str, arguments)]
    surroundings = {**os.environ, "PYTHONIOENCODING": "utf-8", "NO_COLOR": "1", **(env or {})}
    done = subprocess.run(
        command, cwd=cwd, input=stdin, env=surroundings, capture_output=True, timeout=timeout_s, check=False
    )
    return Finished(done.returncode, done.stdout.decode(errors="surrogateescape"), done.stderr.decode())


class Finished:
    """A process that has ended: its exit code, and what it wrote."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def lines(self) -> list[dict[str, Any]]:
        """Standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]

    def __repr__(self) -> str:
        return f"exit code {self.code}\n--- out\n{self.out}\n--- err\n{self.err}"
