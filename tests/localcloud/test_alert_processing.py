"""Alert processing rules: whom they fit, when they hold, and what they do."""

from datetime import UTC, datetime

import pytest

from ops.localcloud.alerting.processing import Told, applies, processed
from ops.localcloud.alerting.schedules import active
from tests.alert_rig import ENDPOINT, GROUP, INSIGHTS, NOON

TOLD = Told(
    rule=f"{INSIGHTS}/scheduledQueryRules/aml-ops-iris-errors",
    rule_name="aml-ops-iris-errors",
    target=ENDPOINT,
    severity=2,
    signal="Log",
    service="Log Alerts V2",
    condition="Fired",
    description="Green fails.",
    context={"dimensions": [{"name": "DeploymentName", "value": "green"}]},
)


def filters(*conditions):
    told = [
        {"field": field, "operator": operator, "values": list(values)}
        for field, operator, *values in conditions
    ]
    return {"scopes": [ENDPOINT], "conditions": told, "actions": [], "enabled": True}


@pytest.mark.parametrize(
    ("condition", "fits"),
    [
        (("AlertRuleName", "Equals", "AML-OPS-IRIS-ERRORS"), True),
        (("AlertRuleName", "Contains", "latency", "errors"), True),
        (("AlertRuleName", "DoesNotContain", "errors"), False),
        (("AlertRuleId", "Equals", TOLD.rule.lower()), True),
        (("AlertContext", "Contains", '"value": "green"'), True),
        (("AlertContext", "Contains", '"value": "blue"'), False),
        (("Description", "Contains", "fails"), True),
        (("MonitorCondition", "Equals", "Resolved"), False),
        (("MonitorService", "NotEquals", "Platform"), True),
        (("Severity", "Equals", "Sev0", "Sev2"), True),
        (("SignalType", "Equals", "Metric"), False),
        (("TargetResource", "Equals", ENDPOINT), True),
        (("TargetResourceGroup", "Equals", "/subscriptions/s/resourceGroups/RG"), True),
        (("TargetResourceType", "Contains", "onlineendpoints"), True),
    ],
)
def test_a_filter_lets_an_alert_through_by_one_of_its_values(condition, fits):
    assert applies(filters(condition), TOLD, NOON) == fits


def test_every_filter_must_let_it_through():
    both = [("Severity", "Equals", "Sev2"), ("SignalType", "Equals", "Metric")]

    assert not applies(filters(*both), TOLD, NOON)


@pytest.mark.parametrize(
    ("scope", "fits"),
    [
        (GROUP.split("/providers")[0], True),
        (ENDPOINT.upper(), True),
        (ENDPOINT[:-1], False),
        (f"{ENDPOINT}/deployments/green", False),
    ],
)
def test_a_scope_is_a_resource_and_all_below_it(scope, fits):
    assert applies({**filters(), "scopes": [scope]}, TOLD, NOON) == fits


def test_a_disabled_rule_fits_nothing():
    assert not applies({**filters(), "enabled": False}, TOLD, NOON)


def test_suppression_wins_over_what_is_added():
    adding = {"actionType": "AddActionGroups", "actionGroupIds": ["a", "a", "b"]}
    rules = [
        {"name": "add", "properties": {**filters(), "actions": [adding]}},
        {
            "name": "mute",
            "properties": {
                **filters(),
                "actions": [{"actionType": "RemoveAllActionGroups"}],
            },
        },
    ]

    assert processed(rules[:1], TOLD, NOON).added == ("a", "b")
    assert processed(rules, TOLD, NOON).suppressed_by == "mute"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


BERLIN = "W. Europe Standard Time"


@pytest.mark.parametrize(
    ("schedule", "moment", "holds"),
    [
        (None, "2026-11-02T12:00", True),
        ({"effectiveFrom": "2026-11-02T12:00:00"}, "2026-11-02T11:59", False),
        ({"effectiveFrom": "2026-11-02T12:00:00"}, "2026-11-02T12:00", True),
        ({"effectiveUntil": "2026-11-02T12:00:00"}, "2026-11-02T12:00", False),
        # In winter it is an hour later in Berlin, in summer two.
        (
            {"effectiveFrom": "2026-11-02T12:00:00", "timeZone": BERLIN},
            "2026-11-02T11:00",
            True,
        ),
        (
            {"effectiveFrom": "2026-07-02T12:00:00", "timeZone": BERLIN},
            "2026-07-02T10:00",
            True,
        ),
    ],
)
def test_a_schedule_holds_from_one_time_until_another_in_its_zone(
    schedule, moment, holds
):
    assert active(schedule, at(moment)) == holds


def recurring(kind, start="00:00:00", end="00:00:00", **days):
    told = {"recurrenceType": kind, "startTime": start, "endTime": end, **days}
    return {"timeZone": "UTC", "recurrences": [told]}


WEEKEND = ["Saturday", "Sunday"]


@pytest.mark.parametrize(
    ("schedule", "moment", "holds"),
    [
        (recurring("Daily", "09:00:00", "17:00:00"), "2026-11-02T09:00", True),
        (recurring("Daily", "09:00:00", "17:00:00"), "2026-11-02T17:00", False),
        (recurring("Daily", "17:00:00", "09:00:00"), "2026-11-02T23:00", True),
        (recurring("Daily", "17:00:00", "09:00:00"), "2026-11-02T08:59", True),
        (recurring("Weekly", daysOfWeek=WEEKEND), "2026-11-01T12:00", True),
        (recurring("Weekly", daysOfWeek=WEEKEND), "2026-11-02T12:00", False),
        # From Sunday evening into Monday morning.
        (
            recurring("Weekly", "22:00:00", "06:00:00", daysOfWeek=["Sunday"]),
            "2026-11-02T05:00",
            True,
        ),
        (
            recurring("Weekly", "22:00:00", "06:00:00", daysOfWeek=["Sunday"]),
            "2026-11-01T05:00",
            False,
        ),
        (recurring("Monthly", daysOfMonth=[1, -1]), "2026-11-30T12:00", True),
        (recurring("Monthly", daysOfMonth=[1, -1]), "2026-11-02T12:00", False),
    ],
)
def test_a_recurrence_holds_on_its_days_between_its_times(schedule, moment, holds):
    assert active(schedule, at(moment)) == holds
