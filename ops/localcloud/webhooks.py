"""One POST to a webhook: it may take a while, and it never takes longer.

Real time: who is waited for does not know of a clock that a drill has moved.
"""

import base64
import http.client
import socket
import ssl
import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

SECONDS = 10.0  # for all of a call
RETRIED = (408, 429)  # and whatever is 500 or above


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What became of a call. `again`: another attempt may have more luck."""

    sent: bool
    detail: str
    again: bool = False


def host(url: str) -> str:
    """The only part of a webhook's URL that may be written down."""
    try:
        return urlsplit(url).hostname or "?"
    except ValueError:
        return "?"


def post(
    url: str, body: bytes, headers: Mapping[str, str], seconds: float = SECONDS
) -> Outcome:
    """Call a webhook once. Redirects are not followed: what is behind is not asked."""
    try:
        status = _status(url, body, headers, seconds)
    except (ValueError, http.client.InvalidURL):  # which tell the URL
        return Outcome(sent=False, detail="it is no URL of http or https")
    except (OSError, http.client.HTTPException) as problem:
        return Outcome(sent=False, detail=_reason(problem, seconds), again=True)
    if 200 <= status < 300:
        return Outcome(sent=True, detail=f"answered {status}")
    if 300 <= status < 400:
        return Outcome(
            sent=False, detail=f"answered {status}: redirects are not followed"
        )
    again = status in RETRIED or status >= 500
    return Outcome(sent=False, detail=f"answered {status}", again=again)


def _status(url: str, body: bytes, headers: Mapping[str, str], seconds: float) -> int:
    parts = urlsplit(url)
    connection = _connection(parts.scheme, parts.hostname, parts.port, seconds)
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    told = {**headers, **_credentials(parts.username, parts.password)}
    gone = threading.Event()
    late = threading.Timer(seconds, _cut, [connection, gone])
    late.daemon = True
    try:
        connection.connect()
        late.start()  # an answer that trickles in never times out by itself
        connection.request("POST", path, body, told)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        if gone.is_set():  # it was cut off, however that looks from here
            raise TimeoutError from None
        raise
    finally:
        late.cancel()
        connection.close()


def _connection(
    scheme: str, name: str | None, port: int | None, seconds: float
) -> http.client.HTTPConnection:
    if not name or scheme not in ("http", "https"):
        raise ValueError(scheme)
    if scheme == "http":
        return http.client.HTTPConnection(name, port, timeout=seconds)
    context = ssl.create_default_context()
    return http.client.HTTPSConnection(name, port, timeout=seconds, context=context)


def _credentials(user: str | None, password: str | None) -> dict[str, str]:
    """Azure: action-groups, "Webhook": basic authentication goes through the URI."""
    if user is None:
        return {}
    pair = f"{unquote(user)}:{unquote(password or '')}".encode()
    return {"Authorization": f"Basic {base64.b64encode(pair).decode()}"}


def _cut(connection: http.client.HTTPConnection, gone: threading.Event) -> None:
    gone.set()
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it was closed meanwhile
            sock.shutdown(socket.SHUT_RDWR)


def _reason(problem: Exception, seconds: float) -> str:
    """What went wrong, without the URL that some of these exceptions tell."""
    if isinstance(problem, TimeoutError):
        return f"no answer within {seconds:g} s"
    if isinstance(problem, ConnectionRefusedError):
        return "connection refused"
    if isinstance(problem, OSError) and problem.strerror:
        return problem.strerror
    if isinstance(problem, http.client.HTTPException):
        return "no answer of HTTP"
    return "connection lost"
