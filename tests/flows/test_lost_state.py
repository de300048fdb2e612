"""A state of localcloud that is lost or damaged: told, and brought back."""

import os
import signal
import time

import pytest
import requests

from tests.flows.desk import make_desk, running

pytestmark = pytest.mark.slow


@pytest.fixture
def desk(tmp_path):
    with running(make_desk(tmp_path)) as desk:
        desk("deploy")
        yield desk


def answer(desk, keys, url):
    headers = {"Authorization": f"Bearer {keys['primary']}"}
    return requests.post(url, data="{}", headers=headers, timeout=10).status_code


def test_what_serves_goes_on_until_a_person_has_decided(desk):
    cloud = desk.state / "localcloud"
    keys = desk.json("keys", "--show-keys")
    facts = desk.json("cloud.status")
    url = f"{facts['gateway_url']}/iris/score"
    served = answer(desk, keys, url)
    wait_for((cloud / "backup/state.db").exists)

    (cloud / "state.db").write_bytes(b"garbage" * 1000)
    wait_for(lambda: not os.path.exists(f"/proc/{facts['pid']}"))
    for verb in ("cloud.status", "status", "deploy", "history"):
        said = desk(verb, status=1)
        assert "try: invoke cloud.repair" in said
        assert "try: invoke cloud.reset" in said
        assert answer(desk, keys, url) == served

    assert "brought state.db back" in desk("cloud.repair")
    assert "blue" in desk("status")
    assert answer(desk, keys, url) == served
    assert desk.json("keys", "--show-keys") == keys

    os.kill(desk.json("cloud.status")["pid"], signal.SIGKILL)
    (cloud / "state.db").write_bytes(b"garbage" * 1000)
    assert "stopped gateway" in desk("cloud.down")
    assert "kept as" in desk("cloud.reset", "--yes")
    assert [path.name for path in cloud.iterdir()] == ["broken"]
    desk("deploy")


def test_a_log_store_that_can_not_be_read_is_begun_anew(desk):
    store = desk.state / "localcloud/logs.duckdb"
    desk("score", "-n", "5")
    desk("cloud.down")
    store.write_bytes(b"garbage" * 1000)

    for verb in ("query", "logs", "metrics"):
        words = (verb, "--name", "errors") if verb == "query" else (verb,)
        assert "try: invoke cloud.repair" in desk(*words, status=1)
    assert desk.json("score")[0]["status"] == 200
    said = desk("cloud.repair")

    assert "a new log store begins empty" in said
    desk("query", "--name", "errors")
    assert "requests" in desk("metrics")


def wait_for(condition, seconds=30):
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.02)
