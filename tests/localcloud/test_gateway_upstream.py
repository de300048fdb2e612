"""What the gateway makes of an instance's answer, however it comes."""

import asyncio
import socket
from contextlib import asynccontextmanager

import pytest
from multidict import CIMultiDict

from ops.localcloud.gateway import upstream
from ops.localcloud.gateway.exchange import Call
from ops.localcloud.gateway.upstream import Lost, Unreachable

ANSWER = (
    b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 3\r\n\r\n[0]"
)


def call(method="POST", body=b"{}", query=""):
    headers = CIMultiDict({"X-Name": "gr\u00fcn"})
    return Call(method=method, path="/score", query=query, headers=headers, body=body)


@asynccontextmanager
async def answering(*pieces, read_bytes=1):
    """A server that reads a little, sends the pieces one by one and closes."""
    heard = []

    async def serve(reader, writer):
        heard.append(await reader.read(read_bytes))
        for piece in pieces:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(0)
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1], heard


async def asked(*pieces, given=None, read_bytes=1 << 16):
    async with answering(*pieces, read_bytes=read_bytes) as (port, _):
        return await upstream.ask(port, given or call())


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([ANSWER], id="at once"),
        pytest.param([ANSWER[i : i + 1] for i in range(len(ANSWER))], id="bit by bit"),
        pytest.param(
            [
                b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n",
                b"2\r\n0]\r\n0\r\n\r\n",
            ],
            id="in chunks",
        ),
        pytest.param(
            [b"HTTP/1.0 200 OK\r\nContent-Type:  application/json \r\n\r\n[", b"0]"],
            id="until it closes",
        ),
    ],
)
def test_an_answer_is_whole_however_it_comes(pieces):
    reply = asyncio.run(asked(*pieces))

    assert (reply.status, reply.reason, reply.body) == (200, "OK", b"[0]")
    assert reply.headers["content-type"] == "application/json"


@pytest.mark.parametrize(
    "pieces", [[], [ANSWER[:20]], [ANSWER[:-1]], [b"no HTTP at all\r\n\r\n"]]
)
def test_half_an_answer_is_lost(pieces):
    with pytest.raises(Lost):
        asyncio.run(asked(*pieces))


def test_an_answer_before_a_large_body_was_read_is_heard():
    large = call(body=bytes(8 << 20))

    assert asyncio.run(asked(ANSWER, given=large, read_bytes=1)).body == b"[0]"


def test_where_nothing_listens_is_unreachable():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))

        with pytest.raises(Unreachable):
            asyncio.run(upstream.ask(taken.getsockname()[1], call()))


@pytest.mark.parametrize(
    ("given", "line", "length"),
    [
        (call(), b"POST /score HTTP/1.1", b"Content-Length: 2"),
        (
            call(body=b"", query="v=1"),
            b"POST /score?v=1 HTTP/1.1",
            b"Content-Length: 0",
        ),
        (call("GET", b""), b"GET /score HTTP/1.1", None),
    ],
)
def test_a_request_is_sent_as_http(given, line, length):
    async def heard():
        async with answering(ANSWER, read_bytes=1 << 16) as (port, requests):
            await upstream.ask(port, given)
            return requests[0]

    head, _, body = asyncio.run(heard()).partition(b"\r\n\r\n")

    first, *headers = head.split(b"\r\n")
    assert (first, body) == (line, given.body)
    assert "X-Name: gr\u00fcn".encode() in headers
    assert [name for name in headers if b"Length" in name] == (
        [length] if length else []
    )
