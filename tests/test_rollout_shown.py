"""Whoever looks at an endpoint is told of its rollout, and who sees to it."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from ops.diagnosis import rules
from ops.diagnosis.facts import Facts
from ops.endpoints import to_endpoint
from ops.measures import window
from ops.rollouts import decisions, policyfile, rolloutview, standing
from ops.rollouts.following import Status
from ops.rollouts.observed import Health, Observed
from ops.rollouts.progress import Progress
from ops.rollouts.standing import PAUSED, Standing
from ops.views import render, screen
from ops.watch import Sight
from ops.weights import Weights

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
HERE = Standing(
    id="20261125-115500-ab12",
    canary="green",
    stable="blue",
    step=1,
    state="running",
    since=NOW - timedelta(minutes=3),
    by="kim@laptop",
    runner="1234/kim@laptop",
    heartbeat=NOW - timedelta(seconds=20),
    limit_seconds=180,
    safe=Weights(traffic={"blue": 100}),
)


POLICY = policyfile.parse("steps:\n- {weight: 5, bake: 10m}\n")
SEEN = Observed(
    canary="green", stable="blue", started=HERE.since, step=0, step_since=HERE.since
)
HOLDS = decisions.decide(POLICY, SEEN, NOW)


def endpoint(here):
    tags = {name: value for name, value in standing.written(here).items() if value}
    properties = {"provisioningState": "Succeeded", "traffic": {"blue": 100}}
    return to_endpoint({"name": "iris", "tags": tags, "properties": properties}, {})


def findings(here):
    span = window("1h", "1m", NOW)
    found = rules.findings(
        Facts(endpoint=endpoint(here), window=span, diagnostics=True)
    )
    return [each for each in found if "rollout" in each.title]


@pytest.fixture
def said(monkeypatch):
    out = Console(file=io.StringIO(), width=200, color_system=None)
    monkeypatch.setattr(render, "console", lambda: out)
    return out.file


def test_a_rollout_that_is_seen_to_is_no_finding():
    assert findings(HERE) == []


@pytest.mark.parametrize(
    "change", [{"heartbeat": NOW - timedelta(minutes=4)}, {"runner": ""}]
)
def test_one_that_nobody_sees_to_is_serious(change):
    (found,) = findings(replace(HERE, **change))

    assert found.severity == "serious"
    assert "has no runner" in found.title
    assert found.next[:2] == ["invoke rollout.resume", "invoke rollout.abort"]


def test_one_that_waits_for_a_person_says_for_what():
    paused = replace(HERE, state=PAUSED, by="policy:person_must_look")

    (found,) = findings(paused)

    assert found.severity == "note"
    assert "paused by the policy (person must look), at step 2" in found.evidence


@pytest.mark.parametrize(
    ("change", "says"), [({}, "heard of 20 s ago"), ({"runner": ""}, "nobody runs it")]
)
def test_the_screen_has_a_line_of_it(change, says):
    sight = Sight(
        endpoint_name="iris",
        stage="local",
        looked=NOW,
        endpoint=endpoint(replace(HERE, **change)),
    )
    out = Console(width=80, height=24, file=io.StringIO())
    out.print(screen.watch(sight, 80, 24))

    line = out.file.getvalue().splitlines()[1]
    assert line.startswith("rollout of green running, step 2")
    assert says in line


def test_a_status_says_where_it_is_and_who_sees_to_it(said):
    steps = ("5%", "20%", "50%")

    rolloutview.status(Status(endpoint="iris", now=NOW, here=HERE, steps=steps))

    text = said.getvalue()
    assert "green takes over from blue: running by kim@laptop, at step 2" in text
    assert "run by 1234/kim@laptop, heard of 20 s ago" in text
    assert "5% > 20% > 50%" in text


def test_a_status_says_how_to_replay_this_rollout_and_earlier_ones(said):
    ids = (HERE.id, "20261124-080000-cd34")

    rolloutview.status(Status(endpoint="iris", now=NOW, here=HERE, ids=ids))

    text = said.getvalue()
    assert f"invoke rollout.replay --id {HERE.id}" in text
    assert "earlier: 20261124-080000-cd34" in text


def test_what_only_a_person_can_help_says_so(said):
    down = Health(state="Failed")
    facts = replace(SEEN, canary_health=down, stable_health=down)
    decision = decisions.decide(POLICY, facts, NOW)

    rolloutview.status(
        Status(endpoint="iris", now=NOW, here=HERE, steps=(), decision=decision)
    )

    assert "hold (a person is needed): green is Failed" in said.getvalue()


def test_a_pipe_is_told_what_is_new_and_not_every_look(said):
    def look(seconds, text):
        at = NOW + timedelta(seconds=seconds)
        return Progress(at=at, what="look", text=text, here=HERE, decision=HOLDS)

    events = [
        look(0, "baking 5%, 60s left; errors 0% of 1"),
        look(1, "baking 5%, 59s left; errors 0% of 2"),
        look(2, "12 of 50 requests needed at 5%"),
        Progress(at=NOW, what="advanced", text="to 20%", here=HERE),
        look(3, "13 of 50 requests needed at 5%"),
        look(64, "14 of 50 requests needed at 5%"),
        look(604, "15 of 50 requests needed at 5%"),
    ]

    last = rolloutview.follow(events)

    assert last == events[-1]
    lines = said.getvalue().splitlines()
    assert [line.split()[1] for line in lines] == [
        "hold",
        "hold",
        "advanced",
        "hold",
        "hold",
    ]
