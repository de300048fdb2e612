"""The gateway as a process: start, changes under load, and its end."""

import http.client
import json
import signal
import socket
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle

import pytest
from gateway_rig import KEY, PROJECT, Stub, deployment, endpoint, running, wait_until


@pytest.fixture
def gateway(tmp_path):
    with running(tmp_path) as gateway:
        yield gateway


@pytest.fixture
def instances():
    stubs = [Stub() for _ in range(3)]
    yield stubs
    for stub in stubs:
        stub.gate.set()
        stub.close()


def split(blue, green, *instances):
    facts = {
        "blue": deployment(*(stub.port for stub in instances[:-1])),
        "green": deployment(instances[-1].port, name="green"),
    }
    return endpoint(traffic={"blue": blue, "green": green}, deployments=facts)


def score(gateway, count):
    """Ask `count` times over one connection; return the statuses and deployments."""
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    seen = []
    for _ in range(count):
        headers = {"Authorization": f"Bearer {KEY}"}
        connection.request("POST", "/iris/score", b"{}", headers)
        response = connection.getresponse()
        response.read()
        seen.append((response.status, response.headers["azureml-model-deployment"]))
    connection.close()
    return seen


def test_weights_and_instances_change_under_load_and_nothing_fails(gateway, instances):
    a, b, green = instances
    tables = cycle([split(80, 20, a, green), split(0, 100, a, b, green)])
    gateway.publish(iris=next(tables))

    with ThreadPoolExecutor(8) as pool:
        callers = [pool.submit(score, gateway, 50) for _ in range(8)]
        for _ in range(20):
            gateway.publish(iris=next(tables))
        seen = [pair for caller in callers for pair in caller.result(60)]

    assert Counter(status for status, _ in seen) == {200: 400}
    assert len(gateway.rows(400)) == 400


def test_traffic_is_split_as_told(gateway, instances):
    gateway.publish(iris=split(80, 20, *instances))

    seen = Counter(name for _, name in score(gateway, 500))

    assert 60 <= seen["green"] <= 140  # 100, give or take 4.5 standard deviations
    assert seen["blue"] == 500 - seen["green"]
    assert instances[0].received
    assert instances[1].received


def test_a_malformed_table_keeps_the_last_good_one(gateway, instances):
    gateway.publish(iris=split(100, 0, *instances))

    gateway.write("{")
    assert gateway.ask().status == 200
    assert gateway.admin()["version"] == 1

    gateway.publish()
    assert gateway.ask().status == 404


def test_sigterm_finishes_what_is_in_flight_and_takes_nothing_new(gateway, instances):
    instances[0].gate.clear()
    gateway.publish(iris=split(100, 0, instances[0], instances[2]))
    with ThreadPoolExecutor() as pool:
        held = pool.submit(score, gateway, 1)
        wait_until(lambda: instances[0].received)
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gateway), "the end of listening")
        instances[0].gate.set()

        assert held.result(10) == [(200, "blue")]
    assert gateway.process.wait(10) == 0
    assert not (gateway.folder / "gateway.json").exists()
    assert [row["ResponseCode"] for row in gateway.rows(1)] == [200]


def test_sigterm_lets_a_body_that_is_on_its_way_arrive(gateway, instances):
    gateway.publish(iris=split(100, 0, instances[0], instances[2]))
    head = (
        f"POST /iris/score HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {KEY}\r\n"
        "Expect: 100-continue\r\nContent-Length: 2\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", gateway.port), timeout=10) as line:
        line.sendall(head.encode())
        assert line.recv(1000).startswith(b"HTTP/1.1 100")  # it is being handled
        gateway.process.send_signal(signal.SIGTERM)
        wait_until(lambda: refused(gateway), "the end of listening")
        line.sendall(b"{}")

        assert line.recv(1000).startswith(b"HTTP/1.1 200")
    assert gateway.process.wait(10) == 0


def refused(gateway):
    try:
        gateway.admin()
    except ConnectionError:  # a reset, if it came in the moment of closing
        return True
    return False


def test_an_idle_connection_does_not_hold_up_the_end(gateway, instances):
    gateway.publish(iris=split(100, 0, *instances))
    connection = http.client.HTTPConnection("127.0.0.1", gateway.port, timeout=10)
    connection.request("GET", "/")
    connection.getresponse().read()
    gateway.process.send_signal(signal.SIGTERM)

    assert gateway.process.wait(5) == 0
    connection.close()


def test_kill_9_loses_no_row_of_what_was_answered(gateway, instances):
    gateway.publish(iris=split(100, 0, *instances))
    answered = score(gateway, 50)
    gateway.process.kill()
    gateway.process.wait(10)

    rows = (gateway.folder / "traffic.jsonl").read_text().splitlines()
    assert [json.loads(row)["ResponseCode"] for row in rows] == [
        status for status, _ in answered
    ]


def test_a_taken_port_is_refused_in_one_line(gateway, tmp_path):
    command = [sys.executable, "-m", "ops.localcloud.gateway", "--state"]
    ended = subprocess.run(
        [*command, tmp_path / "second", "--port", str(gateway.port)],
        cwd=PROJECT,
        capture_output=True,
        text=True,
        timeout=30,
    )

    assert ended.returncode == 1
    assert ended.stderr == f"gateway: port {gateway.port} of 127.0.0.1 is taken\n"


def test_what_it_announces_is_for_its_owner_only(gateway):
    file = gateway.folder / "gateway.json"

    assert file.stat().st_mode & 0o777 == 0o600
    assert json.loads(file.read_text())["pid"] == gateway.process.pid


def test_no_credential_is_logged(gateway, instances, tmp_path):
    gateway.publish(iris=split(100, 0, *instances))
    gateway.ask()
    gateway.ask(key=f"{KEY}-wrong")
    gateway.write(json.dumps({"version": KEY, "endpoints": {}}))
    wait_until(lambda: "stays in force" in (tmp_path / "gateway.log").read_text())

    logs = (tmp_path / "gateway.log").read_text() + json.dumps(gateway.rows(2))
    assert KEY not in logs
    assert gateway.admin_token not in logs
