"""How fast lines become rows that can be queried, while they are queried.

    python -m benchmarks.ingest [--seconds 10] [--rate 20000]

A writer appends console lines and access-log rows, half of each, to the files of a real
control plane, which is asked questions all the while. Told are the rows a second that
were taken in, how late the last ones were, what the questions took, and how much memory
the control plane held at its most.
"""

import argparse
import http.client
import json
import ssl
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from datetime import UTC, datetime
from pathlib import Path

import psutil

from ops.localcloud.console import console_log
from ops.localcloud.instances import Launch
from ops.localcloud.records import Instance
from ops.localcloud.state import State

NO_LAUNCH = Launch(
    environment="", code="", script="", model=None, variables={}, probes={}
)
PIECE = 0.05  # seconds between two appends of the writer
QUESTION = """
AmlOnlineEndpointTrafficLog
| where TimeGenerated > ago(1h)
| summarize requests=count(), p95=percentile(TotalDurationMs, 95)
    by bin(TimeGenerated, 1m), DeploymentName
"""
COUNT = """
union AmlOnlineEndpointTrafficLog, AmlOnlineEndpointConsoleLog | summarize count()
"""


class Client:
    """Plain HTTPS to a control plane, with its own token."""

    def __init__(self, directory: Path) -> None:
        self.facts = json.loads((directory / "localcloud.json").read_text())
        self.token = (directory / "token").read_text()
        self.context = ssl.create_default_context(cafile=directory / "ca.pem")

    def ask(self, method: str, path: str, body: object) -> dict:
        connection = http.client.HTTPSConnection(
            "127.0.0.1", self.facts["port"], context=self.context, timeout=120
        )
        headers = {"Authorization": f"Bearer {self.token}"}
        connection.request(method, path, json.dumps(body), headers)
        answer = connection.getresponse()
        content = answer.read()
        connection.close()
        assert answer.status in (200, 201), content
        return json.loads(content)

    def query(self, text: str) -> list:
        path = f"/v1/workspaces/{self.facts['log_customer_id']}/query"
        return self.ask("POST", path, {"query": text})["tables"][0]["rows"]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--rate", type=int, default=20_000, help="lines a second")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        directory = Path(folder) / "state"
        command = [sys.executable, "-m", "ops.localcloud"]
        state = ["--state", str(directory)]
        server = subprocess.Popen(
            [*command, "serve", *state], stderr=subprocess.DEVNULL
        )
        try:
            wait_for(directory / "localcloud.json")
            measure(directory, server.pid, arguments.seconds, arguments.rate)
        finally:
            subprocess.run([*command, "down", *state], check=True, capture_output=True)
            server.wait()


def measure(directory: Path, pid: int, seconds: float, rate: int) -> None:
    client = Client(directory)
    endpoint = prepared(client, directory)
    client.query(QUESTION)  # the first one loads the engine
    over, times, memory = threading.Event(), [], []
    threads = [
        threading.Thread(target=question, args=(client, over, times)),
        threading.Thread(target=watch, args=(pid, over, memory)),
    ]
    for thread in threads:
        thread.start()
    began = time.monotonic()
    written = write(directory, endpoint, seconds, rate)
    stopped = time.monotonic()
    while client.query(COUNT)[0][0] < written:
        time.sleep(0.02)
    late = time.monotonic() - stopped
    over.set()
    for thread in threads:
        thread.join()
    taken = written / (time.monotonic() - began)
    size = (directory / "logs.duckdb").stat().st_size
    size += (directory / "logs.duckdb.wal").stat().st_size
    print("| what | measured |\n|---|---|")
    print(f"| lines written a second | {written / (stopped - began):,.0f} |")
    print(f"| rows taken in a second, while queried | {taken:,.0f} |")
    print(f"| lost or doubled | {client.query(COUNT)[0][0] - written} |")
    print(f"| the last row could be queried after | {late:.2f} s |")
    print(f"| a question meanwhile, p50 | {statistics.median(times) * 1000:.0f} ms |")
    print(f"| a question meanwhile, at most | {max(times) * 1000:.0f} ms |")
    print(f"| the control plane's memory, at most | {max(memory) / 1e6:.0f} MB |")
    print(f"| bytes a row on the disk | {size / written:.0f} |")


def prepared(client: Client, directory: Path) -> str:
    """An endpoint whose logs flow, and the record of an instance that prints."""
    facts = client.facts
    endpoint = (
        f"/subscriptions/{facts['subscription_id']}/resourceGroups"
        f"/{facts['resource_group']}/providers/Microsoft.MachineLearningServices"
        f"/workspaces/{facts['workspace_name']}/onlineEndpoints/bench"
    )
    body = {"location": "local", "properties": {"authMode": "Key"}}
    client.ask("PUT", endpoint, body)
    logs = [{"categoryGroup": "allLogs", "enabled": True}]
    setting = {"workspaceId": facts["log_workspace_id"], "logs": logs}
    path = f"{endpoint}/providers/Microsoft.Insights/diagnosticSettings/all"
    client.ask("PUT", path, {"properties": setting})
    instance = Instance(
        id="blue-1",
        deployment=f"{endpoint}/deployments/blue".lower(),
        fingerprint="",
        state="Stopped",
        pid=1,
        detail={"launch": vars(NO_LAUNCH)},
        started=datetime.now(UTC),
    )
    console_log(directory, instance.id).parent.mkdir(parents=True)
    state = State(directory / "state.db")
    state.save_instance(instance)
    state.close()
    return endpoint


def write(directory: Path, endpoint: str, seconds: float, rate: int) -> int:
    """Append lines at a rate, half to the console, half to the access log."""
    console = console_log(directory, "blue-1").open("ab", buffering=0)
    traffic = (directory / "gateway" / "traffic.jsonl").open("ab", buffering=0)
    row = json.dumps(
        {
            "TimeGenerated": "%TIME",
            "_ResourceId": endpoint,
            "Method": "POST",
            "EndpointName": "bench",
            "DeploymentName": "blue",
            "Path": "/score",
            "ResponseCode": 200,
            "ModelStatusCode": 200,
            "TotalDurationMs": 12,
            "UserAgent": "python-requests/2.34",
            "XRequestId": "%ID",
        }
    )
    written, began = 0, time.monotonic()
    with console, traffic:
        while (elapsed := time.monotonic() - began) < seconds:
            wanted = (int(elapsed * rate) - written) // 2
            now = datetime.now(UTC)
            at = now.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
            stamp = now.strftime("%Y-%m-%d %H:%M:%S,%f")[:-3]
            numbers = range(written, written + wanted)
            made = row.replace("%TIME", at)
            text = "".join(f"{made.replace('%ID', f'{n:032x}')}\n" for n in numbers)
            traffic.write(text.encode())
            said = (f"{stamp} I [70] score - {n} 12 ms\n" for n in numbers)
            console.write("".join(said).encode())
            written += 2 * wanted
            time.sleep(PIECE)
    return written


def question(client: Client, over: threading.Event, times: list[float]) -> None:
    while not over.wait(0.1):
        began = time.monotonic()
        client.query(QUESTION)
        times.append(time.monotonic() - began)


def watch(pid: int, over: threading.Event, memory: list[int]) -> None:
    process = psutil.Process(pid)
    while not over.wait(0.05):
        memory.append(process.memory_info().rss)


def wait_for(file: Path) -> None:
    deadline = time.monotonic() + 30
    while not file.exists():
        assert time.monotonic() < deadline, f"{file} did not come to be"
        time.sleep(0.02)


if __name__ == "__main__":
    main()
