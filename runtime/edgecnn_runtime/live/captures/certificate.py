"""Whether a stream's certificate can be verified; cameras make their own, and FFmpeg accepts them without a word."""

import socket
import ssl
from urllib.parse import urlsplit

from edgecnn_runtime.live.spec import SourceSpec

__all__ = ["check_certificate", "notice_of"]

_RTSPS_PORT = 322


def notice_of(spec: SourceSpec, error: ssl.SSLCertVerificationError) -> str:
    """What the user should know about a connection whose certificate is accepted all the same."""
    return (
        f"the certificate of {spec.name} cannot be verified ({error.verify_message}): the connection is encrypted, but "
        "whoever stands between could be the camera"
    )


def check_certificate(spec: SourceSpec, timeout_s: float) -> str:
    """A notice on the certificate of an `rtsps://` address, asked for on a connection of its own; empty for others."""
    url = urlsplit(spec.value)
    if url.scheme != "rtsps":
        return ""
    try:
        with (
            socket.create_connection((str(url.hostname), url.port or _RTSPS_PORT), timeout=timeout_s) as plain,
            ssl.create_default_context().wrap_socket(plain, server_hostname=url.hostname),
        ):
            return ""
    except ssl.SSLCertVerificationError as error:
        return notice_of(spec, error)
    except OSError:
        return ""  # The stream itself was opened; that this second connection was not is no news.
