"""What the gateway makes of a caller's bytes, however they come."""

import asyncio
import json
import socket
from contextlib import contextmanager, suppress

import pytest
from gateway_rig import KEY

from ops.localcloud.gateway import refusal
from ops.localcloud.gateway.connection import Connection

LIMIT_BYTES = 10 * 1024 * 1024


def request(*fields, body=b"{}", version="1.1", method="POST"):
    length = (
        ()
        if any("Transfer-Encoding" in field for field in fields)
        else (f"Content-Length: {len(body)}",)
    )
    lines = (f"Authorization: Bearer {KEY}", *fields, *length, "", "")
    head = f"{method} /iris/score HTTP/{version}\r\nHost: x\r\n" + "\r\n".join(lines)
    return head.encode() + body


@contextmanager
def connected(gateway):
    address = ("127.0.0.1", gateway.port)
    with (
        socket.create_connection(address, timeout=10) as line,
        line.makefile("rb") as stream,
    ):
        yield line, stream


def answer(stream, body=True):
    """The next answer's status, headers and body; None where the line was closed."""
    first = stream.readline()
    if not first:
        return None
    lines = iter(stream.readline, b"\r\n")
    pairs = (line.decode().strip().split(": ", 1) for line in lines)
    headers = {name.lower(): value for name, value in pairs}
    size = int(headers["content-length"]) if body else 0
    return int(first.split()[1]), headers, stream.read(size)


def test_requests_on_each_others_heels_are_answered_in_turn(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(b"".join(request(body=b"[%d]" % n) for n in range(20)))
        statuses = [answer(stream)[0] for _ in range(20)]

    assert statuses == [200] * 20
    assert [got.body for got in blue.received] == [b"[%d]" % n for n in range(20)]


def test_a_large_body_leaves_its_connection_open(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        for size in (100_000, 200_000):
            line.sendall(request(body=b"x" * size) + request())
            answers = [answer(stream) for _ in range(2)]
            assert [status for status, _, _ in answers] == [200, 200]
            assert not any("connection" in headers for _, headers, _ in answers)


def test_a_request_that_comes_byte_by_byte_is_whole(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for byte in request("X-Name:  gr\u00fcn ", body=b"[1, 2]"):
            line.sendall(bytes([byte]))
        assert answer(stream)[0] == 200

    assert blue.received[0].body == b"[1, 2]"
    assert blue.received[0].headers["x-name"] == "gr\u00fcn"


@pytest.mark.parametrize("chunked", [True, False])
def test_a_caller_that_offers_http_2_is_served_in_http_1(gateway, blue, chunked):
    gateway.serve(blue.port)
    offer = ["Connection: Upgrade, HTTP2-Settings", "Upgrade: h2c", "HTTP2-Settings: A"]
    body = b"3\r\n[7]\r\n0\r\n\r\n" if chunked else b"[7]"
    framing = ["Transfer-Encoding: chunked"] if chunked else []
    with connected(gateway) as (line, stream):
        line.sendall(request(*offer, *framing, body=body) + request(body=b"[8]"))
        assert [answer(stream)[0] for _ in range(2)] == [200, 200]

    assert [got.body for got in blue.received] == [b"[7]", b"[8]"]
    assert "upgrade" not in blue.received[0].headers


def test_a_caller_of_http_1_0_keeps_its_connection_only_if_it_asks(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(request("Connection: keep-alive", version="1.0"))
        assert answer(stream)[1]["connection"] == "keep-alive"
        line.sendall(request(version="1.0"))
        assert answer(stream)[1]["connection"] == "close"
        assert answer(stream) is None


def test_an_answer_to_head_has_no_body(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(request(method="HEAD", body=b"") + request())
        assert answer(stream, body=False)[0] == 405
        assert answer(stream)[0] == 200


def test_a_body_that_comes_after_its_answer_is_passed_over(gateway, blue):
    gateway.serve(blue.port)
    refused = request("azureml-model-deployment: pink", body=b"x" * LIMIT_BYTES)
    with connected(gateway) as (line, stream):
        line.sendall(refused[:1000])
        assert answer(stream)[0] == 404
        line.sendall(refused[1000:] + request(body=b"[1]"))
        assert answer(stream)[0] == 200

    assert [got.body for got in blue.received] == [b"[1]"]


def test_a_body_that_breaks_off_into_something_else_is_400(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(request("Transfer-Encoding: chunked", body=b"2\r\n[1"))
        line.sendall(b"no chunk\r\n")
        status, headers, body = answer(stream)
        assert answer(stream) is None

    assert (status, json.loads(body)["error"]["code"]) == (400, "bad_request")
    assert headers["connection"] == "close"
    assert blue.received == []


def test_what_was_whole_before_the_nonsense_is_answered(gateway, blue):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(request() + b"\x00nonsense\r\n\r\n")
        status, headers, _ = answer(stream)
        assert answer(stream) is None

    assert (status, headers["connection"]) == (200, "close")


@pytest.mark.parametrize("piece", [b"A: b\r\n", b"a"])
def test_a_head_without_an_end_is_not_read_for_ever(gateway, piece):
    with connected(gateway) as (line, stream):
        line.sendall(b"POST /iris/score HTTP/1.1\r\nX: ")
        for _ in range(1000):  # one read may take up to 256 KB
            try:
                line.sendall(piece * 1000)
            except ConnectionError:
                return
        assert answer(stream)[0] == 431


async def ask_own(sent, head_seconds=0.2):
    """What a connection with so little patience answers until it hangs up."""

    class Handler:
        closing = False

        async def handle(self, request):
            return refusal.not_found()

    server = await asyncio.get_running_loop().create_server(
        lambda: Connection(Handler(), set(), head_seconds), "127.0.0.1", 0
    )
    async with server:
        port = server.sockets[0].getsockname()[1]
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        found = await asyncio.wait_for(reader.read(), 10)
        writer.close()
    return found


@pytest.mark.parametrize("sent", [b"", b"\r\n\r\n", b"POST /iris HTTP/1.1\r\nA: b\r\n"])
def test_who_sends_no_complete_head_is_hung_up_on(sent):
    said = asyncio.run(ask_own(sent))

    assert said == b"" or said.startswith(b"HTTP/1.1 408 ")


CHUNKED = b"POST /iris/score HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.mark.parametrize(
    "beside",
    [
        b"0\r\n" + b"T: trailer\r\n" * 30_000,  # trailers without an end
        b"0\r\nT: " + b"t" * 300_000,  # a trailer without an end
        b"1;e=" + b"x" * 300_000,  # an extension without an end
        b"1;e=" + (b"x" * 200 + b"\r\na\r\n1;e=") * 2_000,  # many short ones
    ],
    ids=["trailers", "trailer", "extension", "extensions"],
)
def test_what_comes_beside_a_body_has_a_limit_before_any_key_is_looked_at(
    gateway, blue, beside
):
    gateway.serve(blue.port)
    with connected(gateway) as (line, stream):
        line.sendall(CHUNKED)
        try:
            line.sendall(beside)
        except ConnectionError:
            return
        assert stream.readline().startswith(b"HTTP/1.1 4")
        with suppress(ConnectionError):
            stream.read()  # it is hung up on, and not read for ever


def test_requests_that_offer_http_2_on_each_others_heels_break_nothing(gateway, blue):
    gateway.serve(blue.port)
    one = (
        b"GET /nowhere HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
        b"Upgrade: h2c\r\n\r\n"
    )
    with connected(gateway) as (line, stream):
        line.sendall(one * 2500)
        assert stream.read(12).startswith(b"HTTP/1.1 404")

    assert gateway.ask().status == 200
