"""A real gateway process for tests, and small servers that stand in for instances."""

import asyncio
import http.client
import json
import os
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from aiohttp import web

DEADLINE_SECONDS = 10
KEY = "the-primary-key"
PROJECT = Path(__file__).parents[2]


def wait_until(true, what="it"):
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not (value := true()):
        assert time.monotonic() < deadline, f"{what} did not happen in time"
        time.sleep(0.005)
    return value


@dataclass
class Received:
    method: str
    path: str
    headers: dict
    body: bytes


class Stub:
    """An HTTP server in a thread; answers `reply`, once `gate` is open."""

    def __init__(self):
        self.received, self.reply = (
            [],
            (200, {"Content-Type": "application/json"}, b"[0]"),
        )
        self.gate = threading.Event()
        self.gate.set()
        self.left = 0  # requests whose caller went away before the answer
        self._loop = asyncio.new_event_loop()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._started.wait(DEADLINE_SECONDS)

    def close(self):
        self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join(DEADLINE_SECONDS)

    def _run(self):
        with asyncio.Runner(loop_factory=lambda: self._loop) as runner:
            runner.run(self._serve())

    async def _serve(self):
        self._stop = asyncio.Event()
        server = web.Server(
            self._answer,
            request_factory=partial(
                web.BaseRequest, loop=self._loop, client_max_size=1 << 30
            ),
            handler_cancellation=True,
            auto_decompress=False,
            access_log=None,
        )
        runner = web.ServerRunner(server, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.port = site.port
        self._started.set()
        await self._stop.wait()
        await runner.cleanup()

    async def _answer(self, request):
        body = await request.read()
        headers = {name.lower(): value for name, value in request.headers.items()}
        self.received.append(Received(request.method, request.raw_path, headers, body))
        try:
            while not self.gate.is_set():
                await asyncio.sleep(0.002)
        except asyncio.CancelledError:
            self.left += 1
            raise
        status, headers, body = self.reply
        if status == 0:  # die with the request in hand
            request.transport.abort()
            return web.Response()
        return web.Response(status=status, headers=headers, body=body)


@contextmanager
def standing_in():
    stub = Stub()
    try:
        yield stub
    finally:
        stub.gate.set()
        stub.close()


@dataclass
class Reply:
    status: int
    headers: dict
    body: bytes

    @property
    def json(self):
        return json.loads(self.body)


@dataclass
class Gateway:
    folder: Path
    process: subprocess.Popen
    port: int
    admin_token: str
    version: int = 0
    endpoints: dict = field(default_factory=dict)

    def publish(self, **endpoints):
        """Publish a table, as the control plane does, and wait until it is in force."""
        self.version += 1
        self.endpoints = endpoints
        self.write(json.dumps({"version": self.version, "endpoints": endpoints}))
        wait_until(lambda: self.admin()["version"] == self.version, "the new table")

    def write(self, text):
        draft = self.folder / "draft"
        draft.write_text(text)
        os.replace(draft, self.folder / "routes.json")

    def ask(self, path="/iris/score", body=b"{}", method="POST", key=KEY, **headers):
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        if key:
            named["Authorization"] = f"Bearer {key}"
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        try:
            connection.request(method, path, body, named)
            response = connection.getresponse()
            got = {name.lower(): value for name, value in response.getheaders()}
            return Reply(response.status, got, response.read())
        finally:
            connection.close()

    def serve(self, *ports, traffic=None, **changes):
        """Publish one endpoint with one deployment, blue."""
        blue = {"blue": deployment(*ports, **changes)}
        self.publish(iris=endpoint(traffic, deployments=blue))

    def begin_log(self):
        (self.folder / "traffic.jsonl").write_bytes(b"")

    def admin(self):
        return self.ask("/-/gateway", None, "GET", key=self.admin_token).json

    def rows(self, count):
        """The rows of the access log, once there are `count`."""
        file = self.folder / "traffic.jsonl"
        wait_until(lambda: file.read_bytes().count(b"\n") >= count, f"row {count}")
        return [json.loads(line) for line in file.read_text().splitlines()]


@contextmanager
def running(state, *options):
    command = [sys.executable, "-m", "ops.localcloud.gateway", "--state", state]
    with (state / "gateway.log").open("w") as log:
        process = subprocess.Popen([*command, *options], cwd=PROJECT, stderr=log)
    try:
        file = state / "gateway" / "gateway.json"
        wait_until(lambda: process.poll() is not None or file.exists(), "gateway.json")
        facts = json.loads(file.read_text())
        yield Gateway(file.parent, process, facts["port"], facts["admin_token"])
    finally:
        process.kill()
        process.wait(DEADLINE_SECONDS)


def endpoint(traffic=None, **changes):
    return {
        "auth_mode": "Key",
        "credentials": [KEY, "the-secondary-key"],
        "token_secret": "5a" * 32,
        "traffic": {"blue": 100} if traffic is None else traffic,
        "mirror": {},
        "log": {
            "_ResourceId": "/subscriptions/s/endpoints/iris",
            "_SubscriptionId": "s",
            "AzureMLWorkspaceId": "w",
            "AzureMLWorkspaceName": "shop",
            "Location": "local",
        },
        "deployments": {},
        **changes,
    }


def deployment(*ports, name="blue", **changes):
    return {
        "max_concurrent": 50,
        "request_timeout_ms": 5000,
        "instance_count": len(ports) or 1,
        "instances": [{"id": f"{name}-{port}", "port": port} for port in ports],
        **changes,
    }
