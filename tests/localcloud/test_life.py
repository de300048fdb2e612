"""Start, death and end of the control plane; what outlives it and what must not."""

import http.client
import json
import os
import shutil
import signal
import socket
import stat
import subprocess
import threading
from pathlib import Path

import pytest
from cloud_rig import Cloud, until

from ops.localcloud import directory

pytestmark = pytest.mark.slow

CONDA = """
name: scoring
channels: [conda-forge]
dependencies: [python=3.11, pip, {pip: [azureml-inference-server-http]}]
"""
SCORE = """
import os

def init(): ...

def run(data):
    return {"pid": os.getppid()}
"""
QUICK = {"initialDelay": "PT0.2S", "period": "PT0.5S"}


def deploy(cloud, name="blue", capacity=1):
    """Wish for a deployment of a real script; return the answer to the PUT."""
    started = cloud.call("POST", f"codes/{name}/versions/1/startPendingUpload", {}).body
    blob = started["blobReferenceForConsumption"]
    where, _, signature = blob["credential"]["sasUri"].partition("?")
    path = where.removeprefix(cloud.url) + f"/code/score.py?{signature}"
    kind = {"x-ms-blob-type": "BlockBlob"}
    assert cloud.call("PUT", path, SCORE.encode(), headers=kind).status == 201
    put_version(cloud, f"codes/{name}", codeUri=f"{blob['blobUri']}/code")
    put_version(cloud, "environments/server", image="image", condaFile=CONDA)
    body = {
        "location": "local",
        "sku": {"name": "Default", "capacity": capacity},
        "properties": {
            "endpointComputeType": "Managed",
            "environmentId": f"{cloud.workspace}/environments/server/versions/1",
            "codeConfiguration": {
                "codeId": f"{cloud.workspace}/codes/{name}/versions/1",
                "scoringScript": "score.py",
            },
            "readinessProbe": QUICK,
            "livenessProbe": QUICK,
        },
    }
    return cloud.call("PUT", f"onlineEndpoints/live/deployments/{name}", body)


def put_version(cloud, path, **properties):
    reply = cloud.call("PUT", f"{path}/versions/1", {"properties": properties})
    assert reply.status in (200, 201), reply.content


def endpoint(cloud, **traffic):
    body = {"location": "local", "properties": {"authMode": "Key", "traffic": traffic}}
    reply = cloud.call("PUT", "onlineEndpoints/live", body)
    assert cloud.settled(reply)["status"] == "Succeeded"
    return cloud.call("POST", "onlineEndpoints/live/listKeys").body["primaryKey"]


def score(port, key):
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
    try:
        headers = {"Authorization": f"Bearer {key}"}
        connection.request("POST", "/live/score", "{}", headers)
        answer = connection.getresponse()
        return answer.status, answer.read()
    finally:
        connection.close()


class Caller(threading.Thread):
    """Scores all the time, and keeps every answer that is not a 200."""

    def __init__(self, port, key):
        super().__init__()
        self.arguments, self.failures, self.count = (port, key), [], 0
        self.done = threading.Event()

    def run(self):
        while not self.done.wait(0.005):
            try:
                status, body = score(*self.arguments)
            except OSError as error:
                status, body = 0, repr(error)
            self.count += 1
            if status != 200:
                self.failures.append((status, body))

    def __enter__(self):
        self.start()
        until(lambda: self.count)
        return self

    def __exit__(self, *error):
        self.done.set()
        self.join()


def test_a_killed_control_plane_loses_nothing_and_fails_no_request(cloud):
    endpoint(cloud)
    assert cloud.settled(deploy(cloud))["status"] == "Succeeded"
    key = endpoint(cloud, blue=100)
    gateway = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])
    before = cloud.call("GET", "onlineEndpoints/live").body
    url = cloud.url
    serving = json.loads(score(gateway, key)[1])

    with Caller(gateway, key) as caller:
        # Green is on its way when the control plane dies.
        green = deploy(cloud, "green")
        cloud.kill()
        seen = caller.count
        until(lambda: caller.count > seen + 20)
        cloud.up()
        assert cloud.settled(green)["status"] == "Succeeded"

    assert caller.failures == []
    assert cloud.url == url
    after = cloud.call("GET", "onlineEndpoints/live").body
    assert after["properties"] == before["properties"]
    assert json.loads(score(gateway, key)[1]) == serving
    for name in ("blue", "green"):
        found = cloud.call("GET", f"onlineEndpoints/live/deployments/{name}").body
        assert found["properties"]["provisioningState"] == "Succeeded"


