"""What may begin, who runs what, and how a pause ends: by facts alone."""

import os
import subprocess
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops import rollout
from ops.endpoints import Deployment, Endpoint
from ops.errors import NotFound, Refused
from ops.rollouts import preflight, standing
from ops.rollouts.canary import NEVER, Thresholds
from ops.rollouts.evidence import Evidence, Side
from ops.rollouts.observing import expected_weights, grain_of, together
from ops.rollouts.policy import Judge, Policy, Promote, Step
from ops.rollouts.policyfile import parse
from ops.rollouts.standing import PAUSED, RETURNING, RUNNING, Standing
from ops.settings import who
from ops.weights import Weights

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
POLICY = parse("steps:\n- {mirror: 10}\n- {weight: 5}\n- {weight: 50}\nlook: 2s\n")


def deployment(name, state="Succeeded"):
    return Deployment(
        name=name,
        state=state,
        instances=1,
        instance_type="",
        model="",
        environment="",
        max_concurrent=1,
        request_timeout_ms=5000,
        tags={},
        body={},
    )


def endpoint(traffic, *names, state="Succeeded", mirror=None, tags=None):
    return Endpoint(
        name="iris",
        state="Succeeded",
        auth_mode="Key",
        scoring_uri="",
        traffic=traffic,
        mirror=mirror or {},
        tags=tags or {},
        deployments={name: deployment(name, state) for name in names},
        body={},
    )


def here(**facts):
    usual = {
        "id": "20261125-120000-ab12",
        "canary": "green",
        "stable": "blue",
        "step": 1,
        "state": RUNNING,
        "since": NOON,
        "by": "kim@laptop",
        "runner": "1234/kim@laptop",
        "heartbeat": NOON,
        "limit_seconds": 60.0,
        "safe": Weights(traffic={"blue": 100}),
    }
    return Standing(**{**usual, **facts})


def test_what_has_no_traffic_takes_over_from_what_has_it_all():
    assert preflight.pair(endpoint({"blue": 100}, "blue", "green"), None) == (
        "blue",
        "green",
    )
    assert preflight.pair(endpoint({"green": 100}, "blue", "green"), "blue") == (
        "green",
        "blue",
    )


@pytest.mark.parametrize(
    ("live", "asked", "says"),
    [
        (endpoint({"blue": 80, "green": 20}, "blue", "green"), None, "green 20%"),
        (endpoint({}, "blue", "green"), None, "has none"),
        (endpoint({"blue": 100}, "blue"), None, "none beside it"),
        (endpoint({"blue": 100}, "blue", "a", "b"), None, "There are: a, b"),
        (endpoint({"blue": 100}, "blue", "green"), "blue", "all the live traffic"),
        (endpoint({"blue": 100}, "blue", "green", state="Failed"), None, "is Failed"),
        (
            endpoint({"blue": 100}, "blue", "green", mirror={"green": 10}),
            None,
            "mirrors to green 10%",
        ),
    ],
)
def test_a_rollout_does_not_begin_where_it_is_not_clear_what_it_means(
    live, asked, says
):
    with pytest.raises(Refused, match=says):
        preflight.pair(live, asked)


def test_a_deployment_that_is_not_there_is_told_with_those_that_are():
    with pytest.raises(NotFound, match="there are: blue, green"):
        preflight.pair(endpoint({"blue": 100}, "blue", "green"), "gren")


def test_only_one_rollout_at_a_time():
    busy = endpoint({"blue": 100}, "blue", "green", tags=standing.written(here()))

    with pytest.raises(Refused, match="run by 1234/kim@laptop"):
        standing.require_none(busy)


def test_one_that_has_ended_stands_in_nobodys_way():
    ended = standing.written(here(state="rolled back"))
    kept = {name: value for name, value in ended.items() if value is not None}

    standing.require_none(endpoint({"blue": 100}, "blue", "green", tags=kept))
    with pytest.raises(Refused, match="the last one was rolled back by kim@laptop"):
        standing.under_way(endpoint({"blue": 100}, "blue", tags=kept))


