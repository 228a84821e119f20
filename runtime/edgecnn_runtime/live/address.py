"""URLs of streams: what they name, and how they are shown without what is secret in them."""

import re
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from edgecnn_runtime.errors import OptionError

__all__ = ["Credentials", "check_url", "masked", "split_credentials"]

_SCHEMES = ("rtsp", "rtsps", "http", "https", "udp", "tcp", "rtmp")
# Whatever stands before the last @ of an address may be a password, also where it holds / ? # [ ] as it should not.
_BEFORE_AT = re.compile(r"(?<=:/)(/?)[^\s]*@")
_SECRET = re.compile(
    r"(?i)((?:^|[/?&;#_])[\w.-]*(?:user|usr|login|pass|pwd|token|secret|auth|key|sid|session|credential)[\w.-]*=)[^&;\s]*"
)
_PERCENT = "write / ? # [ ] @ in a user name or password percent-encoded: %2F %3F %23 %5B %5D %40"


@dataclass(frozen=True)
class Credentials:
    """A URL without what stood before its @, and that.

    Attributes:
        url: The URL without user and password.
        user: User name, decoded; empty when there is none.
        password: Password, decoded.
    """

    url: str
    user: str
    password: str


def masked(text: str) -> str:
    """A source's text for messages: no user, no password, no query, and `…` for values of keys such as `pwd=`."""
    if not re.match(r"\w+:/", text):
        return _SECRET.sub(r"\1…", text)
    whole, cut = re.subn(_BEFORE_AT, r"\1", text)
    authority = re.split(r"[/?#]", text.partition("://")[2], maxsplit=1)[0]
    if cut and "@" not in authority:
        # It may be no password at all, so that the rest is not taken for the whole.
        whole = re.sub(_BEFORE_AT, r"\1…@", text)
    return _SECRET.sub(r"\1…", re.split(r"[?#]", whole, maxsplit=1)[0])


def check_url(text: str) -> None:
    """Make sure that a text is the URL of a stream.

    Raises:
        OptionError: It is not; the message shows no password.
    """
    shown = masked(text)
    try:
        url = urlsplit(text)
        host, _ = url.hostname, url.port
    # The error's own words may hold a part of the password.
    except ValueError:
        raise OptionError(f"source is {shown!r}, whose host or port cannot be read; {_PERCENT}.") from None
    if url.scheme not in _SCHEMES:
        raise OptionError(f"source is {url.scheme}://…; expected one of {', '.join(_SCHEMES)}.")
    if not host:
        raise OptionError(f"source is {shown!r}, which names no host; expected {url.scheme}://HOST/….")
    if "@" in url.fragment:
        raise OptionError(f"source is {shown!r}, with a # before its @; {_PERCENT}.")


def split_credentials(text: str) -> Credentials:
    """User and password of a URL, which is given back without them."""
    url = urlsplit(text)
    place = url.netloc.rpartition("@")[2]
    return Credentials(url._replace(netloc=place).geturl(), unquote(url.username or ""), unquote(url.password or ""))
