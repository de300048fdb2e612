"""Simulated rollouts: what they are made of, and what they come to."""

import math
from dataclasses import replace

import numpy
import pytest

from ops.errors import UsageError
from ops.rollouts import forecast, policyfile, rehearsal, simtraffic, simulation
from ops.rollouts.forecast import Today
from ops.rollouts.policy import Judge
from ops.rollouts.rehearsal import Asked
from ops.rollouts.simtraffic import Source, Traffic

POLICY = policyfile.parse(
    """
steps:
- {weight: 5, bake: 5m, requests: 0}
- {weight: 50, bake: 5m}
look: 1m
promote: {when: bake}
"""
)


def endings(traffic, *, rollouts=40, hours=1.0, policy=POLICY, **how):
    batches = simulation.simulate(
        policy, traffic, rollouts=rollouts, seed=7, hours=hours, **how
    )
    return [ending for batch in batches for ending in batch]


def asked(**flags):
    usual = {
        "rate": "600",
        "errors": "0.5",
        "canary_errors": None,
        "slower": "1",
        "begins": None,
        "tries": "1",
        "count_tries": False,
        "swing": "0",
        "rollouts": "20",
        "hours": None,
        "seed": "1",
        "policy": None,
    }
    return Asked(**{**usual, **flags})


def drawn(traffic, looks=200, step=1):
    """What is counted at one step in so many looks, in all."""
    generator = numpy.random.default_rng(3)
    source = Source(policy=POLICY, traffic=traffic, generator=generator)
    rows = source.draw([step] * looks, 0.0, 60.0)
    canary = sum((row.canary for row in rows[1:]), rows[0].canary)
    return canary, sum((row.stable for row in rows[1:]), rows[0].stable)


def test_a_healthy_canary_is_promoted_when_all_has_baked():
    found = endings(Traffic(per_minute=600))

    assert [each.action for each in found] == ["promote"] * 40
    assert {(each.left, each.seconds) for each in found} == {((300.0,), 600.0)}


def test_a_dead_canary_goes_back_at_the_first_look():
    found = endings(Traffic(per_minute=600, canary_error_ratio=1.0))

    assert {each.action for each in found} == {"roll_back"}
    assert {each.seconds for each in found} == {60.0}


def test_a_canary_that_gets_worse_later_goes_back_later():
    traffic = Traffic(per_minute=600, canary_error_ratio=0.5, begins_seconds=180)

    assert {each.seconds for each in endings(traffic)} == {240.0}


def test_the_same_seed_gives_the_same_endings_in_any_number_of_processes(monkeypatch):
    monkeypatch.setattr(simulation, "BATCH", 10)
    traffic = Traffic(per_minute=60, canary_error_ratio=0.2)

    one = endings(traffic, rollouts=25)
    two = endings(traffic, rollouts=25, processes=2)

    assert one == two
    assert len({each.seconds for each in one}) > 3


def test_fewer_requests_than_a_step_needs_leave_it_to_a_person():
    policy = replace(POLICY, patience_seconds=600)

    found = endings(Traffic(per_minute=1), policy=policy)

    assert {(each.action, each.rule) for each in found} == {
        ("pause", "too_few_requests")
    }


def test_counts_have_the_ratios_that_were_asked_for():
    traffic = Traffic(per_minute=6000, error_ratio=0.01, canary_error_ratio=0.05)

    canary, stable = drawn(replace(traffic, slower=1.2))

    assert canary.requests == pytest.approx(600_000, rel=0.01)
    assert canary.errors / canary.requests == pytest.approx(0.05, rel=0.02)
    assert stable.errors / stable.requests == pytest.approx(0.01, rel=0.04)
    shares = [each / stable.requests for each in stable.slow]
    assert shares == pytest.approx([0.5, 0.1, 0.01], rel=0.05)
    shares = [each / canary.requests for each in canary.slow]
    assert shares == pytest.approx(simtraffic.slow_shares(1.2, POLICY.judge), rel=0.05)


def test_a_canary_that_is_slower_by_its_slack_has_as_many_slow_requests():
    exact = Judge(slack_ratio=0.05, slack_ms=0.0)

    assert simtraffic.slow_shares(1.05, exact) == pytest.approx([0.5, 0.1, 0.01])
    assert simtraffic.slow_shares(1.0, exact)[1] < 0.1
    assert simtraffic.slow_shares(1.2, exact)[1] > 0.13


