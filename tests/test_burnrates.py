"""Burn-rate windows against the workbook's own cases, and the queries they become."""

import math
import re
from datetime import timedelta

import pytest

from ops import slo
from ops.alerting import burnrates
from ops.alerting.burnrates import SPEEDS
from ops.errors import InvalidSpec

MONTH, HOUR = timedelta(days=30), timedelta(hours=1)
BUDGET = 0.001  # the workbook's examples promise 99.9 % over thirty days


@pytest.mark.parametrize(
    ("speed", "factor"),
    [("fast", 14.4), ("slow", 6), ("day", 3), ("three_days", 1)],
)
def test_a_factor_spends_its_share_of_the_budget_in_its_window(speed, factor):
    assert SPEEDS[speed].factor(MONTH) == pytest.approx(factor)


def test_factors_follow_the_objectives_own_window():
    four_weeks = timedelta(days=28)

    found = [each.factor(four_weeks) for each in SPEEDS.values()]

    assert found == pytest.approx([13.44, 5.6, 2.8, 14 / 15])


@pytest.mark.parametrize("speed", SPEEDS.values(), ids=SPEEDS)
def test_the_short_window_is_a_twelfth_of_the_long_one(speed):
    assert speed.long / speed.short == 12


@pytest.mark.parametrize(
    ("speed", "error_ratio", "seconds"),
    [
        ("fast", 1.0, 51.84),  # nothing works
        ("slow", 1.0, 129.6),
        ("three_days", 1.0, 259.2),
        ("fast", 0.15, 345.6),  # figure 5-6: fifteen percent of errors
        ("fast", 0.0144 * (1 + 1e-9), 3600),  # the factor itself: the whole window
        ("slow", 0.006 * (1 + 1e-9), 6 * 3600),
    ],
)
def test_detection_takes_as_long_as_the_workbook_says(speed, error_ratio, seconds):
    found = burnrates.detection_time(SPEEDS[speed], MONTH, BUDGET, error_ratio)

    assert found.total_seconds() == pytest.approx(seconds, rel=1e-6)


def test_what_burns_slower_than_the_factor_is_never_detected():
    assert burnrates.detection_time(SPEEDS["fast"], MONTH, BUDGET, 0.0143) is None


@pytest.mark.parametrize(
    ("speed", "most"), [("fast", 300), ("slow", 1800), ("three_days", 6 * 3600)]
)
def test_an_alert_resets_within_its_short_window(speed, most):
    """Five minutes after the errors end, and not an hour: the workbook's figure 5-7."""
    found = burnrates.reset_time(SPEEDS[speed], MONTH, BUDGET, 0.15)

    assert 0.9 * most < found.total_seconds() <= most


def test_silence_is_told_when_a_total_outage_would_be_and_late_rows_have_come():
    found = burnrates.absence_time(SPEEDS["fast"], MONTH, BUDGET)

    assert found.total_seconds() == pytest.approx(51.84 + 300)


def binomial(k, n, p):
    ways = math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
    return math.exp(ways + k * math.log(p) + (n - k) * math.log1p(-p))


@pytest.mark.parametrize("requests", [10, 60, 1000, 3600])
@pytest.mark.parametrize("budget", [0.0001, 0.001, 0.05])
def test_errors_that_chance_explains_never_tell(requests, budget):
    least = burnrates.fewest_errors(requests, budget)
    tail = sum(binomial(k, requests, budget) for k in range(least, requests + 1))

    assert tail <= burnrates.ALPHA


def test_one_error_of_a_quiet_hour_wakes_nobody():
    assert burnrates.fewest_errors(10, BUDGET) == 3
    assert burnrates.fewest_errors(3600, BUDGET) < 3600 * 0.0144


def test_a_burn_block_becomes_a_query_of_the_callers_requests():
    found = burnrates.expand("iris", {"objective": "availability", "speed": "fast"})

    assert (found.operator, found.threshold) == ("GreaterThan", 14.4)
    assert (found.window, found.every) == (HOUR, timedelta(minutes=1))
    assert found.dimensions == ("DeploymentName",)
    assert 'OperationName !~ "mirror"' in found.query
    assert 'UserAgent !startswith "aml-ops-probe"' in found.query
    assert "0.001 * Requests" in found.query


def test_three_days_are_refused_with_the_reason():
    block = {"objective": "availability", "speed": "three_days"}

    with pytest.raises(InvalidSpec, match="looks back two days at most"):
        burnrates.expand("iris", block)


def test_all_that_is_wrong_with_a_block_is_told_at_once():
    _, found = burnrates.check({"objectiv": "availability", "speed": "quick"})

    assert [str(each) for each in found] == [
        "burn.objectiv: unknown key (did you mean objective?)",
        "burn.speed: 'quick' must be one of: fast, slow, day, three_days, absence",
        "burn.objective: must be given",
    ]


def test_absence_is_told_of_the_whole_endpoint():
    block = {"objective": "availability", "speed": "absence"}

    assert burnrates.expand("iris", block).dimensions == ()
    _, found = burnrates.check({**block, "per": "deployment", "requests": 5})
    assert [each.field for each in found] == ["burn.per", "burn.requests"]


def test_an_unknown_objective_is_told_with_those_there_are():
    block = {"objective": "freshness", "speed": "fast"}

    with pytest.raises(InvalidSpec, match=re.escape("(it has: availability, latency)")):
        burnrates.expand("iris", block)


def test_a_factor_beyond_all_requests_is_refused(monkeypatch):
    loose = slo.Objective(name="loose", target_ratio=0.9, bad=("5xx",))
    promised = slo.Slo(endpoint="iris", time_window=MONTH, objectives={"loose": loose})
    monkeypatch.setattr(slo, "load", lambda endpoint: promised)

    with pytest.raises(InvalidSpec, match="can never fire"):
        burnrates.expand("iris", {"objective": "loose", "speed": "fast"})
