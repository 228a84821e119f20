"""One GET of a camera's address: with user and password, along redirects, and with a word on its certificate."""

import http.client
import ssl
import urllib.error
import urllib.request
from dataclasses import dataclass
from email.message import Message
from typing import Any

from edgecnn_runtime.errors import SourceError
from edgecnn_runtime.live.address import split_credentials
from edgecnn_runtime.live.captures.certificate import notice_of
from edgecnn_runtime.live.captures.no_answer import network_reason, status_reason
from edgecnn_runtime.live.spec import SourceOptions, SourceSpec

__all__ = ["Answer", "get"]

_REALMS = (urllib.request.HTTPBasicAuthHandler, urllib.request.HTTPDigestAuthHandler)


@dataclass(frozen=True)
class Answer:
    """What a server answered, to be read on.

    Attributes:
        body: The response; reading it may raise OSError or `http.client.HTTPException`.
        notice: What the user should know about the connection; empty when all is well.
    """

    body: http.client.HTTPResponse
    notice: str = ""

    @property
    def headers(self) -> Message:
        """The response's headers."""
        return self.body.headers

    @property
    def kind(self) -> str:
        """The content type in small letters, without parameters; empty where there is none."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()


def get(spec: SourceSpec, options: SourceOptions) -> Answer | None:
    """Ask for a source's address; None where what answers speaks no HTTP that Python knows.

    A certificate that cannot be verified, as most cameras have one, is accepted with a notice.

    Raises:
        SourceError: Nothing answered, or something else than a source; the message says what.
    """
    context = ssl.create_default_context()
    notice = ""
    for _ in range(2):
        try:
            return Answer(
                _opener(spec.value, context).open(_request(spec.value), timeout=options.open_timeout_s), notice
            )
        except urllib.error.HTTPError as error:
            error.close()
            given = bool(split_credentials(spec.value).user)
            raise SourceError(status_reason(spec.name, error.code, given=given)) from None
        except urllib.error.URLError as error:
            if not isinstance(error.reason, ssl.SSLCertVerificationError):
                raise SourceError(_why(spec.name, error.reason, options)) from None
            notice = notice_of(spec, error.reason)
            context = _trusting()
        except (http.client.RemoteDisconnected, OSError) as error:
            raise SourceError(_why(spec.name, error, options)) from None
        # A camera's own idea of HTTP, or a way to log in that Python does not know.
        except (http.client.HTTPException, ValueError):
            return None
    return None


def _request(address: str) -> urllib.request.Request:
    # spec.py has checked the scheme, and the opener below knows no other ones.
    return urllib.request.Request(split_credentials(address).url, headers={"User-Agent": "edgecnn"})  # noqa: S310


def _opener(address: str, context: ssl.SSLContext) -> urllib.request.OpenerDirector:
    """An opener for HTTP alone: redirects must not lead to files or FTP, nor a password to another host."""
    given = split_credentials(address)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if given.user:
        passwords.add_password(None, given.url, given.user, given.password)
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(context=context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
        *(realm(passwords) for realm in _REALMS if given.user),
    ]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _why(name: str, reason: object, options: SourceOptions) -> str:
    if isinstance(reason, ssl.SSLError):
        return f"{name} does not speak TLS as https:// needs it ({reason.reason}); try http://."
    said = network_reason(name, reason) if isinstance(reason, BaseException) else ""
    return said or (
        f"{name} did not answer with a video stream within {options.open_timeout_s:g} s; check the address, the port "
        "and that the sender runs."
    )
