"""A rollout mutes its own canary's alerts, no others, and no longer than it judges."""

import os
import signal
from datetime import timedelta

import pytest

from ops import watchdog
from ops.errors import Interrupted
from ops.localcloud.faults import Fault
from ops.rollouts import quiet
from ops.rollouts.policyfile import parse
from tests.firing_rig import fire, tells
from tests.rollout_rig import BLUE, POLICY, Rig, until


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def looked(events):
    """The rollout after a whole look and what comes after it."""
    until(events, "look")
    until(events, "look")
    return events


def test_while_it_judges_only_what_it_acts_on_is_silent(cloud):
    events = looked(cloud.begin())

    assert not tells(cloud, deployment="green", severity=2)
    assert not tells(cloud, deployment="", metric="green")
    assert tells(cloud, deployment="blue")
    assert tells(cloud, deployment="", metric="blue")
    assert tells(cloud, deployment="")
    assert tells(cloud, deployment="green", severity=3)

    until(events, "promoted")
    next(events, None)
    assert tells(cloud, deployment="green")
    assert cloud.state.of_type("actionRules") == []


def test_it_sees_what_it_has_muted_and_rolls_back_for_it(cloud):
    events = looked(cloud.begin())

    fire(cloud, "errors", "blue", severity=0)
    until(events, "look")
    assert cloud.here.active
    fire(cloud, "latency", "green", severity=2, suppressed=True)

    last = until(events, "rolled back", "advanced")
    assert (last.what, "latency fired at" in last.text) == ("rolled back", True)
    assert cloud.endpoint.traffic == BLUE


def test_a_runner_that_dies_leaves_it_to_end_by_its_time(cloud):
    events = looked(cloud.begin())
    events.close()

    cloud.clock.move(advance=29 * 60)
    assert not tells(cloud, deployment="green")
    cloud.clock.move(advance=2 * 60)

    assert tells(cloud, deployment="green")


def test_the_watchdog_ends_it_with_the_rollout(cloud):
    looked(cloud.begin()).close()
    cloud.clock.move(advance=181)
    ci = cloud.workspace("ci@watchdog")

    (found,) = watchdog.sweep(ci)

    assert found.restored
    assert tells(cloud, deployment="green")


def test_who_stops_the_runner_has_nobody_judge_so_people_are_told(cloud):
    events = looked(cloud.begin())

    os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(Interrupted):
        until(events, "promoted")

    assert tells(cloud, deployment="green")


def test_it_goes_on_as_long_as_the_rollout_does(cloud):
    slow = POLICY.replace("bake: 2m", "bake: 3h").replace("look: 20s", "look: 4m")
    events = looked(cloud.begin(slow.replace("heartbeat: 3m", "heartbeat: 10m")))
    began = cloud.clock.now()

    while cloud.clock.now() < began + timedelta(hours=1):
        until(events, "look")

    assert not tells(cloud, deployment="green")


@pytest.mark.parametrize("then", ["hold", "pause", "ignore"])
def test_alerts_that_the_policy_does_not_roll_back_for_tell_people(cloud, then):
    looked(cloud.begin(POLICY + f"guardrails: {{alerts: {{then: {then}}}}}\n"))

    assert cloud.state.of_type("actionRules") == []


def test_a_rollout_that_cannot_help_itself_has_people_told():
    policy = parse(POLICY)

    assert quiet.wanted(policy, page=False)
    assert not quiet.wanted(policy, page=True)


def test_a_service_that_takes_no_such_rules_holds_no_rollout_up(cloud):
    cloud.faults.add(
        Fault(
            number=0, do="status", status=403, methods=("PUT",), path="*/actionRules/*"
        )
    )
    events = cloud.begin()

    told = until(events, "trouble", "promoted")
    assert "green's alerts page people all the same" in told.text

    assert until(events, "promoted").what == "promoted"
