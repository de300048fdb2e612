"""What a rule reads at an evaluation: windows, conditions, dynamic thresholds."""

from datetime import timedelta

import pytest

from ops.localcloud.alerting.dynamic import bounds
from ops.localcloud.alerting.evaluation import MOST_FIRINGS, due, evaluate, within_limit
from ops.localcloud.alerting.readings import readings
from tests.alert_rig import ENDPOINT, NOON, log_rule, metric_rule, split

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


class Told:
    """Signals that are a function of (condition, end) and a past."""

    def __init__(self, values, past=()):
        self.values = values
        self.past = past

    def sample(self, rule, condition, scope, end):
        return self.values(condition, end)

    def history(self, rule, condition, scope, end):
        return {(): self.past}


def always(value):
    return Told(lambda condition, end: {(): value})


@pytest.mark.parametrize(
    ("operator", "met"),
    [
        ("GreaterThan", False),
        ("GreaterThanOrEqual", True),
        ("LessThan", False),
        ("LessThanOrEqual", True),
        ("Equals", True),
    ],
)
def test_a_value_is_compared_as_the_operator_says(operator, met):
    (reading,) = readings(log_rule(operator=operator), NOON, always(5.0))

    assert reading.met == met


def test_failing_windows_are_those_before_the_evaluation():
    bad = {NOON, NOON - 10 * MINUTE}
    signals = Told(lambda condition, end: {(): 9.0 if end in bad else 0.0})

    def met(*failing):
        return readings(log_rule(failing=failing), NOON, signals)[0].met

    assert [met(2, 3), met(3, 3), met(2, 2)] == [True, False, False]


def test_all_conditions_of_a_metric_rule_must_be_met():
    rule = metric_rule()
    both = [rule.conditions[0], metric_rule(metric="RequestLatency").conditions[0]]
    rule = type(rule)(**{**vars(rule), "conditions": tuple(both)})

    def met(other):
        values = {"RequestLatency_P95": 200.0, "RequestLatency": other}
        signals = Told(lambda condition, end: {(): values[condition.metric]})
        return readings(rule, NOON, signals)[0].met

    assert [met(200.0), met(50.0), met(None)] == [True, False, None]


def test_dimension_values_may_be_left_out():
    found = {(("DeploymentName", name),): 9.0 for name in ("blue", "green")}
    rule = log_rule(dimensions=[split("DeploymentName", "GREEN", exclude=True)])

    told = readings(rule, NOON, Told(lambda condition, end: found))

    assert [dict(each.dimensions) for each in told] == [{"DeploymentName": "blue"}]


def dynamic(sensitivity="Medium", operator="GreaterThan", **more):
    criterion = {
        "criterionType": "DynamicThresholdCriterion",
        "alertSensitivity": sensitivity,
        "failingPeriods": {
            "numberOfEvaluationPeriods": 1,
            "minFailingPeriodsToAlert": 1,
        },
        **more,
    }
    return metric_rule(criterion=criterion, operator=operator)


def past(days, value=lambda number: 100.0 + number % 5):
    count = days * 24
    return [
        (NOON - number * 60 * MINUTE, value(number)) for number in range(count, 0, -1)
    ]


def test_a_dynamic_threshold_is_not_known_before_three_days_and_thirty_windows():
    signals = always(500.0)

    def met(told):
        signals.past = told
        return readings(dynamic(), NOON, signals)[0].met

    assert [met(past(2)), met(past(4)), met(past(4)[::4])] == [None, True, None]


def test_sensitivity_says_how_far_from_its_past_a_metric_may_be():
    def upper(sensitivity):
        return bounds(dynamic(sensitivity).conditions[0], past(4), NOON).upper

    assert 102 < upper("High") < upper("Medium") < upper("Low")


def test_a_range_is_left_on_the_side_that_the_operator_names():
    def met(operator, value):
        signals = always(value)
        signals.past = past(4)
        return readings(dynamic(operator=operator), NOON, signals)[0].met

    assert [met("GreaterThan", 10), met("LessThan", 10)] == [False, True]
    assert [met("GreaterOrLessThan", 10), met("GreaterOrLessThan", 500)] == [True] * 2
    assert met("GreaterOrLessThan", 102) is False


def test_an_outage_in_the_past_widens_nothing():
    calm = bounds(dynamic().conditions[0], past(10), NOON)
    outage = past(10, lambda n: 5000.0 if n < 20 else 100.0 + n % 5)

    assert bounds(dynamic().conditions[0], outage, NOON).upper < 1.2 * calm.upper


def test_what_was_before_a_date_is_ignored_where_the_rule_says_so():
    since = (NOON - 2 * DAY).isoformat()

    assert bounds(dynamic(ignoreDataBefore=since).conditions[0], past(9), NOON) is None


def test_an_evaluation_fires_so_many_alerts_and_no_more():
    found = {(("DeploymentName", f"d{n}"),): 9.0 for n in range(MOST_FIRINGS + 7)}
    signals = Told(lambda condition, end: found)

    turns = within_limit(evaluate(log_rule(), {}, NOON, signals, lambda _: True))

    assert len(turns) == MOST_FIRINGS


def test_a_rule_is_due_at_the_multiples_of_its_frequency():
    rule = log_rule(evaluationFrequency="PT5M")

    found = due(rule, NOON - 5 * MINUTE, NOON + 7 * MINUTE)

    assert found == [NOON, NOON + 5 * MINUTE]


def test_a_query_may_see_further_back_than_its_window():
    rule = log_rule(overrideQueryTimeRange="PT1H")

    assert rule.span(rule.conditions[0], NOON) == (NOON - 60 * MINUTE, NOON)


def test_a_row_may_name_the_resource_that_the_alert_is_of():
    rule = log_rule()
    condition = type(rule.conditions[0])(
        **{**vars(rule.conditions[0]), "resource_column": "_ResourceId"}
    )
    rule = type(rule)(**{**vars(rule), "conditions": (condition,)})
    row = (("_ResourceId", f"{ENDPOINT}2"), ("DeploymentName", "green"))

    (reading,) = readings(rule, NOON, Told(lambda condition, end: {row: 9.0}))

    assert reading.target == f"{ENDPOINT}2"
    assert reading.dimensions == (("DeploymentName", "green"),)
