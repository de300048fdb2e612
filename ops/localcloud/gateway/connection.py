"""A caller's connection: requests come in, and their answers go out in turn."""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable
from typing import Protocol

import httptools
from multidict import CIMultiDict

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.refusal import Answer
from ops.localcloud.gateway.request import Request
from ops.localcloud.gateway.response import CONTINUE, written

log = logging.getLogger(__name__)

FIELD_BYTES = 16 * 1024  # an Entra token with many groups takes more than 8 KB
HEAD_BYTES = 64 * 1024
# How long a caller that got its answer early may go on sending the body: if we closed
# at once, a reset could take the answer from it.
LINGER_SECONDS = 10.0
FRAMING = ("Content-Length", "Transfer-Encoding")


class Handler(Protocol):
    closing: bool  # connections end with their next answer

    def handle(self, request: Request) -> Awaitable[Answer]: ...


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one caller; httptools (Node's parser) reads it.

    One request is served at a time, from the moment its head is there. While the next
    one waits already, nothing more is read.
    """

    def __init__(self, handler: Handler, connections: set[asyncio.Transport]) -> None:
        self._handler = handler
        self._connections = connections  # all that are open
        self._parser = httptools.HttpRequestParser(self)
        self._target = b""  # of the head that is coming
        self._headers = CIMultiDict[str]()
        self._head_bytes = 0
        self._coming: Request | None = None  # its head is there, its end is not
        self._waiting = deque[Request]()
        self._serving: Request | None = None
        self._answered = False  # the one that is served
        self._full = False  # the caller doesn't read what it is sent
        self._deaf = False  # nothing more that comes can be understood
        self._patience: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        self._transport = transport
        self._connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self._transport)
        self._deaf = True
        if self._patience:
            self._patience.cancel()
        if self._serving and not self._answered:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        begun = self._target
        try:
            self._parser.feed_data(data)
            if begun and self._target:
                self._grow(len(data))
        except httptools.HttpParserUpgrade as upgrade:
            self._stay(data[upgrade.args[0] :])
        except httptools.HttpParserError:
            self._give_up()

    def pause_writing(self) -> None:
        self._full = True

    def resume_writing(self) -> None:
        self._full = False
        self._proceed()

    # What the parser tells of a request, in this order

    def on_url(self, part: bytes) -> None:
        if not self._coming:
            self._target += part

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._coming:  # it stands behind the body, or `_stay` tells it again
            return
        if len(value) > FIELD_BYTES:
            raise ValueError("too large")
        text = value.strip(b" \t").decode("utf-8", "surrogateescape")
        self._headers.add(name.decode(), text)

    def on_headers_complete(self) -> None:
        if self._coming:
            return
        request = Request(
            method=self._parser.get_method().decode(),
            target=self._target.decode("utf-8", "surrogateescape"),
            version=self._parser.get_http_version(),
            headers=self._headers,
            keep_alive=self._parser.should_keep_alive(),
            go_on=self._go_on,
        )
        self._coming = request
        self._target, self._headers, self._head_bytes = b"", CIMultiDict(), 0
        if self._serving:
            self._waiting.append(request)
            self._transport.pause_reading()
        else:
            self._serve(request)

    def on_body(self, part: bytes) -> None:
        assert self._coming
        self._coming.feed(part)

    def on_message_complete(self) -> None:
        if self._coming and not self._parser.should_upgrade():
            self._coming.end()
            self._coming = None
            self._proceed()

    def _stay(self, rest: bytes) -> None:
        """Go on in HTTP/1.1 where a caller (Java's) asks for HTTP/2 if we spoke it.

        The parser has left the body to that protocol: another one, which is told how
        long it is, reads it.
        """
        assert self._coming
        headers = self._coming.headers
        framing = [name for name in FRAMING if name in headers]
        lines = [f"{name}: {headers[name]}" for name in framing]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, "", ""])
        self._parser = httptools.HttpRequestParser(self)
        self.data_received(head.encode() + rest)

    def _grow(self, size: int) -> None:
        """Note how much has come of a head since it began, and still has no end."""
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._give_up()

    def _give_up(self) -> None:
        """What came isn't HTTP: end with the answer in the making, or with a 400."""
        self._deaf = True
        if self._coming:
            self._coming.spoil()
            self._coming = None
        if self._serving:
            self._proceed()
        else:
            self._transport.write(written(refusal.unreadable()))
            self._transport.close()

    # From a request to its answer

    def _serve(self, request: Request) -> None:
        self._serving, self._answered = request, False
        self._task = asyncio.create_task(self._answer(request))

    async def _answer(self, request: Request) -> None:
        try:
            answer = await self._handler.handle(request)
        except Exception:  # the edge of the process: a bug fails one request only
            log.exception("a request failed")
            answer = refusal.broken()
        if self._deaf or self._handler.closing:
            request.keep_alive = False
        self._transport.write(written(answer, request))
        self._answered = True
        if not request.whole:
            request.drop()
            loop = asyncio.get_running_loop()
            self._patience = loop.call_later(LINGER_SECONDS, self._transport.abort)
        self._proceed()

    def _proceed(self) -> None:
        """Go on to the next request, if the one that is served is over and done."""
        served = self._serving
        if not served or not served.whole or not self._answered or self._full:
            return
        if self._patience:
            self._patience.cancel()
            self._patience = None
        self._serving = None
        if not served.keep_alive:
            self._transport.close()
        elif self._waiting:
            self._serve(self._waiting.popleft())
            self._transport.resume_reading()

    def _go_on(self) -> None:
        self._transport.write(CONTINUE)
