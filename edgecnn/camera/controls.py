"""What the viewer has chosen, by key, by option or by a button in the browser."""

import enum
import threading
import time
from collections.abc import Collection

from edgecnn.camera.sobel import EdgeKind

__all__ = ["HELP", "VIEW_KEYS", "Controls", "Mode", "page_key"]


class Mode(enum.StrEnum):
    """What is shown."""

    PLAIN = "plain"
    EDGES = "edges"
    FEATURES = "features"
    ACTIVATION = "cam"


# Number key → mode, kind of edges, beside the plain picture.
VIEW_KEYS: dict[str, tuple[Mode, EdgeKind, bool]] = {
    "1": (Mode.PLAIN, EdgeKind.MAGNITUDE, False),
    "2": (Mode.EDGES, EdgeKind.MAGNITUDE, False),
    "3": (Mode.EDGES, EdgeKind.SOBEL_Y, False),
    "4": (Mode.EDGES, EdgeKind.SOBEL_X, False),
    "5": (Mode.FEATURES, EdgeKind.MAGNITUDE, False),
    "6": (Mode.ACTIVATION, EdgeKind.MAGNITUDE, False),
    "7": (Mode.EDGES, EdgeKind.MAGNITUDE, True),
    "8": (Mode.FEATURES, EdgeKind.MAGNITUDE, True),
    "9": (Mode.ACTIVATION, EdgeKind.MAGNITUDE, True),
}

HELP: list[tuple[str, str]] = [
    ("q Esc", "quit"),
    ("space", "hold the picture"),
    ("s", "save a snapshot"),
    ("r", "record, stop recording"),
    ("e", "edges, three kinds"),
    ("f", "first-layer feature maps"),
    ("c", "where the network looks"),
    ("1", "plain"),
    ("2 3 4", "edges: both, sobel_y, sobel_x"),
    ("5 6", "feature maps, CAM"),
    ("7 8 9", "2, 5, 6 beside the plain"),
    ("h", "this help"),
]

_EDGES_IN_TURN = (EdgeKind.MAGNITUDE, EdgeKind.SOBEL_Y, EdgeKind.SOBEL_X)
_KEY_NAMES = {"\x1b": "q", "\r": "", "\x03": "q"}
# What may be done from the page: all but ending the program, which is for those who sit at it.
_PAGE_KEYS = frozenset({*VIEW_KEYS, " ", "s", "r", "e", "f", "c", "h"})
_MESSAGE_S = 5.0  # how long a message is shown
_MOST_WAITING = 4  # snapshots that may be asked for before the next one is taken
_REFUSALS = {
    Mode.FEATURES: "this network has no convolution, so there are no feature maps",
    Mode.ACTIVATION: "this model file has no features output, so there is no class activation map",
}


def page_key(key: str) -> str | None:
    """A key that came from the page, as `Controls.press` has it; None where the page may not press it."""
    name = _named(key)
    return name if name in _PAGE_KEYS else None


def _named(key: str) -> str:
    return _KEY_NAMES.get(key, key.lower())


class Controls:
    """The viewer's choices; keys may come from several threads.

    Args:
        split: Show the plain picture beside the view.
        available: Which views of the network can be shown; the others are refused with a message.

    Attributes:
        mode: What is shown.
        edge_kind: Which edges.
        split: The plain picture beside it.
        paused: The shown picture is held.
        help: The keys are listed.
        quit: The program shall end.
    """

    def __init__(self, *, split: bool = False, available: Collection[Mode] = tuple(Mode)) -> None:
        self.mode, self.split = Mode.PLAIN, split
        self.edge_kind = EdgeKind.MAGNITUDE
        self.paused = self.help = self.quit = False
        self._message, self._said_at = "", 0.0
        self._available = {Mode.PLAIN, Mode.EDGES, *available}
        self._snapshots = self._record_toggles = 0
        self._lock = threading.Lock()

    @property
    def message(self) -> str:
        """One line for the viewer about the last key; empty a few seconds after it was set."""
        return self._message if time.monotonic() - self._said_at < _MESSAGE_S else ""

    @message.setter
    def message(self, text: str) -> None:
        self._message, self._said_at = text, time.monotonic()

    @property
    def view_key(self) -> str:
        """The number key that leads to what is shown; beside the plain picture all edges share one."""
        wanted = (self.mode, self.split and self.mode is not Mode.PLAIN)
        keys = [key for key, (mode, _, split) in VIEW_KEYS.items() if (mode, split) == wanted]
        same = [key for key in keys if VIEW_KEYS[key][1] is self.edge_kind]
        return (same or keys)[0]

    def press(self, key: str) -> bool:
        """Act on a key; False when it has no meaning."""
        key = _named(key)
        with self._lock:
            self.message = ""
            if key in VIEW_KEYS:
                mode, kind, split = VIEW_KEYS[key]
                if self._show(mode):
                    self.edge_kind, self.split = kind, split
                return True
            match key:
                case "q":
                    self.quit = True
                case " ":
                    self.paused = not self.paused
                case "s":
                    self._snapshots = min(self._snapshots + 1, _MOST_WAITING)
                case "r":
                    self._record_toggles += 1
                case "e":
                    self._next_edges()
                case "f":
                    self._show(Mode.PLAIN if self.mode is Mode.FEATURES else Mode.FEATURES)
                case "c":
                    self._show(Mode.PLAIN if self.mode is Mode.ACTIVATION else Mode.ACTIVATION)
                case "h":
                    self.help = not self.help
                case _:
                    return False
            return True

    def show(self, mode: Mode) -> bool:
        """Choose what is shown; False, with a message, when this network cannot show it."""
        with self._lock:
            return self._show(mode)

    def take_snapshots(self) -> int:
        """How many snapshots were asked for since the last call."""
        with self._lock:
            wanted, self._snapshots = self._snapshots, 0
            return wanted

    def take_record_toggles(self) -> int:
        """How often recording was switched since the last call."""
        with self._lock:
            wanted, self._record_toggles = self._record_toggles, 0
            return wanted

    def _show(self, mode: Mode) -> bool:
        if mode in self._available:
            self.mode = mode
        else:
            self.message = _REFUSALS[mode]
        return mode in self._available

    def _next_edges(self) -> None:
        if self.mode is not Mode.EDGES:
            self.mode, self.edge_kind = Mode.EDGES, _EDGES_IN_TURN[0]
        elif self.edge_kind is _EDGES_IN_TURN[-1]:
            self.mode = Mode.PLAIN
        else:
            self.edge_kind = _EDGES_IN_TURN[_EDGES_IN_TURN.index(self.edge_kind) + 1]
