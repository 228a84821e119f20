"""The browser view: a page with the live picture, label bars, rates and buttons, for boards without a screen."""

import ipaddress
import json
import threading
from typing import Any

import numpy as np
from edgecnn_runtime.errors import OptionError
from edgecnn_runtime.live.frame import Picture, cv2
from edgecnn_runtime.live.view import View

from edgecnn.camera.access import LOOPBACK, check_token, new_token, own_address
from edgecnn.camera.compose import fit
from edgecnn.camera.controls import Controls, Mode
from edgecnn.camera.feed import Feed
from edgecnn.camera.http_server import Server

__all__ = ["WebView", "page_state", "parse_address"]

_DEFAULT_PORT = 8008
_MOST, _MOST_SPLIT = (1280, 720), (1920, 720)
_QUALITY = 80


def parse_address(text: str) -> tuple[str, int]:
    """`HOST:PORT`, `HOST`, `:PORT`, `PORT` or nothing, as host and port; the host is 127.0.0.1 by default.

    Raises:
        OptionError: It is none of these.
    """
    host, _, port = text.rpartition(":") if ":" in text.rpartition("]")[2] else (text, "", "")
    if _is_ipv6(text):
        host, port = text, ""
    elif host.isdecimal() and not port:
        host, port = "", host
    number = port or str(_DEFAULT_PORT)
    if not (number.isascii() and number.isdecimal()) or int(number) > 65535:
        raise OptionError(f"the web address is {text!r}; expected HOST:PORT, such as 127.0.0.1:{_DEFAULT_PORT}.")
    return host.strip("[]") or "127.0.0.1", int(number)


def _is_ipv6(text: str) -> bool:
    try:
        return ipaddress.ip_address(text).version == 6
    except ValueError:
        return False


class WebView:
    """Serves the live picture to several browsers at once.

    Each viewer gets the newest picture it can take; what it cannot take is not kept for it.

    Args:
        host: Address to listen on; another than loopback needs a token.
        port: Port to listen on; 0 takes a free one.
        controls: What the page's buttons change.
        token: What a viewer must give once as `?token=…`; None makes one where it is needed.

    Raises:
        OptionError: The address cannot be listened on, or the token guards nothing.
    """

    def __init__(self, host: str, port: int, controls: Controls, *, token: str | None = None) -> None:
        if token is not None:
            check_token(token)
        elif host not in LOOPBACK:
            token = new_token()
        self._feed = Feed(controls, token or "")
        try:
            self._server = Server(self._feed, host, port)
        except OSError as error:
            raise OptionError(
                f"cannot listen on {host}:{port}: {error.strerror or error}; give another --address HOST:PORT."
            ) from error
        self.token, self.host, self.port = token or "", host, int(self._server.server_address[1])
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.2}, name="edgecnn-web", daemon=True
        )
        self._thread.start()

    @property
    def url(self) -> str:
        """The address to type into a browser, with the token where there is one."""
        host = own_address(self.host)
        place = f"[{host}]" if ":" in host else host
        return f"http://{place}:{self.port}/{f'?token={self.token}' if self.token else ''}"

    @property
    def watching(self) -> int:
        """How many browsers take pictures now; nothing is encoded when nobody does."""
        return self._feed.watching

    def publish(self, bgr: Picture | None, state: dict[str, Any]) -> None:
        """Offer a newer picture, `(H, W, 3)` uint8 BGR, and what stands beside it."""
        self._feed.states.put(json.dumps(state, ensure_ascii=False, allow_nan=False).encode())
        if bgr is not None:
            shown = fit(np.ascontiguousarray(bgr), _MOST_SPLIT if self._feed.controls.split else _MOST)
            encoded = cv2.imencode(".jpg", shown, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
            self._feed.pictures.put(encoded[1].tobytes())

    def close(self) -> None:
        """Let all viewers go and stop listening."""
        self._feed.pictures.close()
        self._feed.states.close()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=2)


def page_state(view: View, controls: Controls, *, shown_fps: float, recording: str, notice: str = "") -> dict[str, Any]:
    """What stands beside the picture, as the page's script reads it.

    Args:
        view: Labels, state and rates.
        controls: What is shown.
        shown_fps: Pictures shown a second.
        recording: Name of the file that is being recorded; empty when none is.
        notice: What the viewer should know about the source, such as a certificate that cannot be verified.
    """
    rates = view.rates
    numbers = {
        "capture": f"{rates.capture_fps:.1f} fps",
        "label": f"{rates.inference_fps:.1f} fps",
        "show": f"{shown_fps:.1f} fps",
        "dropped": f"{rates.dropped} of {rates.captured}",
    }
    if rates.labeled:
        numbers["grab to label, p50"] = f"{rates.age_p50_ms:.0f} ms"
        numbers["grab to label, p95"] = f"{rates.age_p95_ms:.0f} ms"
    return {
        "state": str(view.state),
        "note": view.note,
        "notice": notice,
        "message": controls.message,
        "label": view.label,
        "sure": view.sure,
        "top": [{"label": p.label, "score": p.score} for p in view.top(5)],
        "raw": [] if view.result is None else [{"label": p.label, "score": p.score} for p in view.result.top(3)],
        "rates": numbers,
        "paused": controls.paused,
        "recording": recording,
        "view": controls.view_key,
        "split": controls.split and controls.mode is not Mode.PLAIN,
    }
