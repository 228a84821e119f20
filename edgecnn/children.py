"""Processes that edgecnn starts: they end with the one that started them."""

import contextlib
import ctypes
import os
import signal
import sys
import threading
import time

__all__ = ["end_with_parent"]

_PR_SET_PDEATHSIG = 1
_POLL_S = 0.5


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
