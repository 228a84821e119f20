"""What all viewers of the page share."""

import contextlib
import threading
from collections.abc import Iterator

from edgecnn.camera.controls import Controls
from edgecnn.camera.slot import Slot

__all__ = ["MOST_VIEWERS", "Feed"]

MOST_VIEWERS = 16


class Feed:
    """The newest picture and state, the keys, and who is there.

    Args:
        controls: What the page's buttons change.
        token: What a viewer must give once; empty where none is needed.

    Attributes:
        pictures: The newest JPEG.
        states: The newest JSON document.
        watching: How many viewers take pictures now.
    """

    def __init__(self, controls: Controls, token: str) -> None:
        self.controls, self.token = controls, token
        self.pictures: Slot[bytes] = Slot()
        self.states: Slot[bytes] = Slot()
        self.watching = 0
        self._free = threading.BoundedSemaphore(MOST_VIEWERS)
        self._lock = threading.Lock()

    @contextlib.contextmanager
    def place(self, *, watches: bool) -> Iterator[bool]:
        """A viewer's place for as long as the context lasts; False when all are taken."""
        free = self._free.acquire(blocking=False)
        with self._lock:
            self.watching += watches and free
        try:
            yield free
        finally:
            if free:
                with self._lock:
                    self.watching -= watches
                self._free.release()
