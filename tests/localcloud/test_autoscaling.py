"""Every documented rule of Azure's autoscale engine; docs/autoscale.md lists them."""

import re
from datetime import timedelta
from pathlib import Path

import pytest

from ops.localcloud.autoscaling.decisions import Memory, Observed, decide, result
from ops.localcloud.autoscaling.profiles import chosen
from ops.localcloud.autoscaling.settings import profile as read_profile
from ops.localcloud.autoscaling.settings import setting as read
from ops.localcloud.autoscaling.triggers import value
from ops.localcloud.autoscaling.zones import zone
from tests.localcloud.autoscale_rig import (
    CPU,
    MEMORY,
    TARGET,
    at,
    back,
    profile,
    properties,
    rule,
    weekly,
)

NOW = at("2026-11-25T12:00:00")
WEEKDAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"]


def decided(*profiles, instances, last=None, now=NOW, busy="", **values):
    setting = read(properties(*profiles))
    measured = {"cpu": CPU, "memory": MEMORY}
    by_metric = {measured[name]: number for name, number in values.items()}
    triggers = [r.trigger for p in setting.profiles for r in p.rules]
    seen = Observed(
        instances=instances,
        values={each: by_metric.get(each.metric) for each in triggers},
        memory=last or Memory(),
        busy=busy,
    )
    return decide(setting, seen, now)


def made(*rules, instances, **facts):
    bounds = {
        key: facts.pop(key) for key in ("least", "most", "default") if key in facts
    }
    found = decided(profile(*rules, **bounds), instances=instances, **facts)
    return found.count, found.reason


OUT, IN = rule("> 70", "+1"), rule("< 30", "-1")


# Profiles


def test_a_fixed_date_comes_before_a_recurrence_and_that_before_the_default():
    fixed = {
        "timeZone": "UTC",
        "start": "2026-11-25T10:00:00",
        "end": "2026-11-25T14:00:00",
    }
    setting = read(
        properties(
            profile(),
            profile(name="weekly", **weekly(WEEKDAYS, "7")),
            profile(name="event", fixedDate=fixed),
        )
    )

    assert chosen(setting, NOW).name == "event"
    assert chosen(setting, at("2026-11-25T14:00:00")).name == "weekly"
    assert chosen(read(properties(profile())), NOW).name == "default"


def test_a_recurrence_runs_until_the_next_profile_starts():
    only = read(properties(profile(), profile(name="days", **weekly(["Monday"], "7"))))

    assert chosen(only, at("2026-11-29T23:00:00")).name == "days", "it has no end"
    assert chosen(only, at("2026-11-30T06:59:00")).name == "days"


def test_the_profile_named_in_json_goes_back_to_the_default():
    twin = back("days")
    setting = read(
        properties(
            profile(),
            profile(name="days", **weekly(WEEKDAYS, "7")),
            profile(name=twin, **weekly(WEEKDAYS, "19")),
        )
    )
    days = [
        chosen(setting, at(f"2026-11-{moment}")).name
        for moment in ("25T06:59:59", "25T07:00:00", "25T19:00:00", "29T12:00:00")
    ]

    assert days == [twin, "days", twin, twin]


@pytest.mark.parametrize(
    ("moment", "name"),
    [
        ("2026-03-27T05:59:00", "night"),  # Friday, CET: 07:00 is 06:00 UTC
        ("2026-03-27T06:00:00", "day"),
        ("2026-03-30T04:59:00", "night"),  # Monday, after the clocks went forward
        ("2026-03-30T05:00:00", "day"),
        ("2026-10-26T05:59:00", "night"),  # and after they went back
        ("2026-10-26T06:00:00", "day"),
    ],
)
def test_a_recurrence_follows_its_zone_through_summer_time(moment, name):
    berlin = "W. Europe Standard Time"
    setting = read(
        properties(
            profile(name="day", **weekly(WEEKDAYS, "7", berlin)),
            profile(name="night", **weekly(WEEKDAYS, "19", berlin)),
        )
    )

    assert chosen(setting, at(moment)).name == name


def test_a_fixed_date_is_in_its_own_zone():
    pacific = {
        "timeZone": "Pacific Standard Time",
        "start": "2026-12-26T00:00:00",
        "end": "2026-12-26T23:59:00",
    }
    setting = read(properties(profile(), profile(name="sale", fixedDate=pacific)))

    assert chosen(setting, at("2026-12-26T07:59:00")).name == "default"
    assert chosen(setting, at("2026-12-26T08:00:00")).name == "sale"
    assert chosen(setting, at("2026-12-27T07:59:00")).name == "default"


def test_windows_zones_are_those_of_cldr():
    assert str(zone("Pacific Standard Time")) == "America/Los_Angeles"
    assert str(zone("india standard time")) == "Asia/Calcutta"
    with pytest.raises(KeyError):
        zone("Europe/Berlin")


# Metrics


def points(*averages):
    names = ("average", "minimum", "maximum", "total")
    return [
        None if each is None else {**dict.fromkeys(names, each), "count": 2.0}
        for each in averages
    ]