def test_what_will_not_be_known_is_told_beforehand():
    policy = Policy(steps=(Step(weight_percent=20), Step(weight_percent=100)))
    few, some = Thresholds(requests=3, p50=1), Thresholds(requests=50, p50=1, p90=2)
    known = Thresholds(requests=500, p50=1, p90=2, p99=NEVER - 1)

    notes = preflight.not_compared(policy, "blue", few, None)

    assert "blue has served 3 requests" in notes[0]
    assert "a person must promote it" in notes[0]
    assert "whether an answer is garbage can't be told" in notes[1]
    (note,) = preflight.not_compared(policy, "blue", some, {})
    assert note.endswith("told by its p50 and p90, not by its p99")
    assert preflight.not_compared(policy, "blue", known, {}) == []


def test_a_policy_that_asks_for_no_proof_of_latency_needs_no_earlier_requests():
    steps = (Step(weight_percent=20), Step(weight_percent=100))
    baked = Policy(steps=steps, promote=Promote(when="bake"))
    unjudged = Policy(steps=steps, judge=Judge(latency=0))

    (note,) = preflight.not_compared(baked, "blue", Thresholds(), {})

    assert note.endswith("a slow canary can go unseen")
    assert preflight.not_compared(unjudged, "blue", Thresholds(), {}) == []


@pytest.mark.parametrize(
    ("rule", "anew", "released"),
    [
        ("policy:not_proven_yet", True, False),
        ("policy:person_must_look", False, True),
        ("kim@laptop", False, False),
    ],
)
def test_how_a_step_goes_on_depends_on_what_had_paused_it(rule, anew, released):
    later = NOON + timedelta(minutes=5)

    found = rollout.resumed(here(state=PAUSED, by=rule), "sam@desk", later)

    assert (found.state, found.by) == (RUNNING, "sam@desk")
    assert found.since == (later if anew else NOON)
    assert found.released is released


def test_what_is_on_its_way_back_is_not_turned_round_by_a_resume():
    found = here(state=RETURNING)

    assert rollout.resumed(found, "sam@desk", NOON) == found


def test_a_runner_of_this_machine_is_known_to_be_gone():
    ended = subprocess.Popen(["true"])
    ended.wait()

    mine = here(runner=f"{ended.pid}/{who()}")
    assert not standing.runs(mine, NOON)
    assert standing.runs(here(runner=f"{os.getpid()}/{who()}"), NOON)
    assert standing.runs(here(runner=f"{ended.pid}/kim@elsewhere"), NOON)


def test_a_runner_elsewhere_is_dead_once_it_was_silent_for_too_long():
    assert standing.runs(here(), NOON + timedelta(seconds=60))
    assert not standing.runs(here(), NOON + timedelta(seconds=61))
    assert not standing.runs(here(runner=""), NOON)


def test_each_step_means_weights():
    assert expected_weights(POLICY, here(step=0)) == Weights(
        traffic={"blue": 100}, mirror={"green": 10}
    )
    assert expected_weights(POLICY, here(step=2)) == Weights(
        traffic={"blue": 50, "green": 50}
    )
    assert expected_weights(POLICY, here(state=RETURNING)) is None


def test_a_bin_is_as_long_as_a_look_and_never_longer_than_a_minute():
    assert grain_of(POLICY) == timedelta(seconds=2)
    assert grain_of(replace(POLICY, look_seconds=300)) == timedelta(minutes=1)


def test_a_dead_canary_is_found_though_each_failure_is_looked_at_by_itself():
    failed, answered, none = Side(requests=1, errors=1), Side(requests=1), Side()
    untold, found = (none, none), Evidence()

    for second in range(10):
        for sides in ((failed, none), (none, answered)):
            untold, bin = together(untold, sides, NOON + timedelta(seconds=second))
            found = found.add(bin) if bin else found

    assert untold == (none, none)
    assert found.errors.evidence > 100
