"""The logs of a control plane that dies, and what they cost its start."""

import signal
import time
from datetime import UTC, datetime
from threading import Thread

import psutil
from cloud_rig import Cloud, until

from ops.localcloud.console import console_log
from ops.localcloud.instances import Launch
from ops.localcloud.records import Instance
from ops.localcloud.state import State

CONSOLE = "AmlOnlineEndpointConsoleLog"
LAUNCH = Launch(environment="", code="", script="", model=None, variables={}, probes={})
MILLION = "range x from 1 to 1000000 step 1 | extend all=1"
ENDLESS = f"{MILLION} | join kind=inner ({MILLION}) on all | summarize max(x*x1)"
PUT = {"location": "local", "properties": {"authMode": "Key"}}


def watched(cloud):
    """An endpoint whose logs flow, and the console of an instance that we write."""
    cloud.settled(cloud.call("PUT", "onlineEndpoints/iris", PUT))
    properties = {
        "workspaceId": cloud.facts["log_workspace_id"],
        "logs": [{"categoryGroup": "allLogs", "enabled": True}],
    }
    path = "onlineEndpoints/iris/providers/Microsoft.Insights/diagnosticSettings/all"
    assert cloud.call("PUT", path, {"properties": properties}).status == 200
    instance = Instance(
        id="blue-1",
        deployment=f"{cloud.workspace}/onlineEndpoints/iris/deployments/blue".lower(),
        fingerprint="",
        state="Stopped",  # nobody looks after it
        pid=1,
        detail={"launch": vars(LAUNCH)},
        started=datetime.now(UTC),
    )
    console = console_log(cloud.directory, instance.id)
    console.parent.mkdir(parents=True)
    state = State(cloud.directory / "state.db")
    state.save_instance(instance)
    state.close()
    return console.open("ab", buffering=0)


def query(cloud, text, **options):
    path = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
    reply = cloud.call("POST", path, {"query": text}, **options)
    assert reply.status == 200, reply.content
    return reply.body["tables"][0]["rows"]


def test_what_is_written_while_the_control_plane_is_dead_is_kept(cloud):
    with watched(cloud) as console:
        written = 0
        for _ in range(2):
            for _ in range(30):
                numbers = range(written, written + 100)
                console.write("".join(f"line {n}\n" for n in numbers).encode())
                written += 100
                time.sleep(0.005)
            cloud.kill()
            console.write(f"line {written}\n".encode())
            written += 1
            cloud.up()

    until(lambda: query(cloud, f"{CONSOLE} | count")[0][0] >= written)

    count = f"{CONSOLE} | summarize count(), dcount(Message), countif(Message == '')"
    assert query(cloud, count) == [[written, written, 0]]


def test_lines_come_within_a_second_and_long_queries_hold_up_nobody(cloud):
    with watched(cloud) as console:
        query(cloud, f"{CONSOLE} | count")  # the first query loads the engine
        console.write(b"now\n")
        began = time.monotonic()
        until(lambda: query(cloud, CONSOLE))

    assert time.monotonic() - began < 1

    path = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
    replies = []
    prefer = {"Prefer": "wait=2"}
    asking = [
        Thread(
            target=lambda: replies.append(
                cloud.call("POST", path, {"query": ENDLESS}, headers=prefer)
            )
        )
        for _ in range(3)
    ]
    for thread in asking:
        thread.start()
    slowest = 0.0
    while any(thread.is_alive() for thread in asking):
        began = time.monotonic()
        assert cloud.call("GET", "").status == 200
        slowest = max(slowest, time.monotonic() - began)

    assert [reply.status for reply in replies] == [504, 504, 504]
    assert slowest < 1


def test_it_ends_while_a_query_runs(cloud):
    path = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
    asking = Thread(target=_asked_in_vain, args=(cloud, path, ENDLESS))
    query(cloud, "print 1")  # loads the engine
    process = psutil.Process(cloud.process.pid)
    used = process.cpu_times().user
    asking.start()
    until(lambda: process.cpu_times().user > used + 1)  # it is at it
    began = time.monotonic()
    cloud.process.send_signal(signal.SIGTERM)
    cloud.process.wait(timeout=20)
    asking.join()

    assert cloud.process.returncode == 0
    assert time.monotonic() - began < 10


def _asked_in_vain(cloud, path, text):
    try:
        cloud.call("POST", path, {"query": text})
    except OSError:
        return


def test_a_store_that_is_broken_stops_nothing_else(tmp_path):
    cloud = Cloud(tmp_path / "state")
    cloud.directory.mkdir(mode=0o700)
    (cloud.directory / "logs.duckdb").write_bytes(b"this is no database" * 1000)
    try:
        cloud.up()
        cloud.settled(cloud.call("PUT", "onlineEndpoints/iris", PUT))
        path = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
        reply = cloud.call("POST", path, {"query": "print 1"})
        until(lambda: "nothing can be recorded" in cloud.log.read_text())
    finally:
        cloud.down()

    assert (reply.status, reply.error["code"]) == (503, "LogStoreUnavailable")
    told = cloud.log.read_text()
    assert 1 <= told.count("nothing can be recorded") <= 4  # once a loop
    assert "Traceback" not in told


def test_a_store_that_is_deleted_begins_anew_with_what_the_sources_still_have(cloud):
    path = f"/v1/workspaces/{cloud.facts['log_customer_id']}/query"
    store = cloud.directory / "logs.duckdb"
    assert cloud.call("POST", path, {"query": "print 1"}).status == 200

    store.unlink()

    until(lambda: "a new log store begins" in cloud.log.read_text())
    until(store.exists)
    assert until(lambda: cloud.call("POST", path, {"query": "print 1"}).status == 200)
    assert "Traceback" not in cloud.log.read_text()