def test_a_rate_that_swings_is_highest_after_a_quarter_of_a_day():
    traffic = Traffic(per_minute=6000, daily_swing=0.5)
    generator = numpy.random.default_rng(3)
    source = Source(policy=POLICY, traffic=traffic, generator=generator)

    counts = [
        source.draw([1], hour * 3600 - 60, hour * 3600)[0].stable.requests
        for hour in (6, 12, 18)
    ]

    assert counts == pytest.approx([4500, 3000, 1500], rel=0.1)


def test_only_a_canary_that_fails_every_request_is_sure_to_fail_its_probes():
    def failed(ratio):
        traffic = Traffic(per_minute=60, error_ratio=0.0, canary_error_ratio=ratio)
        generator = numpy.random.default_rng(3)
        source = Source(policy=POLICY, traffic=traffic, generator=generator)
        (row,) = source.draw([0], 0.0, 60.0)
        return row.canary_probes.errors, row.stable_probes.errors

    assert failed(1.0) == (120, 0)
    assert failed(0.5) == (0, 0)


def test_tries_are_counted_where_callers_send_no_ids():
    once = Traffic(per_minute=600, error_ratio=0.05, tries=3)

    (first, _), (each, _) = drawn(once), drawn(replace(once, counted_once=False))

    assert each.errors == 3 * first.errors
    assert each.requests == first.requests + 2 * first.errors


def test_looks_become_rarer_only_where_they_may():
    every = simulation.looks(POLICY, 2.0)
    sparse = simulation.looks(POLICY, 2.0, sparse=True)

    assert every == [60.0 * look for look in range(1, 121)]
    assert sparse[:20] == every[:20]
    assert len(sparse) < 60
    assert sparse[-1] >= 7200


@pytest.mark.parametrize(("count", "of"), [(0, 20), (3, 50), (19, 20)])
def test_the_bound_is_where_so_few_are_one_in_a_hundred(count, of):
    bound = rehearsal.at_most(count, of)

    few = sum(
        math.comb(of, k) * bound**k * (1 - bound) ** (of - k) for k in range(count + 1)
    )
    assert few == pytest.approx(0.01, rel=1e-3)


def test_bounds_hold_at_both_ends_and_for_many():
    assert rehearsal.at_most(5, 5) == 1
    assert rehearsal.at_most(0, 20_000) == pytest.approx(1 - 0.01 ** (1 / 20_000), 1e-3)
    assert rehearsal.at_most(80, 20_000) == pytest.approx(0.0051667, abs=1e-6)


def test_a_summary_counts_and_times_what_was_found():
    flags = asked(canary_errors="20", policy=None)
    trial = replace(rehearsal.trial("iris", flags), policy=POLICY)
    found = rehearsal.summary(trial, endings(trial.traffic, rollouts=30))

    assert found.ended == {"roll_back": 30}
    assert found.rules == {"canary_is_worse": 30}
    assert found.found_seconds <= found.found_seconds_p95 <= 240
    assert found.promoted_at_most == pytest.approx(1 - 0.01 ** (1 / 30), abs=1e-4)
    assert found.promoted_seconds is None


@pytest.mark.parametrize(
    "flags",
    [{"rate": "none"}, {"errors": "101"}, {"rollouts": "0"}, {"begins": "soon"}],
)
def test_flags_that_mean_nothing_are_refused(flags):
    with pytest.raises(UsageError, match=rf"--{next(iter(flags))} takes"):
        rehearsal.trial("iris", asked(**flags))


def today(per_minute):
    return Today(
        endpoint="iris",
        stable="blue",
        canary="green",
        per_minute=per_minute,
        error_ratio=0.005,
        instances={"blue": 3, "green": 2},
        since="1h",
    )


def test_a_plan_tells_what_each_step_waits_for():
    policy = replace(POLICY, promote=replace(POLICY.promote, when="proof"))

    found = forecast.rehearse(policy, today(600), "rollout.yaml")

    assert [each.waits_for for each in found.stretches] == ["bake", "proof"]
    assert found.stretches[0].seconds == 300
    assert found.stretches[0].requests == 150
    assert found.instance_minutes == pytest.approx(found.seconds / 60 * 2)
    assert found.probes == round(4 * found.seconds)
    caught = {each.what: each for each in found.catches}
    assert caught["every request fails"].seconds_p95 == 60
    assert caught["twice as slow"].caught_ratio == 1


def test_a_plan_of_a_quiet_endpoint_sees_no_end():
    hasty = replace(POLICY, patience_seconds=600)

    found = forecast.rehearse(hasty, today(0.5), "rollout.yaml")

    assert found.seconds is None
    assert found.asked_ratio == 1
    assert found.stretches[1].waits_for == "requests"
