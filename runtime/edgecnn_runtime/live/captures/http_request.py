"""One GET of a camera's address: with user and password, along redirects, and with a word on its certificate."""

import contextlib
import functools
import http.client
import socket
import ssl
import threading
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


class _Line:
    """The connection that a request is made on, so that its patience can be changed and its time be ended."""

    def __init__(self) -> None:
        self.socket: socket.socket | None = None
        self.ended = False

    def end(self) -> None:
        """Let whoever reads go on, with an error."""
        self.ended = True
        if self.socket is not None:
            with contextlib.suppress(OSError):
                self.socket.shutdown(socket.SHUT_RDWR)


class _Plain(http.client.HTTPConnection):
    """A connection that leaves its socket on a line."""

    def __init__(self, host: str, *, line: _Line, **settings: Any) -> None:
        super().__init__(host, **settings)
        self._line = line

    def connect(self) -> None:
        super().connect()
        self._line.socket = self.sock


class _Secure(_Plain, http.client.HTTPSConnection):
    """The same with TLS."""


class _LineHandler(urllib.request.HTTPSHandler):
    """HTTP and HTTPS on connections of a line."""

    def __init__(self, line: _Line, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._line, self._tls = line, context

    def http_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        make: Any = functools.partial(_Plain, line=self._line)
        return self.do_open(make, request)

    def https_open(self, request: urllib.request.Request) -> http.client.HTTPResponse:
        make: Any = functools.partial(_Secure, line=self._line)
        return self.do_open(make, request, context=self._tls)

    http_request = urllib.request.AbstractHTTPHandler.do_request_


@dataclass(frozen=True)
class Answer:
    """What a server answered, to be read on.

    Attributes:
        body: The response; reading it may raise OSError or `http.client.HTTPException`.
        line: The connection below it.
        notice: What the user should know about the connection; empty when all is well.
    """

    body: http.client.HTTPResponse
    line: _Line
    notice: str = ""

    @property
    def headers(self) -> Message:
        """The response's headers."""
        return self.body.headers

    @property
    def kind(self) -> str:
        """The content type in small letters, without parameters; empty where there is none."""
        return str(self.headers.get("Content-Type", "")).partition(";")[0].strip().lower()

    def wait_at_most(self, seconds: float) -> None:
        """How long the connection may be silent from now on."""
        if self.line.socket is not None:
            self.line.socket.settimeout(seconds)


def get(spec: SourceSpec, options: SourceOptions) -> Answer | None:
    """Ask for a source's address; None where what answers speaks no HTTP that Python knows.

    A certificate that cannot be verified, as most cameras have one, is accepted with a notice.

    Raises:
        SourceError: Nothing answered, or something else than a source; the message says what.
    """
    try:
        return _ask(spec, options, _verifying(), "")
    except ssl.SSLCertVerificationError as error:
        return _ask(spec, options, _trusting(), notice_of(spec, error))


def _ask(spec: SourceSpec, options: SourceOptions, context: ssl.SSLContext, notice: str) -> Answer | None:
    line = _Line()
    # The timeout below is for each step alone, and somebody may answer one byte at a time.
    end = threading.Timer(options.open_timeout_s, line.end)
    end.daemon = True
    end.start()
    try:
        opened = _opener(spec.value, line, context).open(_request(spec.value), timeout=options.open_timeout_s)
        return Answer(opened, line, notice)
    except urllib.error.HTTPError as error:
        error.close()
        given = bool(split_credentials(spec.value).user)
        raise SourceError(status_reason(spec.name, error.code, given=given)) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError):
            raise error.reason from None
        raise SourceError(_why(spec.name, error.reason, options, ended=line.ended)) from None
    except (http.client.RemoteDisconnected, OSError) as error:
        raise SourceError(_why(spec.name, error, options, ended=line.ended)) from None
    # A camera's own idea of HTTP, or a way to log in that Python does not know.
    except (http.client.HTTPException, ValueError) as error:
        if line.ended:
            raise SourceError(_why(spec.name, error, options, ended=True)) from None
        return None
    finally:
        end.cancel()


def _request(address: str) -> urllib.request.Request:
    # spec.py has checked the scheme, and the opener below knows no other ones.
    return urllib.request.Request(split_credentials(address).url, headers={"User-Agent": "edgecnn"})  # noqa: S310


def _opener(address: str, line: _Line, context: ssl.SSLContext) -> urllib.request.OpenerDirector:
    """An opener for HTTP alone: redirects must not lead to files or FTP, nor a password to another host."""
    given = split_credentials(address)
    passwords = urllib.request.HTTPPasswordMgrWithDefaultRealm()
    if given.user:
        passwords.add_password(None, given.url, given.user, given.password)
    opener = urllib.request.OpenerDirector()
    handlers: list[Any] = [
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        _LineHandler(line, context),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPRedirectHandler(),
        urllib.request.HTTPErrorProcessor(),
    ]
    if given.user:
        realms = (urllib.request.HTTPBasicAuthHandler, urllib.request.HTTPDigestAuthHandler)
        handlers += [realm(passwords) for realm in realms]
    for handler in handlers:
        opener.add_handler(handler)
    return opener


@functools.cache
def _verifying() -> ssl.SSLContext:
    return ssl.create_default_context()


@functools.cache
def _trusting() -> ssl.SSLContext:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _why(name: str, reason: object, options: SourceOptions, *, ended: bool) -> str:
    if isinstance(reason, ssl.SSLError) and not ended:
        return f"{name} does not speak TLS as https:// needs it ({reason.reason}); try http://."
    said = network_reason(name, reason) if isinstance(reason, BaseException) and not ended else ""
    return said or (
        f"{name} did not answer with a video stream within {options.open_timeout_s:g} s; check the address, the port "
        "and that the sender runs."
    )
