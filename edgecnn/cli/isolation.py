"""A command in a process of its own with limits: ONNX Runtime cannot be interrupted, a process can be ended."""

import os
import subprocess
import sys
from typing import Annotated

import typer
from edgecnn_runtime.errors import EdgecnnError

from edgecnn.children import child_command, end_with_parent

__all__ = ["Isolated", "MemoryLimit", "TimeLimit", "begin", "run_isolated"]

Isolated = Annotated[
    bool,
    typer.Option("--isolated", help="Work in a process of its own with limits: for files that nobody vouches for."),
]
TimeLimit = Annotated[float, typer.Option(min=1, help="With --isolated: longest time in seconds.")]
MemoryLimit = Annotated[
    int, typer.Option(min=500, help="With --isolated: most address space in MB; not on Windows and macOS.")
]

_LARGEST_OWN_CODE = 130


def run_isolated(*, time_limit: float, memory_limit: int) -> None:
    """Run this very command line again in a process with limits, then exit as it did.

    Args:
        time_limit: Longest time in seconds.
        memory_limit: Most address space, in units of 10⁶ bytes.

    Raises:
        EdgecnnError: The process took too long or was ended by what it read.
    """
    arguments = [word for word in sys.argv[1:] if word != "--isolated"]
    command = child_command("edgecnn.cli.isolation:begin", os.getpid(), memory_limit, *arguments)
    # Each thread of these libraries claims address space of its own.
    surroundings = {**os.environ, "OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
    try:
        child = subprocess.run(  # noqa: S603 - this very program with its own arguments
            command,
            env=surroundings,
            stderr=subprocess.PIPE,
            timeout=time_limit,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise EdgecnnError(
            f"the command was ended after {time_limit:g} s; the file is hostile, or --time-limit too short for it."
        ) from None
    if child.returncode < 0 or child.returncode > _LARGEST_OWN_CODE:
        raise EdgecnnError(
            f"the command ended with code {child.returncode}; the file is hostile, or needs more than the "
            f"{memory_limit} MB of --memory-limit."
        )
    sys.stderr.buffer.write(child.stderr)
    raise typer.Exit(child.returncode)


def begin(parent: str, memory_mb: str, *arguments: str) -> None:
    """What the process does that `run_isolated` started: set its limits, then run the command line."""
    end_with_parent(int(parent))
    if sys.platform == "linux":
        import resource

        resource.setrlimit(resource.RLIMIT_AS, (int(memory_mb) * 10**6,) * 2)
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    from edgecnn.cli.main import main

    sys.argv[1:] = arguments
    main()
