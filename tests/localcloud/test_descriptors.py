"""More connections than there are descriptors: who waits, and what the log says."""

import asyncio
import errno
import os
import resource
import socket
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from cloud_rig import Cloud
from gateway_rig import running, wait_until

from ops.localcloud.descriptors import Shortage

HARD = 128
WAITS = "new connections wait"


@pytest.fixture
def cramped_gateway(tmp_path):
    """A gateway that may have few descriptors."""
    with running(tmp_path) as gateway:
        resource.prlimit(gateway.process.pid, resource.RLIMIT_NOFILE, (HARD, HARD))
        yield gateway


@contextmanager
def crowd(port):
    """As many callers as there may be descriptors; they send nothing."""
    with ExitStack() as callers:
        for _ in range(HARD):
            callers.enter_context(socket.create_connection(("127.0.0.1", port)))
        yield


def log_of(gateway):
    return (gateway.folder.parent / "gateway.log").read_text()


def test_callers_beyond_the_limit_wait_and_the_log_says_so_once(cramped_gateway):
    with crowd(cramped_gateway.port):
        wait_until(lambda: WAITS in log_of(cramped_gateway), "the line in the log")
        taken = len(list(Path(f"/proc/{cramped_gateway.process.pid}/fd").iterdir()))
        assert taken == HARD // 2

    assert cramped_gateway.ask("/").status == 404
    said = log_of(cramped_gateway)
    assert said.count(WAITS) == len(said.splitlines()) == 1
    assert f"at most {HARD} descriptors" in said


def test_callers_leave_the_control_plane_what_its_own_work_needs(tmp_path):
    cloud = Cloud(tmp_path / "state")
    try:
        cloud.up()
        resource.prlimit(cloud.process.pid, resource.RLIMIT_NOFILE, (HARD, HARD))
        with crowd(cloud.port):
            wait_until(lambda: WAITS in cloud.log.read_text(), "the line in the log")
            (cloud.directory / "token").unlink()  # it opens a file to write it again
            wait_until((cloud.directory / "token").exists, "the token")
        assert cloud.call("GET", "").status == 200
        assert cloud.log.read_text().count("Too many open files") == 1
    finally:
        cloud.down()


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
