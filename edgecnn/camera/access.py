"""Who may open the camera's page, and under which address others find it."""

import contextlib
import ipaddress
import re
import secrets
import socket

from edgecnn_runtime.errors import OptionError

__all__ = ["LOOPBACK", "check_token", "holds_token", "new_token", "own_address"]

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_LEAST = 16
_TOKEN = re.compile(r"[A-Za-z0-9_.~-]+")
_GIVEN = re.compile(rb"(?:token|edgecnn)=([A-Za-z0-9_.~-]+)")  # in an address or a cookie
# Documentation's own addresses: asking for the way there sends nothing.
_FAR = {socket.AF_INET: "192.0.2.1", socket.AF_INET6: "2001:db8::1"}


def new_token() -> str:
    """A token that nobody can guess."""
    return secrets.token_urlsafe(16)


def check_token(token: str) -> None:
    """Make sure that a token guards something, and stays whole in an address, a cookie and a header.

    Raises:
        OptionError: It is empty or short, or has other characters than letters, digits and `-._~`.
    """
    if not token.strip():
        raise OptionError("the token is empty and would let everybody in; give one, or none to have one made.")
    if len(token) < _LEAST:
        raise OptionError(
            f"the token has {len(token)} characters; expected at least {_LEAST}, or none to have one made."
        )
    if not _TOKEN.fullmatch(token):
        raise OptionError("the token has characters that an address cannot hold; expected A-Z, a-z, 0-9, - . _ and ~.")


def holds_token(head: bytes, token: str) -> bool:
    """Whether a request's head names the token anywhere: good for a place to be heard, not for an answer."""
    return any(secrets.compare_digest(given, token.encode()) for given in _GIVEN.findall(head))


def own_address(host: str) -> str:
    """What to type into a browser for a host that is listened on: for all of them, this computer's own address."""
    try:
        listened = ipaddress.ip_address(host)
    except ValueError:
        return host
    if not listened.is_unspecified:
        return host
    for family in (socket.AF_INET, *([socket.AF_INET6] if listened.version == 6 else [])):
        with contextlib.suppress(OSError), socket.socket(family, socket.SOCK_DGRAM) as asking:
            asking.connect((_FAR[family], 9))
            return str(asking.getsockname()[0])
    return "127.0.0.1" if listened.version == 4 else "::1"
