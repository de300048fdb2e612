"""localcloud's control plane: what it answers, and its life from start to stop."""

import asyncio
import logging
import os
import secrets
import signal
import socket
import sqlite3
import ssl
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from aiohttp import web

from ops.localcloud import descriptors, identity
from ops.localcloud.blobstore import BlobStore
from ops.localcloud.damage import STATE
from ops.localcloud.database import Unreadable
from ops.localcloud.directory import Unusable
from ops.localcloud.dispatch import Dispatcher
from ops.localcloud.engines import Engines
from ops.localcloud.faults import Faults
from ops.localcloud.keeper import Files, Keeper, abandon
from ops.localcloud.lock import Lock
from ops.localcloud.logstore import LogStore
from ops.localcloud.retention import bounds
from ops.localcloud.services import machinelearning
from ops.localcloud.state import State
from ops.localcloud.surface import ROUTES
from ops.localcloud.wire import Cloud, customer_id, new_guid, to_json

log = logging.getLogger(__name__)

PLACE = {
    "subscription_id": "10ca1c10-0000-4000-8000-000000000000",
    "resource_group": "rg-local",
    "workspace_name": "ws-local",
    "location": "local",
}
RECOVERY_SECONDS = 10.0
LOOPS = 16  # threads for the steps of loops, so that none waits for another's
GOODBYE_SECONDS = 2.0  # how long requests in hand may take once the server stops
BACKLOG = 1024  # callers that may wait to be accepted
IDLE_SECONDS = 30.0  # for a request's head, from the last answer or the connection


async def serve(directory: Path, port: int | None, lock: Lock) -> None:
    """Serve until SIGTERM or SIGINT. The gateway and all instances outlive it.

    Raises Unusable or OSError where the port is taken or the directory can't be
    written to.
    """
    try:
        bounds()
    except ValueError as problem:
        raise Unusable(str(problem)) from None
    files = Files()
    listener = _listen(directory, port, files)
    url = f"https://127.0.0.1:{listener.getsockname()[1]}"
    state = State(directory / STATE)
    life = Life()
    keeper = Keeper(directory, state, files, lock, life.leave)
    workspace_id = _workspace_id(state)
    store = LogStore(
        directory / "logs.duckdb", customer_id(workspace_id), state.clock.now
    )
    try:
        blobs = BlobStore(directory / "blobs", state)
        token = identity.token(directory)
        engines = Engines(state, blobs, directory, store, keeper)
        starting = asyncio.create_task(asyncio.to_thread(engines.start))
        context = identity.server_context(directory)
        for name in identity.FILES:
            files.hold(directory / name)
        cloud = _cloud(state, blobs, engines, url, store, workspace_id)
        machinelearning.furnish(cloud)
        dispatcher = Dispatcher(cloud, token, ROUTES)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", dispatcher.handle)
        runner = server(app)
        await runner.setup()
        await starting
        listening = await listen(runner, listener, context)
        try:
            await _run(directory, cloud, engines, keeper, life)
        finally:
            listening.close()
            await runner.cleanup()
            dispatcher.close()
    finally:
        store.close()
        with suppress(sqlite3.Error):  # it may be what we leave for
            state.close()
    if isinstance(life.reason, Unreadable):
        abandon(directory, life.reason)
    if life.reason:
        raise Unusable(str(life.reason))


def server(app: web.Application, idle_seconds: float = IDLE_SECONDS) -> web.AppRunner:
    """What serves an application, and hangs up on who sends no complete request head.

    aiohttp has one time for that and for a connection between two requests.
    """
    return web.AppRunner(
        app,
        access_log=None,
        shutdown_timeout=GOODBYE_SECONDS,
        handle_signals=False,
        keepalive_timeout=idle_seconds,
    )


