"""What breaks is told with its cause and a remedy, and leaves a known state."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from contextlib import suppress

import pytest
import requests

from tests.flows.desk import ROOT, found, make_desk, running

pytestmark = pytest.mark.slow

SCORE = "scoring/score.py"


@pytest.fixture(scope="module")
def broken(tmp_path_factory):
    with running(make_desk(tmp_path_factory.mktemp("broken"))) as desk:
        yield desk


@pytest.fixture
def whole(broken):
    """The desk; what a test spoils is mended after it."""
    kept = broken.folder.parent / "kept"
    shutil.copytree(broken.folder, kept)
    yield broken
    shutil.rmtree(broken.folder)
    kept.rename(broken.folder)


def test_a_package_that_does_not_exist_fails_the_build(whole):
    whole.edit(
        *(
            "specs/iris/conda.yaml",
            "numpy==",
            "no-such-package-anywhere\n      - numpy==",
        )
    )
    whole.edit("specs/iris/environment.yaml", "version: 1", "version: 2")
    whole.edit("specs/iris/blue.yaml", "iris-scoring:1", "iris-scoring:2")

    said = whole("deploy", status=1)

    assert "ImageBuildFailure" in said
    assert "no-such-package-anywhere was not found" in said
    assert "no-such-package-anywhere" in whole(
        "logs", "--container", "storage-initializer"
    )
    assert whole.json("status")["deployments"]["blue"]["state"] == "Failed"
    finding = found(whole, title="its environment could not be built")
    assert any("no-such-package-anywhere" in each for each in finding["evidence"])


def test_a_failed_deployment_is_mended_by_deploying_again(whole):
    said = whole("deploy")

    assert "the last attempt failed" in said
    assert whole.json("status")["deployments"]["blue"]["state"] == "Succeeded"


def test_changed_contents_under_an_old_version_are_refused(whole):
    (whole.folder / "model/iris/1/extra.txt").write_text("new")

    said = whole("deploy", status=1)

    assert "versions are immutable" in said
    assert "set `version: 2`" in said


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b'{"data": [[1, 2, 3]]}',
        b'{"data": [[1, 2, 3, "x"]]}',
        b'{"data": [[1, 2, 3, NaN]]}',
    ],
)
def test_a_bad_body_is_answered_with_what_is_wrong(caller, body):
    response = caller(body)

    assert response.status_code == 424
    assert response.headers["ms-azureml-model-error-statuscode"] == "400"
    assert response.json()["message"]


def test_a_body_of_20_mb_is_refused_and_hurts_nobody(caller):
    assert caller(b"1" * 20_000_000).status_code == 413

    assert caller(b'{"data": [[5.1, 3.5, 1.4, 0.2]]}').status_code == 200


def test_a_wrong_key_is_refused_without_being_told_more(caller):
    response = caller(b"{}", key="not-the-key")

    assert response.status_code == 401
    assert "not-the-key" not in response.text


@pytest.fixture(scope="module")
def caller(broken):
    """POST a body to the endpoint, which is deployed."""
    broken("deploy")
    uri = broken.json("status")["scoring_uri"]
    own = broken.json("keys", "--show-keys")["primary"]

    def call(body, key=own):
        headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        return requests.post(uri, data=body, headers=headers, timeout=30)

    return call


def test_two_deploys_at_once_are_told_apart(whole):
    whole.edit(SCORE, "import math\n", "import math\nimport time\ntime.sleep(3)\n")
    with start(whole, "deploy") as first:
        wait_for(lambda: lock_held(whole, first))

        said = whole("deploy", status=1)

        assert re.search(r"On this machine deploy runs since .* process \d+", said)
        first.communicate(timeout=60)
    assert first.returncode == 0


def test_ctrl_c_says_what_is_left_and_deploying_again_goes_on_from_there(whole):
    whole("cloud.reset", "--yes")
    for phase in ("", "model", "environment", "endpoint"):
        with start(whole, "deploy") as process:
            wait_for(lambda p=process: lock_held(whole, p))
            while phase and phase not in (line := process.stdout.readline()):
                assert line, f"{phase} never came: {process.stderr.read()}"
            process.send_signal(signal.SIGINT)

            said = process.communicate(timeout=60)[1]

        assert process.returncode == 130, (phase, said)
        assert "was stopped" in said
        assert "Traceback" not in said
        assert "interrupted" in whole.json("history")[0]["reason"]
    wait_for(lambda: not state_of_blue(whole).endswith("ing"))
    whole("deploy")
    assert whole.json("score")[0]["status"] == 200


def test_a_port_that_is_taken_is_named(tmp_path):
    desk = make_desk(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        stage = desk.folder / "specs/stages/local.yaml"
        stage.write_text(f"cloud: localcloud\nport: {port}\n")

        said = desk("status", status=1)

    assert "did not start" in said
    assert str(port) in said


def test_a_stage_on_azure_that_is_not_filled_in_is_told(whole):
    said = whole("status", "--stage", "prod", status=1)

    assert "subscription_id: must be filled in" in said


@pytest.mark.skipif(os.geteuid() != 0, reason="mounting needs root")
def test_a_full_disk_is_told_and_nothing_is_half_done(tmp_path):
    desk = make_desk(tmp_path)
    desk.state.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=12m", "tmpfs", str(desk.state)]
    if subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a tmpfs is not allowed here")
    try:
        desk("deploy")
        before = desk.json("status")
        with (desk.state / "filler").open("wb") as filler, suppress(OSError):
            while True:
                filler.write(b"0" * 65536)
        desk.seconds = 60
        said = desk("deploy", "--deployment", "green", status=1)
        assert "disk is full" in said
        (desk.state / "filler").unlink()
        assert desk.json("status") == before
    finally:
        (desk.state / "filler").unlink(missing_ok=True)
        desk("cloud.down")
        subprocess.run(["umount", str(desk.state)], check=True)


def start(desk, *words):
    return subprocess.Popen(
        desk.command(*words),
        env=desk.variables(),
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def lock_held(desk, process):
    """Read, not tried: to try it would take it from the one who is waited for."""
    path = desk.state / "locks/local.iris"
    return path.exists() and f"process {process.pid}," in path.read_text()


def state_of_blue(desk):
    done = subprocess.run(
        desk.command("status", "--json"),
        env=desk.variables(),
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    found = json.loads(done.stdout)["deployments"] if done.returncode == 0 else {}
    return found["blue"]["state"] if "blue" in found else "none"


def wait_for(condition, seconds=60):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.05)
