"""Why a stream did not open, asked of the network itself, as FFmpeg only says that it did not."""

import socket
from urllib.parse import urlsplit

from edgecnn_runtime.live.address import split_credentials
from edgecnn_runtime.live.spec import SourceSpec

__all__ = ["network_reason", "status_reason", "why_no_stream"]

_PORTS = {"rtsp": 554, "rtsps": 322, "rtmp": 1935, "http": 80, "https": 443}


def why_no_stream(spec: SourceSpec, timeout_s: float) -> str:
    """One sentence on why a stream gave no picture.

    Args:
        spec: The source, which was tried in vain.
        timeout_s: How long it was waited for, and how long each question may take.
    """
    waited = (
        f"{spec.name} did not answer with a video stream within {timeout_s:g} s; check the address, the port and that "
        "the sender runs and its codec is known to FFmpeg; a slow sender needs --patience SECONDS."
    )
    url = urlsplit(spec.value)
    port = url.port or _PORTS.get(url.scheme)
    if url.scheme == "udp" or port is None:
        return waited
    try:
        with socket.create_connection((str(url.hostname), port), timeout=timeout_s) as connection:
            status = _rtsp_status(connection, spec.value) if url.scheme == "rtsp" else 0
    except OSError as error:
        return network_reason(spec.name, error) or waited
    return status_reason(spec.name, status, given=bool(url.password)) or waited


def network_reason(name: str, error: BaseException) -> str:
    """One sentence for an error of the network; empty where it says no more than that nothing came in time."""
    if isinstance(error, ConnectionRefusedError):
        return f"{name} did not answer with a video stream: nothing listens on that port; check port and sender."
    if isinstance(error, socket.gaierror):
        return (
            f"{name} did not answer with a video stream: no host of that name is known; check the name (/ ? # @ in a "
            "password are written percent-encoded)."
        )
    if isinstance(error, ConnectionError):
        return f"{name} closed the connection without an answer; check the port and the scheme before ://."
    if isinstance(error, OSError) and not isinstance(error, TimeoutError):
        return f"{name} cannot be reached: {error.strerror or error}; check the network."
    return ""


def status_reason(name: str, status: int, *, given: bool) -> str:
    """One sentence for a status of RTSP or HTTP; empty where it is none of failure.

    Args:
        name: The source, without its password.
        status: The status.
        given: Whether user and password were given.
    """
    if status == 401:
        wanted = "check user, password and path" if given else "give them, as in SCHEME://USER:PASSWORD@HOST"
        return f"{name} answered 401: it asks for another user or password; {wanted}."
    if status == 403:
        return f"{name} answered 403: it is forbidden for this user or computer; check the camera's settings."
    if status in (404, 410, 454):
        return f"{name} answered {status}: there is no such path on it; check what follows the host."
    if 300 <= status < 400:
        return f"{name} answered {status}: it leads from one address to the next without end; give the last one."
    return f"{name} answered {status} instead of a video; check the address." if status >= 400 else ""


def _rtsp_status(connection: socket.socket, address: str) -> int:
    """What an RTSP server answers who asks, without a password, what is there; 0 where it says nothing."""
    asked = f"DESCRIBE {split_credentials(address).url} RTSP/1.0\r\nCSeq: 1\r\nAccept: application/sdp\r\n\r\n"
    try:
        connection.sendall(asked.encode())
        words = connection.recv(256).split(b" ", 2)
    except OSError:
        return 0
    return int(words[1]) if words[0].startswith(b"RTSP/") and len(words) > 1 and words[1].isdigit() else 0