@pytest.mark.parametrize(
    ("aggregation", "number"),
    [
        ("Average", 20),
        ("Minimum", 10),
        ("Maximum", 30),
        ("Total", 60),
        ("Count", 3),
        ("Last", 30),
    ],
)
def test_the_time_aggregation_combines_the_grains(aggregation, number):
    (found,) = read_profile(
        profile(rule("> 1", "+1", timeAggregation=aggregation)), TARGET
    ).rules

    assert value(found.trigger, points(10, 20, 30), 1) == number


@pytest.mark.parametrize(
    ("statistic", "number"),
    [("Average", 15), ("Min", 10), ("Max", 20), ("Sum", 30), ("Count", 2)],
)
def test_the_statistic_combines_what_was_measured_in_a_grain(statistic, number):
    made = rule("> 1", "+1", statistic=statistic)
    (found,) = read_profile(profile(made), TARGET).rules
    point = {"average": 15, "minimum": 10, "maximum": 20, "total": 30, "count": 2}

    assert value(found.trigger, [point], 1) == number


def test_the_statistic_comes_before_the_time_aggregation():
    made = rule("> 1", "+1", statistic="Average", timeAggregation="Maximum")
    (found,) = read_profile(profile(made), TARGET).rules
    spread = [{"average": 50, "maximum": 99}, {"average": 60, "maximum": 60}]

    assert value(found.trigger, spread, 1) == 60, "the highest average, not 99"


def test_a_metric_may_be_divided_among_the_instances():
    made = rule("> 1", "+1", timeAggregation="Total", dividePerInstance=True)
    (found,) = read_profile(profile(made), TARGET).rules

    assert value(found.trigger, points(100, 20), 4) == 30


def test_a_grain_without_data_is_left_out_and_none_at_all_is_missing():
    (found,) = read_profile(profile(rule("> 1", "+1")), TARGET).rules

    assert value(found.trigger, points(None, 30, 40), 1) == 35
    assert value(found.trigger, points(None, None), 1) is None


# Rules


def test_any_rule_scales_out_and_the_largest_result_wins():
    rules = (
        rule("> 70", "+3"),
        rule("> 70", "+15%"),
        rule("> 80", "+1", metric=MEMORY),
    )

    assert made(*rules, instances=10, most=30, cpu=75, memory=0) == (13, "scale_out")
    assert made(*rules, instances=40, most=50, cpu=75, memory=0) == (46, "scale_out")
    assert made(*rules, instances=10, most=30, cpu=10, memory=81) == (11, "scale_out")


def test_all_rules_scale_in_and_the_largest_result_wins():
    rules = (rule("< 30", "-50%"), rule("< 50", "-3", metric=MEMORY))

    assert made(*rules, instances=10, cpu=25, memory=49) == (7, "scale_in")
    assert made(*rules, instances=10, cpu=25, memory=51) == (10, "steady")


def test_nothing_scales_in_while_a_rule_scales_out():
    rules = (rule("> 70", "+1"), rule("< 50", "-1", metric=MEMORY))

    assert made(*rules, instances=3, cpu=75, memory=10) == (4, "scale_out")


@pytest.mark.parametrize(
    ("do", "instances", "count"),
    [
        ("+2", 3, 5),
        ("+10%", 3, 4),
        ("+50%", 3, 5),
        ("-1", 3, 2),
        ("-10%", 3, 2),
        ("-50%", 5, 3),
    ],
)
def test_counts_and_shares_change_by_whole_instances(do, instances, count):
    when = "> 1" if do[0] == "+" else "< 1"
    (found,) = read_profile(profile(rule(when, do)), TARGET).rules

    assert result(found, instances) == count


def test_the_next_allowed_value_is_one_instance():
    next_value = rule("> 70", "+5")
    next_value["scaleAction"]["type"] = "ServiceAllowedNextValue"

    assert made(next_value, instances=3, cpu=80) == (4, "scale_out")


def test_an_exact_count_is_set_and_never_in_the_other_direction():
    rules = (rule("> 90", "=8"), rule("< 10", "=2"))

    assert made(*rules, instances=3, cpu=95) == (8, "scale_out")
    assert made(*rules, instances=9, cpu=95) == (9, "at_maximum")
    assert made(rules[1], instances=5, cpu=5) == (2, "scale_in")


def test_results_stay_within_the_bounds():
    assert made(rule("> 70", "+5"), instances=3, most=4, cpu=90) == (4, "scale_out")
    assert made(OUT, instances=4, most=4, cpu=90) == (4, "at_maximum")
    assert made(rule("< 30", "-5"), instances=3, least=2, cpu=1) == (2, "scale_in")
    assert made(IN, instances=2, least=2, cpu=1) == (2, "at_minimum")
    assert made(rule("> 90", "=8"), instances=3, most=5, cpu=95) == (5, "scale_out")


@pytest.mark.parametrize(
    ("instances", "expected"),
    [(1, (3, "below_minimum")), (8, (6, "above_maximum")), (4, (4, "steady"))],
)
def test_a_manual_count_outside_the_bounds_is_brought_back(instances, expected):
    cooling = Memory(at=NOW, until=NOW + timedelta(hours=1))
    bounds = {"least": 3, "most": 6}

    assert made(OUT, instances=instances, cpu=50, last=cooling, **bounds) == expected


