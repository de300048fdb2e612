"""One request to a scoring instance, over a connection of its own, and its answer."""

import asyncio
import errno
import socket
from contextlib import suppress
from dataclasses import dataclass

import httptools
from multidict import CIMultiDict

from ops.localcloud import sockets
from ops.localcloud.gateway.exchange import Call

HOST = "localhost"
Place = str | tuple[str, int]
CHUNK_BYTES = 64 * 1024


class Unreachable(Exception):
    """No connection came about: the instance has seen nothing of the request."""


class Lost(Exception):
    """The instance may have seen the request, and gave no whole answer to it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    status: int
    reason: str
    headers: CIMultiDict[str]
    body: bytes
    began: float  # its first byte, by the event loop's clock


async def ask(port: int, call: Call) -> Reply:
    """The instance's answer; Unreachable or Lost when there is none.

    A connection serves one request. The inference server runs gunicorn's sync worker,
    which closes after each answer anyway, and a pooled connection that a server has
    just closed would lose a POST: nobody could tell whether it had been processed, so
    it could not be sent again (RFC 9110, 9.2.2).
    """
    family, place = sockets.address(port)
    try:
        connection = socket.socket(family)
    except OSError as error:  # no descriptor is left
        raise Unreachable from error
    with connection:
        connection.setblocking(False)
        await _send(connection, place, _request(call))
        try:
            return await _reply(connection)
        except (OSError, httptools.HttpParserError) as error:
            raise Lost from error


async def _send(connection: socket.socket, place: Place, request: bytes) -> None:
    sent = _at_once(connection, place, request)
    if sent == len(request):
        return
    loop = asyncio.get_running_loop()
    if not sent:
        try:
            await loop.sock_connect(connection, place)
        except OSError as error:
            if error.errno != errno.EISCONN:
                raise Unreachable from error
    # An instance may answer, and close, before it has read a large body.
    with suppress(ConnectionError):
        await loop.sock_sendall(connection, memoryview(request)[sent:])


def _at_once(connection: socket.socket, place: Place, request: bytes) -> int:
    """Connect and send; how many bytes went, none where that takes a while.

    Linux has connected to the loopback by the time it says that it is about to, which
    saves two turns of the loop.
    """
    if connection.family == socket.AF_INET:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    connection.connect_ex(place)
    try:
        return connection.send(request)
    except OSError:
        return 0


def _request(call: Call) -> bytes:
    """The request as it is sent; no header of the caller's says how long it is."""
    target = f"{call.path}?{call.query}" if call.query else call.path
    lines = [f"{call.method} {target} HTTP/1.1", f"Host: {HOST}"]
    lines += [f"{name}: {value}" for name, value in call.headers.items()]
    if call.body or call.method == "POST":
        lines.append(f"Content-Length: {len(call.body)}")
    head = "\r\n".join([*lines, "Connection: close", "", ""])
    return head.encode("utf-8", "surrogateescape") + call.body


async def _reply(connection: socket.socket) -> Reply:
    loop, parts = asyncio.get_running_loop(), _Parts()
    parser = httptools.HttpResponseParser(parts)
    over, began = loop.create_future(), 0.0

    def read() -> None:
        nonlocal began
        began = began or loop.time()
        try:
            if _heard(connection, parser, parts) and not over.done():
                over.set_result(None)
        except (OSError, httptools.HttpParserError, Lost) as error:
            if not over.done():
                over.set_exception(error)

    descriptor = connection.fileno()
    loop.add_reader(descriptor, read)
    try:
        await over
    finally:
        loop.remove_reader(descriptor)
    return Reply(
        status=parser.get_status_code(),
        reason=parts.reason,
        headers=parts.headers,
        body=b"".join(parts.body),
        began=began,
    )


def _heard(
    connection: socket.socket, parser: httptools.HttpResponseParser, parts: "_Parts"
) -> bool:
    """Read what has come; tell whether that was the last of it."""
    try:
        data = connection.recv(CHUNK_BYTES)
    except BlockingIOError:
        return False
    if data:
        parser.feed_data(data)
    elif not parts.endless:
        raise Lost
    return parts.whole or not data


class _Parts:
    """An answer as httptools tells it, bit by bit."""

    def __init__(self) -> None:
        self.reason = ""
        self.headers = CIMultiDict[str]()
        self.body = list[bytes]()
        self.endless = False  # its body is all that comes until the connection ends
        self.whole = False

    def on_status(self, text: bytes) -> None:
        self.reason += text.decode(errors="replace")

    def on_header(self, name: bytes, value: bytes) -> None:
        text = value.strip(b" \t").decode("utf-8", "surrogateescape")
        self.headers.add(name.decode(), text)

    def on_headers_complete(self) -> None:
        framed = "Content-Length" in self.headers or "Transfer-Encoding" in self.headers
        self.endless = not framed

    def on_body(self, data: bytes) -> None:
        self.body.append(data)

    def on_message_complete(self) -> None:
        self.whole = True
