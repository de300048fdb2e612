"""What the state remembers, and that it does so for good."""

import subprocess
import sys
import threading

import pytest
from cloud_rig import ROOT

from ops.localcloud.records import Instance, normal_id, parent_of
from ops.localcloud.state import State

ENDPOINT = "/subscriptions/S/workspaces/W/onlineEndpoints/Iris"


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def put(state, id_=ENDPOINT, **properties):
    name = id_.rsplit("/", 1)[1]
    return state.put({"id": id_, "name": name, "properties": properties})


def test_ids_are_compared_without_regard_to_case(state):
    put(state, a=1)

    found = state.resource(ENDPOINT.upper())

    assert found.body["id"] == ENDPOINT
    assert found.type == "onlineendpoints"
    assert normal_id("a/B/") == "/a/b"
    assert parent_of(ENDPOINT) == "/subscriptions/s/workspaces/w"


def test_every_wish_is_a_generation_and_an_observation_is_none(state):
    put(state, a=1)
    put(state, a=2)
    state.observe(ENDPOINT, provisioningState="Succeeded")

    found = state.resource(ENDPOINT)

    assert found.generation == 2
    assert found.properties == {"a": 2, "provisioningState": "Succeeded"}
    assert found.created < found.modified


def test_what_is_gone_is_not_observed_back(state):
    state.observe(ENDPOINT, provisioningState="Succeeded")

    assert state.resource(ENDPOINT) is None


def test_children_come_oldest_first_and_of_one_type(state):
    for name in ("b", "a", "c"):
        put(state, f"{ENDPOINT}/deployments/{name}")
    put(state, f"{ENDPOINT}/deployments/a/others/x")

    found = [each.name for each in state.children(ENDPOINT, "deployments")]

    assert found == ["b", "a", "c"]


def test_a_delete_takes_all_below_and_nothing_beside(state):
    for id_ in (ENDPOINT, f"{ENDPOINT}/deployments/blue", f"{ENDPOINT}-2"):
        put(state, id_)
        state.set_secret(id_, "key", "secret")

    assert state.delete(ENDPOINT)

    assert state.resource(f"{ENDPOINT}/deployments/blue") is None
    assert state.secret(f"{ENDPOINT}/deployments/blue", "key") is None
    assert state.resource(f"{ENDPOINT}-2")
    assert state.secret(f"{ENDPOINT}-2", "key") == "secret"
    assert not state.delete(ENDPOINT)


def test_a_later_operation_cancels_the_earlier(state):
    resource = put(state)
    first, second = state.begin("oe", resource), state.begin("oe", resource)

    state.finish(first.id)

    assert state.operation(first.id).status == "Canceled"
    assert state.open_operation(ENDPOINT).id == second.id


def test_an_operation_ends_once(state):
    operation = state.begin("oe", put(state))
    state.finish(operation.id, {"code": "Bad", "message": "why", "details": []})

    state.finish(operation.id)

    found = state.operation(operation.id)
    assert (found.status, found.error["code"]) == ("Failed", "Bad")
    assert found.ended >= found.started


def test_a_transaction_is_written_whole_or_not_at_all(state):
    def put_and_fail():
        with state.transaction():
            put(state)
            raise KeyError("half way")

    with pytest.raises(KeyError):
        put_and_fail()

    assert state.resource(ENDPOINT) is None


def test_an_instance_comes_back_as_it_was_saved(state):
    one = Instance(
        id="blue-1", deployment="/d", fingerprint="f", state="Ready", detail={"a": 1}
    )
    state.save_instance(one)
    state.save_instance(one)

    assert state.instances("/D") == [one]


def test_events_come_latest_last(state):
    for number in range(5):
        state.record(ENDPOINT, "blue-1", "Started", str(number))

    found = [each["message"] for each in state.events(ENDPOINT, most=3)]

    assert found == ["2", "3", "4"]


def test_threads_write_side_by_side(state):
    def write(number):
        for step in range(20):
            put(state, f"{ENDPOINT}/deployments/d{number}-{step}")

    threads = [threading.Thread(target=write, args=[n]) for n in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(state.children(ENDPOINT, "deployments")) == 80


def test_what_was_written_survives_a_kill(tmp_path):
    script = (
        "import os, pathlib, sys; from ops.localcloud.state import State\n"
        "state = State(pathlib.Path(sys.argv[1]))\n"
        f"state.put({{'id': '{ENDPOINT}', 'name': 'Iris', 'properties': {{}}}})\n"
        "os.kill(os.getpid(), 9)"
    )
    file = tmp_path / "state.db"
    done = subprocess.run([sys.executable, "-c", script, str(file)], cwd=ROOT)

    state = State(file)

    assert done.returncode == -9
    assert state.resource(ENDPOINT)
    state.close()
