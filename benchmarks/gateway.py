"""What the gateway costs: the same instance asked directly and through the gateway.

    python -m benchmarks.gateway [--seconds 2] [--rounds 5] [--work-ms 5]
        [--script scoring/score.py --model model/iris/1] [--stub]

The instance is started as localcloud starts it. Without a script it runs one that does
nothing, which shows the gateway at its dearest. Direct and gateway take turns in one
run, for only their ratio means something on a machine that does other things too. With
--stub a stub is in the instance's place, which shows what the gateway alone can do.

A direct caller opens a connection for each request, since the inference server closes
it with each answer; a caller of the gateway keeps its own.
"""

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from ops.localcloud import conda, environments, instances

KEY = "benchmark"
BODY = b'{"data": [[5.1, 3.5, 1.4, 0.2]]}'
WORKING = """
import time

def init():
    pass

def run(data):
    until = time.thread_time() + WORK_SECONDS
    while time.thread_time() < until:
        pass
    return [0]
"""
CONNECTIONS = (1, 8, 32)
PROJECT = Path(__file__).parents[1]
SELF = (sys.executable, "-m", "benchmarks.gateway")


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Requests a second, and latencies in milliseconds."""

    rate: float
    p50: float
    p99: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--script", type=Path, help="a scoring script, and its")
    parser.add_argument("--model", type=Path, default=Path(), help="model directory")
    parser.add_argument("--work-ms", type=float, default=0, help="CPU time a request")
    parser.add_argument("--stub", action="store_true", help="no instance, but a stub")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--rounds", type=int, default=5)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        state = Path(folder)
        with (
            stub() if options.stub else instance(options, state) as behind,
            gateway(state, behind) as port,
        ):
            alone(options, port) if options.stub else compare(options, behind, port)


def compare(options: argparse.Namespace, behind: int, port: int) -> None:
    direct, through = f"127.0.0.1:{behind}/score", f"127.0.0.1:{port}/bench/score"
    print(
        "| connections | direct req/s (p50 / p99 ms) | gateway | throughput | goal "
        "| p50 | goal |"
    )
    print("|---|---|---|---|---|---|---|")
    for connections in CONNECTIONS:
        pairs = [
            [measure(url, connections, options.seconds) for url in (direct, through)]
            for _ in range(options.rounds)
        ]
        before, after = middle([p[0] for p in pairs]), middle([p[1] for p in pairs])
        # Of neighbouring turns, so that what else the machine does cancels out.
        ratio = statistics.median(b.rate / a.rate for a, b in pairs)
        added = statistics.median(b.p50 - a.p50 for a, b in pairs)
        print(
            f"| {connections} | {text(before)} | {text(after)} | {ratio:.1%} | 95% "
            f"| {added:+.2f} ms | +1 ms |",
            flush=True,
        )


def alone(options: argparse.Namespace, port: int) -> None:
    print("| connections | gateway req/s (p50 / p99 ms) | goal |\n|---|---|---|")
    for connections in CONNECTIONS:
        url = f"127.0.0.1:{port}/bench/score"
        turns = [
            measure(url, connections, options.seconds) for _ in range(options.rounds)
        ]
        print(f"| {connections} | {text(middle(turns))} | 1,500 |", flush=True)


def middle(turns: list[Measure]) -> Measure:
    def median(name: str) -> float:
        return statistics.median(getattr(turn, name) for turn in turns)

    return Measure(rate=median("rate"), p50=median("p50"), p99=median("p99"))


def text(measured: Measure) -> str:
    return f"{measured.rate:,.0f} ({measured.p50:.2f} / {measured.p99:.2f})"


def measure(url: str, connections: int, seconds: float) -> Measure:
    """Ask from a process of its own, for its work must not count as the gateway's."""
    command = [*SELF, "--load", url, str(connections), str(seconds)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, cwd=PROJECT)
    return Measure(**json.loads(done.stdout))


async def load(url: str, connections: int, seconds: float) -> None:
    """Ask over and over on each connection; any answer but 200 ends the run."""
    address, _, path = url.partition("/")
    host, _, port = address.partition(":")
    head = (
        f"POST /{path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Bearer {KEY}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(BODY)}\r\n\r\n"
    )
    request, latencies = head.encode() + BODY, list[float]()
    begin = time.perf_counter()
    until = begin + seconds

    async def caller() -> None:
        streams = None
        while (started := time.perf_counter()) < until:
            reader, writer = streams or await asyncio.open_connection(host, int(port))
            writer.write(request)
            streams = (reader, writer) if await answered(reader) else None
            if streams is None:
                writer.close()
            latencies.append((time.perf_counter() - started) * 1000)

    await asyncio.gather(*(caller() for _ in range(connections)))
    took = time.perf_counter() - begin
    cuts = statistics.quantiles(latencies, n=100)
    facts = {"rate": len(latencies) / took, "p50": cuts[49], "p99": cuts[98]}
    print(json.dumps(facts))


