"""What the viewer has chosen, by key, by option or by a button in the browser."""

import enum
import threading
from collections.abc import Callable

from edgecnn.camera.sobel import EdgeKind

__all__ = ["HELP", "VIEW_KEYS", "Controls", "Mode"]


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
    "3": (Mode.EDGES, EdgeKind.HORIZONTAL, False),
    "4": (Mode.EDGES, EdgeKind.VERTICAL, False),
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
    ("2 3 4", "edges: both, —, |"),
    ("5 6", "feature maps, CAM"),
    ("7 8 9", "2, 5, 6 beside the plain"),
    ("h", "this help"),
]

_EDGE_ORDER = [EdgeKind.MAGNITUDE, EdgeKind.HORIZONTAL, EdgeKind.VERTICAL]
_KEY_NAMES = {"\x1b": "q", "\r": "", "\x03": "q"}


class Controls:
    """The viewer's choices; keys may come from several threads.

    Attributes:
        mode: what is shown.
        edge_kind: which edges.
        split: the plain picture beside it.
        paused: the shown picture is held.
        help: the keys are listed.
        quit: the program shall end.
        message: one line for the viewer about the last key.
    """

    def __init__(self, mode: Mode = Mode.PLAIN, *, split: bool = False, can_show_activation: bool = True) -> None:
        self.mode, self.split = mode, split
        self.edge_kind = EdgeKind.MAGNITUDE
        self.paused = self.help = self.quit = False
        self.message = ""
        self._can_show_activation = can_show_activation
        self._snapshots = self._record_toggles = 0
        self._lock = threading.Lock()
        self._actions: dict[str, Callable[[], None]] = {
            "q": self._quit,
            " ": self._pause,
            "s": self._snapshot,
            "r": self._record,
            "e": self._edges,
            "f": self._features,
            "c": self._activation,
            "h": self._help,
        }

    def press(self, key: str) -> bool:
        """Act on a key; False when it has no meaning."""
        key = _KEY_NAMES.get(key, key.lower())
        with self._lock:
            self.message = ""
            if key in VIEW_KEYS:
                mode, kind, split = VIEW_KEYS[key]
                if self._show(mode, split=split):
                    self.edge_kind = kind
                return True
            action = self._actions.get(key)
            if action is not None:
                action()
            return action is not None

    def show(self, mode: Mode) -> bool:
        """Choose what is shown; False, with a message, when this model cannot show it."""
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

    def _show(self, mode: Mode, *, split: bool | None = None) -> bool:
        if mode is Mode.ACTIVATION and not self._can_show_activation:
            self.message = "this model file has no features output, so there is no class activation map"
            return False
        self.mode = mode
        if split is not None:
            self.split = split
        return True

    def _toggle(self, mode: Mode) -> None:
        self._show(Mode.PLAIN if self.mode is mode else mode)

    def _edges(self) -> None:
        if self.mode is not Mode.EDGES:
            self.edge_kind = _EDGE_ORDER[0]
            self._show(Mode.EDGES)
        elif self.edge_kind is _EDGE_ORDER[-1]:
            self._show(Mode.PLAIN)
        else:
            self.edge_kind = _EDGE_ORDER[_EDGE_ORDER.index(self.edge_kind) + 1]

    def _features(self) -> None:
        self._toggle(Mode.FEATURES)

    def _activation(self) -> None:
        self._toggle(Mode.ACTIVATION)

    def _quit(self) -> None:
        self.quit = True

    def _pause(self) -> None:
        self.paused = not self.paused

    def _snapshot(self) -> None:
        self._snapshots += 1

    def _record(self) -> None:
        self._record_toggles += 1

    def _help(self) -> None:
        self.help = not self.help
