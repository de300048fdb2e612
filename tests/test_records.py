"""A record that is read again holds what was seen and decided, to the last bit."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.rollouts import decisions, policyfile, records, replay
from ops.rollouts.canary import Thresholds
from ops.rollouts.evidence import Bin, Evidence, Side
from ops.rollouts.observed import Observed
from ops.rollouts.records import Beginning, Event, Record
from ops.weights import Weights

NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
TEXT = "steps:\n- {weight: 10, bake: 2m, requests: 0}\n- {weight: 50, bake: 2m}\n"
POLICY = policyfile.parse(TEXT)
STRICT = policyfile.parse(TEXT + "judge: {alpha: 0.2}\n")
BEGUN = Beginning(
    id="20261125-120000-ab12",
    stage="local",
    endpoint="iris",
    canary="green",
    stable="blue",
    started=NOON,
    who="kim@laptop",
    reason="a better model",
    policy=TEXT,
    limits=Thresholds(requests=1000, p50=4.5, p90=9.0, p99=30.25),
    shape={"labels": ["text"]},
    safe=Weights(traffic={"blue": 100}),
)


@pytest.fixture
def record(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path))
    return Record(None, BEGUN, 1)


def looks(count, errors=0, policy=POLICY):
    """What a minute by minute look sees and decides."""
    seen = Observed(
        canary="green",
        stable="blue",
        started=NOON,
        step=0,
        step_since=NOON,
        evidence=Evidence(terms=policy.terms(NOON)),
    )
    for minute in range(1, count + 1):
        at = NOON + timedelta(minutes=minute)
        canary = Side(requests=60, errors=errors, slow=(30, 6, 1))
        stable = Side(requests=540, errors=1, slow=(270, 54, 5))
        bin = Bin(at=at, canary=canary, stable=stable)
        seen = replace(seen, evidence=seen.evidence.add(bin), watermark=at)
        yield seen, decisions.decide(policy, seen, at)


def read():
    path = records.local_path(BEGUN, 1)
    assert path.stat().st_mode & 0o777 == 0o600
    return records.parse(path.read_text().splitlines())


def test_what_was_written_is_read_again(record):
    written = list(looks(4, errors=1))
    for each in written:
        record.look(*each)
    record.event(Event(at=NOON, what="advanced", text="blue 50%, green 50%"))

    past = read()

    assert (past.beginning, past.run) == (BEGUN, 1)
    assert [look.decision for look in past.looks] == [found for _, found in written]
    assert past.looks[-1].observed.evidence.bins == written[-1][0].evidence.bins
    assert [event.what for event in past.events] == ["advanced"]


def test_a_line_that_was_cut_off_costs_only_itself(record):
    for each in looks(2):
        record.look(*each)
    path = records.local_path(BEGUN, 1)
    path.write_text(path.read_text()[:-40])

    assert len(read().looks) == 1


def test_every_decision_is_made_again_alike(record):
    for each in looks(6, errors=2):
        record.look(*each)

    found = replay.again([read()], POLICY)

    assert found.exact
    assert found.looks == 6
    assert not found.compared


def test_a_decision_that_was_tampered_with_is_told(record):
    for seen, decision in looks(3):
        record.look(seen, replace(decision, reason="because"))

    found = replay.again([read()], POLICY)

    assert len(found.changed) == 3
    assert not found.exact


def test_another_policy_says_when_it_would_have_acted(record):
    written = list(looks(8, errors=2))
    for each in written:
        record.look(*each)

    found = replay.again([read()], POLICY, STRICT)

    ours = next(d.at for _, d in written if d.action == "roll_back")
    assert found.other_ended.action == "roll_back"
    assert found.other_ended.at < ours
    assert found.other[0].at == found.other_ended.at


@pytest.mark.parametrize(
    ("step", "there"),
    [
        ({"mirror_percent": 10}, 0),
        ({"weight_percent": 20}, 1),
        ({"weight_percent": 5}, 0),
    ],
)
def test_weights_are_found_among_another_policys_steps(step, there):
    from ops.rollouts.policy import Step

    other = policyfile.parse(
        "steps:\n- {mirror: 10}\n- {weight: 10}\n- {weight: 50}\n"
    ).steps

    assert replay.place(Step(**step), other) == there