async def answered(reader: asyncio.StreamReader) -> bool:
    """Read one answer; tell whether the connection may be used again."""
    head = (await reader.readuntil(b"\r\n\r\n")).lower()
    if b" 200 " not in head[:20]:
        sys.exit(f"not a 200: {head[:200]!r}")
    length = int(head.split(b"content-length:", 1)[1].split(b"\r\n", 1)[0])
    await reader.readexactly(length)
    return b"connection: close" not in head


async def serve_stub(port: int) -> None:
    """Answer whatever comes in one packet, as the inference server does: and close."""

    class Answer(asyncio.Protocol):
        def connection_made(self, transport: asyncio.BaseTransport) -> None:
            self.transport = transport
            self.got = b""

        def data_received(self, data: bytes) -> None:
            self.got += data
            if self.got.endswith(BODY):
                head = (
                    b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 3\r\n\r\n"
                )
                self.transport.write(head + b"[0]")  # type: ignore[attr-defined]
                self.transport.close()

    loop = asyncio.get_running_loop()
    server = await loop.create_server(Answer, "127.0.0.1", port, backlog=1024)
    await server.serve_forever()


@contextmanager
def process(command: list[str], log: Path, **options: object) -> Iterator[None]:
    with log.open("w") as stream:
        started = subprocess.Popen(command, stdout=stream, stderr=stream, **options)  # type: ignore[call-overload]
    try:
        yield
    finally:
        started.terminate()
        started.wait()


@contextmanager
def instance(options: argparse.Namespace, state: Path) -> Iterator[int]:
    """A real inference server; yields its port."""
    script = options.script.read_text() if options.script else WORKING
    script = script.replace("WORK_SECONDS", str(options.work_ms / 1000))
    (state / "score.py").write_text(script)
    launch = instances.Launch(
        environment=str(scoring_environment()),
        code=str(state),
        script=str(state / "score.py"),
        model=str(options.model.absolute()),
        variables={"ORT_DISABLE_TELEMETRY": "1"},
        probes={},
    )
    with instances.listen() as listener:
        begun = instances.about_to_start(
            instances.new_instance("/blue", launch, ""), listener, state, now()
        )
        started = instances.start(begun, listener, state)
    try:
        port = begun.port or 0
        while not answers(port):
            time.sleep(0.1)
        yield port
    finally:
        started.terminate()
        started.wait()


def scoring_environment() -> Path:
    """The example's own, built as a deploy builds it."""
    wish = conda.wish((PROJECT / "specs/iris/conda.yaml").read_text())
    cache = environments.cache_directory()
    return environments.build(wish, cache, lambda line: None, threading.Event(), {})


def answers(port: int) -> bool:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=5):
            return True
    except OSError:
        return False


def now() -> datetime:
    return datetime.now(UTC)


@contextmanager
def stub() -> Iterator[int]:
    port = free_port()
    with process([*SELF, "--stub", str(port)], Path(os.devnull), cwd=PROJECT):
        wait_for(port)
        yield port


@contextmanager
def gateway(state: Path, behind: int) -> Iterator[int]:
    """A gateway whose one endpoint, `bench`, has the port behind it; yields its own."""
    folder = state / "gateway"
    folder.mkdir()
    table = {"version": 1, "endpoints": {"bench": endpoint(behind)}}
    (folder / "routes.json").write_text(json.dumps(table))
    command = [sys.executable, "-m", "ops.localcloud.gateway", "--state", str(state)]
    with process(command, state / "gateway.log", cwd=PROJECT):
        while not (folder / "gateway.json").exists():
            time.sleep(0.01)
        yield json.loads((folder / "gateway.json").read_text())["port"]


def endpoint(port: int) -> dict[str, object]:
    return {
        "auth_mode": "Key",
        "credentials": ["another", KEY],
        "token_secret": "",
        "traffic": {"blue": 100},
        "mirror": {},
        "log": {
            "_ResourceId": "/subscriptions/s/resourceGroups/g/endpoints/e",
            "_SubscriptionId": "00000000-0000-0000-0000-000000000000",
            "AzureMLWorkspaceId": "00000000-0000-0000-0000-000000000000",
            "AzureMLWorkspaceName": "w",
            "Location": "local",
        },
        "deployments": {
            "blue": {
                "max_concurrent": max(CONNECTIONS),
                "request_timeout_ms": 60_000,
                "instance_count": 1,
                "instances": [{"id": "blue-1", "port": port}],
            }
        },
    }


def free_port() -> int:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return int(taken.getsockname()[1])


def wait_for(port: int, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while True:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        if time.monotonic() > deadline:
            sys.exit(f"nothing listens on port {port}")
        time.sleep(0.05)


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--load", url, connections, seconds]:
            asyncio.run(load(url, int(connections), float(seconds)))
        case ["--stub", port]:
            asyncio.run(serve_stub(int(port)))
        case _:
            main()
