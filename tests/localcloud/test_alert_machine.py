"""When an alert fires and is resolved; docs/alerts-engine.md has the table of rules."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from ops.localcloud.alerting.machine import Series, advance, ended, series
from tests.alert_rig import NOON, log_rule, metric_rule

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parents[2]


def played(rule, mets, frequency=None):
    """The events of evaluations in a row: those of `mets`, by their number."""
    memory, events = Series(), []
    for number, met in enumerate(mets):
        step = advance(rule, memory, met, NOON + number * rule.frequency)
        memory = series(step.series.to_json())  # a restart between any two
        if step.event:
            events.append((number, step.event))
    return events


def test_it_fires_once_for_as_long_as_the_condition_is_met():
    assert played(log_rule(), [False, True, True, True]) == [(1, "fired")]


def test_a_metric_alert_is_resolved_by_three_healthy_evaluations():
    found = played(metric_rule(), [True, False, False, True, False, False, False])

    assert found == [(0, "fired"), (6, "resolved")]


@pytest.mark.parametrize(
    ("frequency", "healthy"),
    [
        ("PT1M", 10),
        ("PT5M", 3),
        ("PT15M", 3),
        ("PT30M", 2),
        ("PT6H", 2),
        ("PT12H", 1),
        ("P1D", 1),
    ],
)
def test_how_long_a_log_alert_takes_to_resolve_goes_by_its_frequency(
    frequency, healthy
):
    rule = log_rule(evaluationFrequency=frequency)

    found = played(rule, [True] + [False] * (healthy + 1))

    assert found == [(0, "fired"), (healthy, "resolved")]


def test_a_log_rule_may_say_itself_how_long_it_takes_to_resolve():
    rule = log_rule(
        resolveConfiguration={"autoResolved": True, "timeToResolve": "PT4M"}
    )

    assert played(rule, [True] + [False] * 5)[-1] == (4, "resolved")


def test_one_failing_evaluation_starts_the_count_anew():
    found = played(log_rule(), [True] + [False] * 9 + [True] + [False] * 9)

    assert found == [(0, "fired")]


def test_after_it_was_resolved_it_fires_anew():
    found = played(metric_rule(), [True, False, False, False, True])

    assert found == [(0, "fired"), (3, "resolved"), (4, "fired")]


def test_a_stateless_rule_fires_whenever_it_is_met_and_is_never_resolved():
    rule = log_rule(autoMitigate=False)

    found = played(rule, [True, True] + [False] * 12 + [True])

    assert found == [(0, "fired"), (1, "fired"), (14, "fired")]


def test_muted_actions_are_silent_for_their_duration_and_no_longer():
    rule = log_rule(autoMitigate=False, muteActionsDuration="PT5M")
    memory, muted = Series(), []
    for number in range(7):
        step = advance(rule, memory, True, NOON + number * MINUTE)
        memory = step.series
        muted.append(step.muted)

    assert muted == [False, True, True, True, True, False, True]


def test_what_can_not_be_told_is_neither_healthy_nor_failing():
    found = played(metric_rule(), [True, False, None, None, False, None, False])

    assert found == [(0, "fired"), (6, "resolved")]


def test_nothing_fires_on_what_can_not_be_told():
    assert played(metric_rule(), [None, None]) == []


def test_a_day_without_data_forgets_what_was_fired():
    rule = metric_rule()
    fired = advance(rule, Series(), True, NOON).series
    day = timedelta(days=1)

    assert advance(rule, fired, None, NOON + day - MINUTE).event == ""
    assert advance(rule, fired, None, NOON + day).event == "resolved"


def test_what_was_fired_is_resolved_with_its_target():
    fired = advance(log_rule(), Series(), True, NOON).series

    assert ended(Series(fired=fired.fired, alert="1"), "gone").event == "resolved"
    assert ended(Series(), "gone").event == ""


def test_each_rule_of_the_page_has_the_test_that_it_names():
    page = (ROOT / "docs/alerts-engine.md").read_text()
    tests = "".join(
        path.read_text() for path in (ROOT / "tests/localcloud").glob("*.py")
    )

    assert not [
        name
        for name in re.findall(r"`(test_\w+)`", page)
        if f"def {name}(" not in tests
    ]
