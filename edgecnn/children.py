"""Processes that edgecnn starts: they end with the one that started them."""

import contextlib
import ctypes
import importlib
import os
import signal
import sys
import threading
import time

__all__ = ["child_command", "end_with_parent", "run_child"]

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.5
_CHILD = "--edgecnn-child"


def child_command(function: str, *arguments: object) -> list[str]:
    """Command line that calls a function of edgecnn's in a process of its own; in a frozen program, too.

    Args:
        function: `edgecnn.MODULE:FUNCTION`; it gets the arguments as text.
        arguments: What it is called with.
    """
    # A frozen program's executable is the program itself and knows none of Python's options.
    start = [sys.executable] if getattr(sys, "frozen", False) else [sys.executable, "-m", "edgecnn"]
    return [*start, _CHILD, function, *map(str, arguments)]


def run_child() -> bool:
    """Do what `child_command` asks for, where this process was started with it; False where it was not."""
    if sys.argv[1:2] != [_CHILD]:
        return False
    module, _, function = sys.argv[2].partition(":")
    getattr(importlib.import_module(module), function)(*sys.argv[3:])
    return True


def end_with_parent(parent: int) -> None:
    """Let this process be ended when its parent ends, however that came about; call it first in the child.

    Args:
        parent: The process number of the parent, as the parent knows it.
    """
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    elif sys.platform != "win32":
        threading.Thread(target=_watch, args=(parent,), daemon=True).start()
    # It may have ended before the system was told to watch it.
    if sys.platform != "win32" and os.getppid() != parent:
        os._exit(1)


def _watch(parent: int) -> None:
    """Where the system sends no signal: an orphan has another parent."""
    while os.getppid() == parent:
        time.sleep(_POLL_S)
    os._exit(1)
