"""Where the picture is shown: in a window of OpenCV's where there is a display, in browsers, or nowhere."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from edgecnn_runtime.live.frame import Picture, cv2

from edgecnn.camera.access import check_token
from edgecnn.camera.controls import Controls
from edgecnn.camera.web import WebView, parse_address
from edgecnn.children import child_command

__all__ = ["Display", "DisplayOptions", "PictureWindow", "open_display", "probe", "why_no_window"]

_PROBE_TIMEOUT_S = 30


def why_no_window() -> str:
    """Why no window can be opened here; empty when one can.

    OpenCV's Qt wheel ends the whole process when it finds no display, so this is tried in a child process.
    """
    if sys.platform.startswith("linux") and not (os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")):
        return "there is no display (DISPLAY is not set)"
    try:
        probe = subprocess.run(  # noqa: S603 - this very program, with constant arguments
            child_command("edgecnn.camera.display:probe"),
            capture_output=True,
            text=True,
            timeout=_PROBE_TIMEOUT_S,
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"the display did not answer within {_PROBE_TIMEOUT_S} s"
    if probe.returncode == 0:
        return ""
    if "not implemented" in probe.stderr:
        return "this OpenCV was built without windows; type: pip install opencv-python"
    return "the display cannot be opened"


def probe() -> None:
    """Open a window and close it again; a process that cannot ends here."""
    cv2.namedWindow("probe")
    cv2.waitKey(1)
    cv2.destroyAllWindows()


class PictureWindow:
    """One resizable window; everything is called from the main thread.

    Args:
        title: Text in the title bar.
    """

    def __init__(self, title: str) -> None:
        self._title = title
        cv2.namedWindow(title, cv2.WINDOW_NORMAL | cv2.WINDOW_KEEPRATIO | cv2.WINDOW_GUI_NORMAL)
        self._size = (0, 0)
        self._shown = False

    def show(self, bgr: Picture) -> None:
        """Show a picture, `(H, W, 3)` uint8 BGR; the window takes its size when that changes."""
        size = (bgr.shape[1], bgr.shape[0])
        if size != self._size:
            cv2.resizeWindow(self._title, *size)
            self._size = size
        cv2.imshow(self._title, bgr)
        self._shown = True

    def key(self) -> str:
        """The key that was pressed since the last call, or an empty text; also lets the window paint itself."""
        code = cv2.pollKey() & 0xFF
        return "" if code == 0xFF else chr(code)

    @property
    def is_open(self) -> bool:
        """False once the user has closed it by its X."""
        if not self._shown:
            return True
        try:
            return bool(cv2.getWindowProperty(self._title, cv2.WND_PROP_VISIBLE) >= 1)
        except cv2.error:
            return False

    def close(self) -> None:
        """Close the window."""
        cv2.destroyAllWindows()
        cv2.pollKey()


@dataclass(frozen=True)
class DisplayOptions:
    """Where pictures are shown.

    Attributes:
        nowhere: Show nothing.
        web: Show in a browser also where a window could be opened.
        address: `HOST:PORT` of the page; see `parse_address`.
        token: What a browser must give; None makes one where it is needed.

    Raises:
        OptionError: The token guards nothing, as an empty one does.
    """

    nowhere: bool = False
    web: bool = False
    address: str = ""
    token: str | None = None

    def __post_init__(self) -> None:
        # Also where no page is shown now: the next display may not open.
        if self.token is not None:
            check_token(self.token)


@dataclass(frozen=True)
class Display:
    """An open display: a window, a page in browsers, or neither.

    Attributes:
        window: Called only in the thread that opened it.
        page: What browsers show.
        note: Where the picture is, and why there, in words; empty for a window.
    """

    window: PictureWindow | None = None
    page: WebView | None = None
    note: str = ""


@contextlib.contextmanager
def open_display(options: DisplayOptions, controls: Controls) -> Iterator[Display]:
    """A window, or a page where no window can be opened or the page was asked for.

    Raises:
        OptionError: The address is none, or cannot be listened on.
    """
    if options.nowhere:
        yield Display()
        return
    reason = "" if options.web else why_no_window()
    if not (options.web or reason):
        window = PictureWindow("edgecnn camera")
        try:
            yield Display(window)
        finally:
            window.close()
        return
    host, port = parse_address(options.address)
    page = WebView(host, port, controls, token=options.token)
    try:
        yield Display(page=page, note=f"{f'{reason}; ' if reason else ''}the picture is at {page.url}")
    finally:
        page.close()
