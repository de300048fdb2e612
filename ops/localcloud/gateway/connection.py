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
HEAD_SECONDS = 30.0  # for a head to come whole, from its first byte or the connection
IDLE_SECONDS = 240.0  # between requests; Azure's own load balancer waits as long
READ_BYTES = 64 * 1024  # at a time, so that others have their turn
# What may come beside a body (the framing of its chunks, their extensions, trailers):
# so much, and so many bytes for each of the body's.
FRAMING_BYTES, FRAMING_RATIO = HEAD_BYTES, 8
FRAMING = ("Content-Length", "Transfer-Encoding")


class Handler(Protocol):
    closing: bool  # connections end with their next answer

    def handle(self, request: Request) -> Awaitable[Answer]: ...


class Connection(asyncio.Protocol):
    """Speaks HTTP/1.1 with one caller; httptools (Node's parser) reads it.

    One request is served at a time, from the moment its head is there. While the next
    one waits already, nothing more is read.
    """

    def __init__(
        self,
        handler: Handler,
        connections: set[asyncio.Transport],
        head_seconds: float = HEAD_SECONDS,
    ) -> None:
        self._head_seconds = head_seconds
        self._due: float | None = None  # when the next head must be there
        self._clock: asyncio.TimerHandle | None = None
        self._idle = False  # between two requests
        self.fresh = True  # its first request may be on its way
        self._received = self._in_bodies = 0  # bytes since the last head
        self._refusal: Answer | None = None  # of what can't be read
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
        transport.max_size = READ_BYTES  # type: ignore[attr-defined]
        self._connections.add(transport)
        self._expect(self._head_seconds)
        self._watch(self._head_seconds)

    def connection_lost(self, error: Exception | None) -> None:
        self._connections.discard(self._transport)
        self._deaf = True
        for timer in (self._patience, self._clock):
            if timer:
                timer.cancel()
        if self._serving and not self._answered:
            self._task.cancel()

    def data_received(self, data: bytes) -> None:
        if self._deaf:
            return
        begun = self._target
        if self._idle:
            self._idle = False
            self._expect(self._head_seconds)
        self._received += len(data)
        try:
            self._feed(data)
        except httptools.HttpParserError:
            self._give_up()
        if begun and self._target:
            self._grow(len(data))
        elif self._coming and self._overburdened():
            self._refusal = refusal.header_too_large(FRAMING_BYTES)
            self._give_up()

    def _feed(self, data: bytes) -> None:
        """Have the parser read, and another one go on behind each offer of HTTP/2."""
        while data:
            try:
                self._parser.feed_data(data)
                return
            except httptools.HttpParserUpgrade as upgrade:
                data = self._staying() + data[upgrade.args[0] :]

    def _overburdened(self) -> bool:
        """Whether more comes beside a body than its size explains."""
        beside = self._received - self._in_bodies
        return beside > FRAMING_BYTES + FRAMING_RATIO * self._in_bodies

    def _expect(self, seconds: float | None) -> None:
        """Say when the next head must be there; None while a request is served."""
        now = asyncio.get_running_loop().time()
        self._due = None if seconds is None else now + seconds

    def _watch(self, seconds: float) -> None:
        loop = asyncio.get_running_loop()
        self._clock = loop.call_later(seconds, self._look)

    def _look(self) -> None:
        """Hang up on who has not sent a head in time; look again when that is due."""
        left = self._head_seconds
        if self._due is not None:
            left = self._due - asyncio.get_running_loop().time()
        if left > 0:
            self._watch(left)
        elif self._target:
            self._refusal = refusal.slow_head(self._head_seconds)
            self._give_up()
        else:
            self._transport.close()

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
            self._refusal = refusal.header_too_large(FIELD_BYTES)
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
        self.fresh = False
        self._target, self._headers, self._head_bytes = b"", CIMultiDict(), 0
        self._received = self._in_bodies = 0
        self._expect(None)
        if self._serving:
            self._waiting.append(request)
            self._transport.pause_reading()
        else:
            self._serve(request)

    def on_body(self, part: bytes) -> None:
        assert self._coming
        self._in_bodies += len(part)
        self._coming.feed(part)

    def on_message_complete(self) -> None:
        if self._coming and not self._parser.should_upgrade():
            self._coming.end()
            self._coming = None
            self._proceed()

    def _staying(self) -> bytes:
        """Go on in HTTP/1.1 where a caller (Java's) asks for HTTP/2 if we spoke it.

        The parser has left the body to that protocol: another one reads it, once it
        is told by the head returned here how long it is.
        """
        assert self._coming
        headers = self._coming.headers
        framing = [name for name in FRAMING if name in headers]
        lines = [f"{name}: {headers[name]}" for name in framing]
        head = "\r\n".join(["POST / HTTP/1.1", *lines, "", ""])
        self._parser = httptools.HttpRequestParser(self)
        return head.encode()

    def _grow(self, size: int) -> None:
        """Note how much has come of a head since it began, and still has no end."""
        self._head_bytes += size
        if self._head_bytes > HEAD_BYTES:
            self._refusal = refusal.header_too_large(HEAD_BYTES)
            self._give_up()

    def _give_up(self) -> None:
        """What came isn't HTTP: end with the answer in the making, or with a 4xx."""
        self._deaf = True
        answer = self._refusal or refusal.unreadable()
        if self._coming:
            self._coming.spoil(answer)
            self._coming = None
        if self._serving:
            self._serving.keep_alive = False
            self._proceed()
        else:
            self._transport.write(written(answer))
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
        elif not self._coming:
            self._idle = not self._target
            self._expect(IDLE_SECONDS if self._idle else self._head_seconds)

    def _go_on(self) -> None:
        self._transport.write(CONTINUE)