async def listen(
    runner: web.AppRunner,
    listener: socket.socket,
    context: ssl.SSLContext,
    idle_seconds: float = IDLE_SECONDS,
) -> asyncio.Server:
    """Accept callers; hang up on who doesn't even begin to speak TLS.

    aiohttp's own sites leave them asyncio's minute.
    """
    assert runner.server
    return await asyncio.get_running_loop().create_server(
        runner.server,
        sock=listener,
        ssl=context,
        ssl_handshake_timeout=idle_seconds,
        backlog=BACKLOG,
    )


async def _recovery(engines: Engines, stop: asyncio.Event) -> None:
    """Let what served before serve again, so that the first request finds it.

    One that doesn't come back holds up nobody for long: its events say why.
    """
    loop = asyncio.get_running_loop()
    deadline = loop.time() + RECOVERY_SECONDS
    while not (engines.recovered() or stop.is_set() or loop.time() > deadline):
        await asyncio.sleep(0.05)


class Life:
    """Until when the control plane serves, and why not longer."""

    def __init__(self) -> None:
        self.stop = asyncio.Event()
        self.reason: Exception | None = None
        self._loop = asyncio.get_running_loop()

    def leave(self, reason: Exception) -> None:
        """Have it end by itself. From any thread."""
        self.reason = reason
        self._loop.call_soon_threadsafe(self.stop.set)


async def _run(
    directory: Path,
    cloud: Cloud,
    engines: Engines,
    keeper: Keeper,
    life: Life,
) -> None:
    """Tell the world where we serve, and work until a signal ends it."""
    stop = life.stop
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(descriptors.Shortage())
    loop.set_default_executor(ThreadPoolExecutor(LOOPS, "loop"))
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    working = asyncio.create_task(engines.run(stop))
    await _recovery(engines, stop)
    announcement = directory / "localcloud.json"
    keeper.files.write(announcement, to_json(_facts(cloud)))
    log.info("serving at %s (pid %s)", cloud.url, os.getpid())
    try:
        await stop.wait()
    finally:
        keeper.files.remove(announcement)
        stop.set()
        engines.ring()
        await working
        await asyncio.to_thread(keeper.copy)
        log.info("stopped; the gateway and the instances go on")


def _workspace_id(state: State) -> str:
    known = state.of_type("workspaces")
    return str(known[0].properties["workspaceId"]) if known else new_guid()


def _cloud(
    state: State,
    blobs: BlobStore,
    engines: Engines,
    url: str,
    store: LogStore,
    workspace_id: str,
) -> Cloud:
    key = state.secret("storage", "key")
    if key is None:
        key = secrets.token_hex(32)
        state.set_secret("storage", "key", key)
    return Cloud(
        state=state,
        blobs=blobs,
        **PLACE,
        workspace_id=workspace_id,
        url=url,
        sas_key=key,
        ring=engines.ring,
        gateway_url=lambda: engines.gateway_url,
        logs=engines.logs,
        store=store,
        faults=Faults(state),
    )


def _facts(cloud: Cloud) -> dict[str, object]:
    return {
        "pid": os.getpid(),
        "port": int(cloud.url.rsplit(":", 1)[1]),
        "url": cloud.url,
        "gateway_url": cloud.gateway_url(),
        **PLACE,
        "workspace_id": cloud.workspace_id,
        "log_workspace_id": cloud.log_workspace,
        "log_customer_id": cloud.log_customer_id,
    }


def _listen(directory: Path, port: int | None, files: Files) -> socket.socket:
    """A socket at this port; without one at the last run's, or at any that is free."""
    remembered = directory / "port"
    wanted = [port] if port is not None else [_number(remembered), 0]
    for number in wanted:
        listener = descriptors.Listener()
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", number))
        except OSError as error:
            listener.close()
            if number == wanted[-1]:
                message = f"port {number} can't be used: {error.strerror}"
                raise Unusable(message) from None
        else:
            files.write(remembered, str(listener.getsockname()[1]).encode())
            return listener
    raise AssertionError("the loop above returns or raises")


def _number(file: Path) -> int:
    """The port that a file holds; 0, any that is free, where it holds none."""
    try:
        number = int(file.read_bytes())
    except (FileNotFoundError, ValueError):
        return 0
    return number if number in range(1 << 16) else 0