def gateway_pid(cloud):
    return json.loads((cloud.directory / "gateway/gateway.json").read_text())["pid"]


def another_gateway(cloud, before):
    """Whether another gateway than that one has announced itself."""
    try:
        return gateway_pid(cloud) != before
    except (OSError, ValueError):
        return False


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_gateway_that_ends_has_no_caller_refused(cloud, number):
    endpoint(cloud)
    assert cloud.settled(deploy(cloud))["status"] == "Succeeded"
    key = endpoint(cloud, blue=100)
    port = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])

    with Caller(port, key) as caller:
        for _ in range(3):
            pid, seen = gateway_pid(cloud), caller.count
            os.kill(pid, number)
            until(lambda pid=pid: another_gateway(cloud, pid))
            until(lambda seen=seen: caller.count > seen + 10)

    # What a gateway has in hand goes with it when it is killed, and only that.
    in_hand = 3 if number == signal.SIGKILL else 0
    assert len(caller.failures) <= in_hand
    assert not [body for _, body in caller.failures if "Refused" in str(body)]


def test_a_gateway_that_is_killed_with_the_control_plane_has_no_caller_refused(cloud):
    endpoint(cloud)
    cloud.settled(deploy(cloud))
    key = endpoint(cloud, blue=100)
    port = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])
    pid = gateway_pid(cloud)

    with Caller(port, key) as caller:
        cloud.kill()
        os.kill(pid, signal.SIGKILL)
        until(lambda: another_gateway(cloud, pid))
        cloud.up()
        seen = caller.count
        until(lambda: caller.count > seen + 10)

    assert len(caller.failures) <= 1
    assert not [body for _, body in caller.failures if "Refused" in str(body)]
    assert cloud.facts["gateway_url"].endswith(f":{port}")


def test_a_gateway_that_is_frozen_is_replaced_at_the_same_address(cloud):
    endpoint(cloud)
    cloud.settled(deploy(cloud))
    key = endpoint(cloud, blue=100)
    port = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])
    cloud.end()
    os.kill(gateway_pid(cloud), signal.SIGSTOP)

    cloud.up()

    assert cloud.facts["gateway_url"].endswith(f":{port}")
    assert score(port, key)[0] == 200


@pytest.mark.long
def test_the_gateway_and_the_instances_outlive_an_orderly_end(cloud):
    endpoint(cloud)
    cloud.settled(deploy(cloud))
    key = endpoint(cloud, blue=100)
    gateway = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])
    answer = score(gateway, key)

    assert cloud.end() == 0
    assert not (cloud.directory / "localcloud.json").exists()
    assert score(gateway, key) == answer

    cloud.up()
    assert score(gateway, key) == answer


def test_down_leaves_no_process_and_the_next_start_serves_again(cloud):
    endpoint(cloud)
    cloud.settled(deploy(cloud, capacity=2))
    key = endpoint(cloud, blue=100)
    assert len(cloud.processes()) >= 4

    cloud.down()
    assert cloud.processes() == set()

    cloud.up()
    gateway = int(cloud.facts["gateway_url"].rsplit(":", 1)[1])
    until(lambda: score(gateway, key)[0] == 200, seconds=60)


def test_down_ends_what_a_dead_control_plane_has_left(cloud):
    endpoint(cloud)
    cloud.settled(deploy(cloud))
    cloud.kill()
    assert cloud.processes()

    cloud.down()

    assert cloud.processes() == set()


def test_a_second_serve_on_the_directory_ends_at_once(cloud):
    second = cloud.run("serve")

    assert second.returncode == 0
    assert f"(pid {cloud.process.pid})" in second.stdout
    assert cloud.call("GET", "").status == 200


