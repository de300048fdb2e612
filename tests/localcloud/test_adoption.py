"""What a control plane finds of the instances that the last one has left."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud import processes
from ops.localcloud.adoption import adopt
from ops.localcloud.instances import Launch, new_instance, note, noted
from ops.localcloud.probing import Health
from ops.localcloud.records import text
from ops.localcloud.state import State
from ops.localcloud.verdicts import judge

LAUNCH = Launch(environment="", code="", script="", model=None, variables={}, probes={})
NOW = datetime.now(UTC)
GONE = {"pid": 2**22 + 1, "process_created": 1.0}  # no process has such a number


@pytest.fixture
def state(tmp_path):
    state = State(tmp_path / "state.db")
    yield state
    state.close()


def adopted(store, tmp_path, **facts):
    """An instance as it is after the start of a control plane that found it so."""
    notes = facts.pop("notes", {})
    instance = new_instance("/e/iris/deployments/blue", LAUNCH, "template")
    store.save_instance(noted(replace(instance, **facts), **notes))
    adopt(store, tmp_path)
    (found,) = store.instances()
    return found


def verdict(instance):
    facts = {"alive": False, "died_of": "it has ended", "probes": {}, "now": NOW}
    return judge(instance, health=Health(streaks={}), **facts).action


@pytest.mark.parametrize("status", ["Starting", "Ready", "NotReady"])
@pytest.mark.parametrize("exits", [None, 1, 4])
def test_what_ended_with_the_machine_is_no_crash_and_starts_at_once(
    state, tmp_path, status, exits
):
    notes = {"proven": status != "Starting", "exits": exits, "killing": text(NOW)}

    found = adopted(state, tmp_path, state=status, notes=notes, **GONE)

    assert verdict(found) == "start"
    assert note(found, "exits") == exits
    assert found.restarts == 0
    (event,) = state.events(found.deployment)
    assert event["name"] == "Killing"


def test_forty_power_cuts_in_a_row_keep_nothing_from_starting(state, tmp_path):
    found = adopted(state, tmp_path, state="Ready", notes={"proven": True}, **GONE)
    for _ in range(40):
        state.save_instance(replace(found, state="Ready", **GONE))
        adopt(state, tmp_path)
        (found,) = state.instances()

        assert verdict(found) == "start"


def test_one_that_was_about_to_start_when_all_ended_is_started(state, tmp_path):
    assert verdict(adopted(state, tmp_path, state="Starting")) == "start"


@pytest.mark.parametrize(("gateway_runs", "action"), [(True, "keep"), (False, "start")])
def test_a_pause_after_crashes_is_waited_out_unless_all_ended_at_once(
    state, tmp_path, gateway_runs, action
):
    until = text(NOW + timedelta(seconds=40))
    marks = processes.marks(tmp_path if gateway_runs else tmp_path / "other", "gateway")
    gateway = subprocess.Popen(["/bin/sleep", "60"], env=marks)
    try:
        found = adopted(state, tmp_path, state="Waiting", notes={"until": until})
    finally:
        gateway.kill()
        gateway.wait()

    assert verdict(found) == action


def test_what_runs_on_is_left_as_it_is(state, tmp_path):
    me = processes.identify(os.getpid())
    running = {"state": "Ready", "pid": me.pid, "process_created": me.created}

    found = adopted(state, tmp_path, **running)

    assert found.state == "Ready"
    assert state.events(found.deployment) == []


@pytest.mark.parametrize("status", ["Draining", "Stopping", "Stopped"])
def test_what_was_to_end_is_not_started_again(state, tmp_path, status):
    assert adopted(state, tmp_path, state=status, **GONE).state == status