def test_a_profile_without_rules_only_keeps_the_bounds():
    assert made(instances=2, least=1, most=4) == (2, "no_rules")
    assert made(instances=9, least=4, most=4) == (4, "above_maximum")


# Cooldown


def test_the_last_rules_cooldown_holds_up_both_directions():
    """The example of autoscale-understanding-settings: in at 13:00, hot at 13:20."""
    last = Memory(
        at=at("2026-11-25T13:00:00"),
        until=at("2026-11-25T13:40:00"),
        what="scale-in 3 -> 2",
    )
    out = {"instances": 2, "cpu": 90, "last": last}

    held = decided(profile(OUT, IN), now=at("2026-11-25T13:20:00"), **out)

    assert (held.count, held.reason) == (2, "cooldown")
    assert "scale-in 3 -> 2 cools down until 13:40:00" in held.text
    assert made(OUT, IN, now=at("2026-11-25T13:40:00"), **out) == (3, "scale_out")
    assert made(IN, instances=2, cpu=1, last=last, now=NOW) == (2, "cooldown")


def test_the_rule_that_decides_gives_the_cooldown():
    small = rule("> 70", "+1", cooldown="PT1M")
    large = rule("> 70", "+4", cooldown="PT30M")

    found = decided(profile(small, large), instances=2, cpu=80)

    assert found.rule.cooldown == timedelta(minutes=30)


# Flapping


def test_a_scale_in_that_would_scale_out_again_is_skipped():
    """The example of autoscale-flapping: 28 % on 2 instances is 56 % on one."""
    rules = (rule("> 50", "+1"), rule("< 30", "-1"))

    found = decided(profile(*rules), instances=2, cpu=28)

    assert (found.count, found.reason, found.intended) == (2, "flapping", 1)
    assert "CpuUtilizationPercentage would be 56 on 1 (> 50)" in found.text
    assert made(*rules, instances=2, cpu=24) == (1, "scale_in")


def test_a_scale_in_takes_fewer_when_all_would_flap():
    """Azure's example: 65 % on 30 instances, by 10 under 50 requests each."""
    rules = (
        rule("> 70", "+20"),
        rule("<= 50", "-10", metric=MEMORY, dividePerInstance=True),
    )
    wide = {"most": 100, "instances": 30}

    found = decided(profile(*rules, most=100), instances=30, cpu=65, memory=50)

    assert (found.count, found.reason, found.intended) == (28, "scale_in_less", 20)
    assert made(*rules, **wide, cpu=30, memory=50) == (20, "scale_in")


def test_flapping_is_not_looked_for_when_scaling_out():
    assert made(rule("> 50", "+5"), rule("< 49", "-1"), instances=1, cpu=51) == (
        6,
        "scale_out",
    )


# What can't be read, and what can't be done


def test_without_metrics_fewer_than_the_default_become_the_default():
    bounds = {"least": 1, "most": 10, "default": 4}

    assert made(OUT, IN, instances=2, **bounds) == (4, "missing_default")
    assert made(OUT, IN, instances=6, **bounds) == (6, "missing")


def test_nothing_scales_in_while_one_metric_is_missing():
    rules = (OUT, IN, rule("< 50", "-1", metric=MEMORY))

    assert made(*rules, instances=3, cpu=5) == (3, "missing")


def test_what_can_be_read_still_scales_out():
    rules = (OUT, rule("> 80", "+1", metric=MEMORY))

    assert made(*rules, instances=3, cpu=75) == (4, "scale_out")


def test_a_setting_that_is_off_or_a_busy_target_is_left_alone():
    off = read({**properties(profile(OUT)), "enabled": False})

    assert decide(off, Observed(instances=99), NOW).reason == "disabled"
    assert made(OUT, instances=3, cpu=99, busy="being scaled") == (3, "busy")
    assert not read({k: v for k, v in properties().items() if k != "enabled"}).enabled


def test_a_rule_without_direction_does_nothing():
    idle = rule("> 70", "+1")
    idle["scaleAction"]["direction"] = "None"

    assert made(idle, instances=3, cpu=99) == (3, "steady")


def test_what_does_not_fire_is_told_with_its_numbers():
    found = decided(profile(OUT, IN), instances=3, cpu=52.04)

    assert found.text == "no rule fires: CpuUtilizationPercentage is 52.04"
    assert found.profile == "default"


def test_each_rule_of_the_page_names_a_test_that_there_is():
    """docs/autoscale.md is what a reader trusts: its last columns must not rot."""
    here = Path(__file__).parent
    page = (here.parents[1] / "docs/autoscale.md").read_text()
    rows = [line for line in page.splitlines() if line.startswith("| ")]
    named = {name for row in rows for name in re.findall(r"`(\w{25,})`", row)}
    tests = "".join(path.read_text() for path in here.glob("test_autoscal*.py"))

    assert named
    assert not [name for name in named if f"def test_{name}(" not in tests]
