"""A place for one thing, where a newer one takes the place of the older."""

import threading
from typing import Generic, TypeVar

__all__ = ["Slot"]

T = TypeVar("T")


class Slot(Generic[T]):
    """Hands the newest item from one thread to any number of others; nothing piles up."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._item: T | None = None
        self._number = 0
        self._closed = False

    def put(self, item: T) -> None:
        """Offer a newer item."""
        with self._changed:
            self._item = item
            self._number += 1
            self._changed.notify_all()

    def close(self) -> None:
        """No more items will come; those who wait are woken."""
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def newer(self, than: int, timeout_s: float) -> tuple[int, T] | None:
        """The newest item and its number, once that is above `than`; None after the time, or at the end."""
        with self._changed:
            self._changed.wait_for(lambda: self._number > than or self._closed, timeout_s)
            if self._number > than and self._item is not None:
                return self._number, self._item
            return None
