"""The gateway's life: it listens, follows the table, and finishes what it began."""

import asyncio
import json
import os
import random
import secrets
import signal
import socket
from collections.abc import Iterator, Set
from contextlib import contextmanager, suppress
from pathlib import Path

from ops.localcloud import descriptors
from ops.localcloud.clock import Clock
from ops.localcloud.gateway.accesslog import AccessLog
from ops.localcloud.gateway.connection import Connection
from ops.localcloud.gateway.forward import Forwarder
from ops.localcloud.gateway.inflight import Load
from ops.localcloud.gateway.proxy import Gateway
from ops.localcloud.gateway.scoring import Scoring
from ops.localcloud.gateway.table import Follower

BACKLOG = 1024
GRACE_SECONDS = 30.0  # for what is in flight at SIGTERM; gunicorn's own limit too
TABLE_PERIOD_SECONDS = 0.05
FLUSH_SECONDS = 1.0  # for callers to read the last answers
ACCEPT_SECONDS = 0.05  # for what was just accepted to become a connection


async def serve(folder: Path, listener: socket.socket) -> None:
    """Accept until SIGTERM or SIGINT, then finish what is in flight.

    `folder` holds routes.json and gets gateway.json and traffic.jsonl.
    """
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.Shortage())
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    follower, admin_token = Follower(folder / "routes.json"), secrets.token_urlsafe(32)
    with _gateway(folder, follower, admin_token) as gateway:
        connections = set[asyncio.Transport]()
        server = await loop.create_server(
            lambda: Connection(gateway, connections), sock=listener, backlog=BACKLOG
        )
        try:
            taken = listener.getsockname()[1]
            _announce(folder / "gateway.json", taken, admin_token)
            await _follow(follower, stop)
            await _stop_accepting(listener)
            server.close()
            await gateway.drain(GRACE_SECONDS)
            await _first_heads(connections)
            await gateway.drain(GRACE_SECONDS)
            await _hang_up(connections)
        finally:
            server.close()
            _withdraw(folder / "gateway.json")


async def _first_heads(connections: Set[asyncio.Transport]) -> None:
    """Wait a moment for the requests of callers who have only just connected."""
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            while any(each.get_protocol().fresh for each in connections):  # type: ignore[attr-defined]
                await asyncio.sleep(0.01)


async def _hang_up(connections: Set[asyncio.Transport]) -> None:
    """Close what is left, once what was written to it has gone out."""
    for connection in list(connections):
        connection.close()
    with suppress(TimeoutError):
        async with asyncio.timeout(FLUSH_SECONDS):
            while connections:
                await asyncio.sleep(0.01)


async def _stop_accepting(listener: socket.socket) -> None:
    """Accept nothing more, and let what was just accepted become a connection.

    Without this asyncio (3.11) drops a connection that it accepts in the turn of its
    loop in which the server is closed: neither served nor closed, it hangs. What it
    accepted becomes a connection only some turns later, so that a single turn of the
    loop is too short.
    """
    asyncio.get_running_loop().remove_reader(listener)
    await asyncio.sleep(ACCEPT_SECONDS)


@contextmanager
def _gateway(folder: Path, follower: Follower, admin_token: str) -> Iterator[Gateway]:
    load, draws = Load(), random.Random()
    clock = Clock(folder.parent)
    access_log = AccessLog(folder / "traffic.jsonl", now=clock.now)
    try:
        forwarder = Forwarder(load, draws)
        yield Gateway(
            follower=follower,
            scoring=Scoring(
                forwarder=forwarder,
                access_log=access_log,
                draws=draws,
                now=clock.now,
            ),
            load=load,
            admin_token=admin_token,
        )
    finally:
        access_log.close()


async def _follow(follower: Follower, stop: asyncio.Event) -> None:
    """Keep the table current when no request comes to do so, until told to stop."""
    while not stop.is_set():
        follower.current()
        try:
            async with asyncio.timeout(TABLE_PERIOD_SECONDS):
                await stop.wait()
        except TimeoutError:
            continue


def _announce(file: Path, port: int, admin_token: str) -> None:
    """Say where we listen, in a file that is complete or absent and ours alone."""
    facts = {"pid": os.getpid(), "port": port, "admin_token": admin_token}
    draft = file.with_suffix(f".{os.getpid()}")
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with open(descriptor, "w") as stream:
        json.dump(facts, stream)
    os.replace(draft, file)


def _withdraw(file: Path) -> None:
    """Remove the announcement, unless it is another gateway's."""
    try:
        if json.loads(file.read_text())["pid"] == os.getpid():
            file.unlink()
    except FileNotFoundError:
        return
