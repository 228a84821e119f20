"""Where connections wait until their request's head is whole: slow ones cost no thread and no viewer's place."""

import collections
import contextlib
import io
import selectors
import socket
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

__all__ = ["MOST_HEAD", "Arrival", "Lobby", "Request"]

MOST_HEAD = 1 << 16  # bytes of a request's head
_HEAD_S = 5.0  # a browser sends its head at once
_MOST, _MOST_OF_ONE = 256, 64  # waiting in all, and from one address


@dataclass(eq=False)
class Arrival:
    """A connection, and what it has sent so far.

    Attributes:
        connection: The socket.
        address: Whose it is, as `accept` gave it.
        head: What was read; what follows a head in it belongs to the body.
        until_s: Monotonic time until which the whole request must be there, in seconds.
    """

    connection: socket.socket
    address: tuple[object, ...]
    head: bytearray = field(default_factory=bytearray)
    until_s: float = field(default_factory=lambda: time.monotonic() + _HEAD_S)

    @property
    def whole(self) -> bool:
        """Whether the head is there, or is longer than any may be."""
        return b"\r\n\r\n" in self.head or b"\n\n" in self.head or len(self.head) > MOST_HEAD


class Request(io.RawIOBase):
    """What a viewer sends: what the lobby has read, then its connection, until the request's time is over."""

    def __init__(self, arrival: Arrival) -> None:
        self._arrival, self._rest = arrival, bytes(arrival.head)

    def readable(self) -> bool:
        """It can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer; raises TimeoutError when the request's time is over."""
        if not self._rest:
            connection = self._arrival.connection
            connection.settimeout(max(0.001, self._arrival.until_s - time.monotonic()))
            return connection.recv_into(buffer)
        given, self._rest = self._rest[: len(buffer)], self._rest[len(buffer) :]
        buffer[: len(given)] = given
        return len(given)


class Lobby:
    """One thread that reads all heads at once; whoever is too slow, or the slowest of too many, is let go.

    New ones are always let in, as an honest one stays for a moment only.

    Args:
        admit: Takes a connection whose head is whole.
    """

    def __init__(self, admit: Callable[[Arrival], None]) -> None:
        self._admit = admit
        self._selector = selectors.DefaultSelector()
        self._arrived: collections.deque[Arrival] = collections.deque()
        self._waiting: dict[Arrival, None] = {}  # in the order of their coming
        self._of_one: collections.Counter[object] = collections.Counter()
        self._bell, self._ringer = socket.socketpair()
        self._bell.setblocking(False)
        self._selector.register(self._bell, selectors.EVENT_READ)
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="edgecnn-web-lobby", daemon=True)
        self._thread.start()

    def enter(self, connection: socket.socket, address: tuple[object, ...]) -> None:
        """Let a new connection in."""
        connection.setblocking(False)
        self._arrived.append(Arrival(connection, address))
        self._ringer.send(b"!")

    def close(self) -> None:
        """Let all go."""
        self._closed = True
        self._ringer.send(b"!")
        self._thread.join(timeout=2)
        self._ringer.close()

    def _run(self) -> None:
        while not self._closed:
            first = next(iter(self._waiting), None)
            timeout_s = None if first is None else max(0.0, first.until_s - time.monotonic())
            for key, _ in self._selector.select(timeout_s):
                if key.data is None:
                    self._welcome()
                elif key.data in self._waiting:
                    self._read(key.data)
            while (first := next(iter(self._waiting), None)) is not None and first.until_s <= time.monotonic():
                self._let_go(first)
        for arrival in list(self._waiting):
            self._let_go(arrival)
        self._selector.close()
        self._bell.close()

    def _welcome(self) -> None:
        with contextlib.suppress(BlockingIOError):
            self._bell.recv(4096)
        while self._arrived:
            arrival = self._arrived.popleft()
            host = arrival.address[0]
            if self._of_one[host] >= _MOST_OF_ONE:
                self._let_go(next(other for other in self._waiting if other.address[0] == host))
            elif len(self._waiting) >= _MOST:
                self._let_go(next(iter(self._waiting)))
            self._waiting[arrival] = None
            self._of_one[host] += 1
            self._selector.register(arrival.connection, selectors.EVENT_READ, arrival)
            self._read(arrival)  # what came with the connection needs no further turn

    def _read(self, arrival: Arrival) -> None:
        try:
            data = arrival.connection.recv(MOST_HEAD)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        arrival.head += data
        if not data:
            self._let_go(arrival)
        elif arrival.whole:
            self._forget(arrival)
            arrival.connection.setblocking(True)
            self._admit(arrival)

    def _let_go(self, arrival: Arrival) -> None:
        self._forget(arrival)
        arrival.connection.close()

    def _forget(self, arrival: Arrival) -> None:
        del self._waiting[arrival]
        host = arrival.address[0]
        self._of_one[host] -= 1
        if not self._of_one[host]:
            del self._of_one[host]
        self._selector.unregister(arrival.connection)