def test_a_port_that_is_taken_is_named(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        cloud = Cloud(tmp_path / "state")
        refused = cloud.run("serve", "--port", str(port))

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert f"port {port}" in line
    assert cloud.processes() == set()


def test_a_remembered_port_that_is_taken_is_replaced(cloud):
    port = cloud.port
    cloud.end()
    with socket.create_server(("127.0.0.1", port)):
        cloud.up()

        assert cloud.port != port


def test_only_the_owner_may_read_secrets(cloud):
    def mode(name):
        return stat.S_IMODE((cloud.directory / name).stat().st_mode)

    until((cloud.directory / "gateway/routes.json").exists)
    assert mode(".") == 0o700
    for path in cloud.directory.iterdir():
        assert mode(path.name) == (0o700 if path.is_dir() else 0o600), path
    for name in (
        *("token", "ca.key", "server.pem", "state.db", "localcloud.json"),
        *("gateway/routes.json", "gateway/gateway.json"),
    ):
        assert mode(name) == 0o600, name


def test_secrets_are_in_no_log_and_on_no_command_line(cloud):
    key = endpoint(cloud)
    secrets = [cloud.token.encode(), key.encode()]
    logs = [cloud.log, cloud.directory / "gateway.log"]
    lines = [Path(f"/proc/{pid}/cmdline") for pid in cloud.processes()]

    for said in [path.read_bytes() for path in (*logs, *lines)]:
        assert not [secret for secret in secrets if secret in said]


def test_it_listens_on_loopback_only(cloud):
    for port in (cloud.port, int(cloud.facts["gateway_url"].rsplit(":", 1)[1])):
        with pytest.raises(ConnectionRefusedError):
            socket.create_connection((own_address(), port), timeout=2)


def own_address():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            pytest.skip("this machine has no address but loopback")
        return probe.getsockname()[0]


def test_status_tells_where_it_serves(cloud):
    found = json.loads(cloud.run("status", "--json").stdout)
    assert found["running"] is True
    assert found["url"] == cloud.url

    cloud.end()
    assert json.loads(cloud.run("status", "--json").stdout)["running"] is False


def test_reset_empties_the_directory_and_nothing_else(cloud):
    (cloud.directory / "thesis.doc").write_text("years of work")

    refused = cloud.run("reset")

    assert refused.returncode == 1
    assert "thesis.doc" in refused.stderr
    assert cloud.call("GET", "").status == 200

    (cloud.directory / "thesis.doc").unlink()
    assert cloud.run("reset").returncode == 0
    assert list(cloud.directory.iterdir()) == []
    assert cloud.processes() == set()


def test_it_does_not_move_into_a_folder_with_other_things(tmp_path):
    (tmp_path / "thesis.doc").write_text("years of work")
    tmp_path.chmod(0o755)

    refused = Cloud(tmp_path).run("serve")

    assert refused.returncode == 1
    assert "thesis.doc" in refused.stderr
    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o755


def test_only_what_localcloud_made_is_removed(tmp_path):
    for name in ("token", "lock", "ca.key.partial", "mine"):
        (tmp_path / name).write_text("")
    (tmp_path / "blobs").symlink_to(tmp_path.parent)

    directory.empty(tmp_path)

    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    assert tmp_path.parent.exists()


def test_a_folder_that_others_could_enter_is_closed_to_them(tmp_path):
    directory.open_directory(tmp_path)

    assert stat.S_IMODE(tmp_path.stat().st_mode) == 0o700


def test_a_directory_that_can_not_be_made_is_named(tmp_path):
    (tmp_path / "file").write_text("")

    refused = Cloud(tmp_path / "file" / "state").run("serve")

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "Not a directory" in line


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 4 MB; skipped where we may not mount one."""
    where = tmp_path / "disk"
    where.mkdir()
    mount = shutil.which("mount")
    command = [mount, "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(where)]
    if not mount or os.geteuid() or subprocess.run(command).returncode:
        pytest.skip("only root may mount a small disk")
    yield where
    until(lambda: subprocess.run(["umount", str(where)]).returncode == 0)


def test_a_full_disk_is_said_and_nothing_acknowledged_is_lost(small_disk):
    cloud = Cloud(small_disk / "state")
    cloud.log = small_disk.with_name("log")
    try:
        cloud.up()
        image = "x" * 20_000
        statuses = []
        while 507 not in statuses and len(statuses) < 1000:
            body = {"properties": {"image": image}}
            path = f"environments/full/versions/{len(statuses) + 1}"
            statuses.append(cloud.call("PUT", path, body).status)
        reply = cloud.call("PUT", path, body)

        assert statuses[-1] == 507
        assert reply.error["code"] == "InsufficientStorage"
        for version, status in enumerate(statuses[:-1], 1):
            found = cloud.call("GET", f"environments/full/versions/{version}")
            assert (status, found.status) == (201, 200)
        secrets = cloud.call("POST", "datastores/workspaceblobstore/listSecrets", {})
        assert secrets.status == 200  # an upload without it would say "not signed in"
    finally:
        cloud.down()


def test_a_disk_that_is_full_at_the_start_is_said_in_one_line(small_disk):
    subprocess.run(["dd", "if=/dev/zero", f"of={small_disk / 'filler'}"], check=False)

    refused = Cloud(small_disk / "state").run("serve")

    assert refused.returncode == 1
    (line,) = refused.stderr.splitlines()
    assert "No space left on device" in line or "full" in line
