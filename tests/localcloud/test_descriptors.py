"""More connections than there are descriptors: who waits, and what the log says."""

import asyncio
import errno
import os
import resource
import socket
from contextlib import ExitStack

import pytest
from gateway_rig import running, wait_until

from ops.localcloud.descriptors import Shortage

HARD = 128
WAITS = "new connections wait"


@pytest.fixture
def cramped_gateway(tmp_path):
    """A gateway that may have few descriptors, with twice as many callers."""
    with running(tmp_path) as gateway:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (HARD, HARD))
        yield gateway


def log_of(gateway):
    return (gateway.folder.parent / "gateway.log").read_text()


def test_callers_beyond_the_limit_wait_and_the_log_says_so_once(cramped_gateway):
    with ExitStack() as callers:
        for _ in range(2 * HARD):
            address = ("127.0.0.1", cramped_gateway.port)
            callers.enter_context(socket.create_connection(address))
        wait_until(lambda: WAITS in log_of(cramped_gateway), "the line in the log")

    assert cramped_gateway.ask("/").status == 404
    said = log_of(cramped_gateway)
    assert said.count(WAITS) == len(said.splitlines()) == 1
    assert f"at most {HARD} descriptors" in said


def fail(loop, number):
    error = OSError(number, os.strerror(number))
    loop.call_exception_handler({"message": "accept", "exception": error})


def test_what_follows_the_first_failure_is_counted(caplog):
    async def failures():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(Shortage(period_seconds=0.01))
        for _ in range(1500):
            fail(loop, errno.EMFILE)
        while len(caplog.records) < 2:
            await asyncio.sleep(0.005)

    asyncio.run(asyncio.wait_for(failures(), 10))

    first, second = caplog.messages
    assert first.startswith(f"{WAITS}: Too many open files")
    assert "1,499 more times" in second


def test_a_shortage_that_was_over_is_told_anew(caplog):
    async def failures():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(Shortage(period_seconds=0.01))
        while len(caplog.records) < 2:
            fail(loop, errno.ENFILE)
            await asyncio.sleep(0.1)

    asyncio.run(asyncio.wait_for(failures(), 10))

    assert all(message.startswith(WAITS) for message in caplog.messages)


def test_other_failures_keep_their_traceback(caplog):
    async def failure():
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(Shortage())
        fail(loop, errno.ECONNRESET)

    asyncio.run(failure())

    assert caplog.records[0].name == "asyncio"
    assert caplog.records[0].exc_info
