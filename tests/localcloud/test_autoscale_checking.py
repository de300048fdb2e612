"""What Azure refuses of an autoscale setting, each with the field's name."""

import pytest

from ops.localcloud.autoscaling.checking import problems
from tests.localcloud.autoscale_rig import profile, properties, rule, weekly

GOOD = rule("> 70", "+1")


def changed(part, **fields):
    made = rule("> 70", "+1")
    made[part].update(fields)
    return properties(profile(made))


def fixed(start, end, zone="UTC"):
    times = {"timeZone": zone, "start": start, "end": end}
    return properties(profile(name="event", fixedDate=times))


TRIGGER, ACTION = "metricTrigger", "scaleAction"
WRONG = {
    "minimum capacity value '5'": properties(profile(least=5, most=3)),
    "greater than the default capacity of '1'": properties(
        profile(least=2, most=3, default=1)
    ),
    "default capacity value '9'": properties(profile(most=3, default=9)),
    "profiles must be 1 to 20, not 21": properties(
        *(profile(name=str(i), **weekly(["Monday"], "7")) for i in range(21))
    ),
    "profiles must be 1 to 20, not 0": properties(),
    "rules must be at most 10, not 11": properties(profile(*[GOOD] * 11)),
    "'x' is used more than once": properties(
        profile(name="x"), profile(name="x", **weekly(["Monday"], "7"))
    ),
    "only one may be without": properties(profile(name="a"), profile(name="b")),
    "cooldown must be a duration from PT1M to P7D": changed(ACTION, cooldown="PT30S"),
    "scaleAction.cooldown must": changed(ACTION, cooldown="P8D"),
    "scaleAction.value must": changed(ACTION, value="0"),
    "direction must be one of None, Increase": changed(ACTION, direction="Up"),
    "scaleAction.type must": changed(ACTION, type="Double"),
    "threshold must be a number": changed(TRIGGER, threshold="70"),
    "operator must be one of Equals": changed(TRIGGER, operator=">"),
    "statistic must be one of Average, Min, Max": changed(TRIGGER, statistic="P95"),
    "timeAggregation must be one of": changed(TRIGGER, timeAggregation="Avg"),
    "timeWindow must be a duration from PT5M to PT12H": changed(
        TRIGGER, timeWindow="PT1M"
    ),
    "timeGrain must be a duration from PT1M to PT12H": changed(
        TRIGGER, timeGrain="P1D"
    ),
    "timeWindow must not be shorter": changed(
        TRIGGER, timeGrain="PT1H", timeWindow="PT30M"
    ),
    "dimensions[0].Operator must": changed(
        TRIGGER, dimensions=[{"DimensionName": "deployment", "Values": ["blue"]}]
    ),
    "metricName must be given": changed(TRIGGER, metricName=""),
    "timeZone 'Europe/Berlin' is not supported": properties(
        profile(**weekly(["Monday"], "7", "Europe/Berlin"))
    ),
    "schedule.days must": properties(profile(**weekly(["Mon"], "7"))),
    "schedule.hours must": properties(profile(**weekly(["Monday"], "24"))),
    "start must be before end": fixed("2026-12-02T00:00:00", "2026-12-01T00:00:00"),
    "by 365 days at most": fixed("2026-12-02T00:00:00", "2028-12-01T00:00:00"),
    "end must be a time": fixed("2026-12-02T00:00:00", "tomorrow"),
    "fixedDate.timeZone 'Mars' is": fixed(
        "2026-12-02T00:00:00", "2026-12-03T00:00:00", "Mars"
    ),
    "fixedDate and recurrence can't": properties(
        profile(fixedDate={"start": "x"}, **weekly(["Monday"], "7"))
    ),
    "virtual machine scale sets": properties(
        profile(), predictiveAutoscalePolicy={"scaleMode": "Enabled"}
    ),
    "operation must be Scale": properties(
        profile(), notifications=[{"operation": "Shrink"}]
    ),
    "must be a valid HTTPS URI": properties(
        profile(),
        notifications=[
            {"operation": "Scale", "webhooks": [{"serviceUri": "ftp://example.org"}]}
        ],
    ),
    "must have a metricTrigger": properties(profile({"scaleAction": {}})),
    "capacity must be an object": properties({"name": "default"}),
    "capacity.minimum must be a number": properties(
        {"name": "default", "capacity": {"minimum": 1}}
    ),
    "profiles must be a list": {"targetResourceUri": "/x", "profiles": {}},
    "targetResourceUri must be": {"profiles": [profile()]},
}


@pytest.mark.parametrize("sentence", WRONG)
def test_each_mistake_is_named(sentence):
    assert any(sentence in each for each in problems(WRONG[sentence]))


def test_all_mistakes_are_named_at_once():
    both = changed(ACTION, cooldown="PT1S", value="none")

    assert len(problems(both)) == 2


def test_what_is_right_has_no_problem():
    right = properties(
        profile(GOOD, rule("< 30", "-1")),
        profile(name="week", **weekly(["Monday", "sunday"], "7:30")),
        notifications=[
            {"operation": "Scale", "webhooks": [{"serviceUri": "https://a.org/"}]}
        ],
    )

    assert problems(right) == []
