"""autoscale.yaml means what it says; one that can't be meant is refused whole."""

import json
from pathlib import Path

import pytest

from ops.autoscaling import scalefile, setting, timefields
from ops.errors import InvalidSpec, NotFound
from ops.localcloud.autoscaling.checking import problems
from ops.yaml_file import parse_yaml

SPECS = Path(__file__).parent / "specs"
TARGET = "/subscriptions/s/onlineEndpoints/iris/deployments/blue"
AT = "deployments.blue"


def read(text):
    found, mistakes = scalefile.check(parse_yaml(text, "autoscale.yaml"), ["blue"])
    assert not mistakes
    return found["blue"]


def blue(*lines):
    body = "".join(f"    {line}\n" for line in lines)
    return read(f"zone: Europe/Berlin\ndeployments:\n  blue:\n{body}")


def wire(found):
    made = setting.to_wire(found, TARGET, "westeurope")
    assert problems(made["properties"]) == [], "localcloud takes what we make"
    return made


@pytest.fixture
def specs(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path))
    (tmp_path / "iris").mkdir()
    return tmp_path / "iris"


def test_all_mistakes_are_told_at_once(specs):
    (specs / "autoscale.yaml").write_text(
        "zone: Mars\ndeployments:\n  blue: {maximum: 99, cpu: 0}\n  green: {}\n"
    )

    with pytest.raises(InvalidSpec) as caught:
        scalefile.load("iris", ["blue", "green"])

    assert all(
        f"{field}: " in caught.value.problem
        for field in ("zone", f"{AT}.maximum", f"{AT}.cpu.over", "deployments.green")
    )


def test_a_missing_file_says_where_an_example_is(specs):
    with pytest.raises(NotFound) as caught:
        scalefile.load("iris")

    assert "cp " in caught.value.remedies[0]


def test_the_example_is_sound():
    found = scalefile.load("iris", ["blue", "green"])

    assert sorted(found) == ["blue", "green"]
    assert [each.flaps() for each in found.values()] == [[], []]
    assert [wire(each)["location"] for each in found.values()] == ["westeurope"] * 2


def test_a_pair_that_flaps_is_told_with_what_would_not():
    found, mistakes = scalefile.check(
        parse_yaml((SPECS / "autoscale-flapping-pair.yaml").read_text(), "")
    )

    assert not mistakes, "it is legal, and Azure puts up with it"
    (text,) = found["blue"].flaps()
    assert (
        "from 2 to 1, where the same load is up to 80 (> 60 scales out again)" in text
    )
    assert "keep it under 30" in text


def test_cpu_near_60_scales_in_only_where_one_fewer_stays_well_below():
    one = blue("maximum: 5", "cpu: 60")
    four = blue("minimum: 4", "maximum: 9", "cpu: 60")

    assert [rule.shown for rule in one.rules] == [
        "CpuUtilizationPercentage > 60",
        "CpuUtilizationPercentage < 27",
    ]
    assert four.rules[1].limit == 43
    assert one.flaps() == four.flaps() == []


def test_requests_are_counted_by_instance_and_latency_only_scales_out():
    found = blue("maximum: 5", "requests: 600", "latency_p95: 500ms")

    assert [(r.shown, r.up, r.per_instance) for r in found.rules] == [
        ("RequestsPerMinute > 600", True, True),
        ("RequestsPerMinute < 270", False, True),
        ("RequestLatency_P95 > 500", True, False),
    ]


def test_the_full_form_says_all_that_azure_can():
    found = blue(
        "maximum: 5",
        "enabled: false",
        "tags: {team: ml}",
        "notify: {emails: [a@b.org], webhooks: [{url: https://b.org, "
        "properties: {k: v}}]}",
        "rules:",
        "- metric: RequestLatency",
        "  of: endpoint",
        '  when: ">= 250.5"',
        '  do: "+20%"',
        "  window: 10m",
        "  grain: 5m",
        "  cooldown: 1h",
        "  statistic: max",
        "  aggregation: last",
        "  per_instance: true",
        "  dimensions: {deployment: blue}",
        '- {metric: CpuUtilizationPercentage, when: "< 10", do: "-=2"}',
        '- {metric: CpuMemoryUtilizationPercentage, when: "= 0", do: "-next"}',
    )

    made = wire(found)
    (first, exact, following) = made["properties"]["profiles"][0]["rules"]
    assert made["tags"] == {"team": "ml"}
    assert made["properties"]["enabled"] is False
    assert made["properties"]["notifications"][0]["webhooks"] == [
        {"serviceUri": "https://b.org", "properties": {"k": "v"}}
    ]
    assert first["metricTrigger"] == {
        "metricName": "RequestLatency",
        "metricResourceUri": TARGET.removesuffix("/deployments/blue"),
        "timeGrain": "PT5M",
        "statistic": "Max",
        "timeWindow": "PT10M",
        "timeAggregation": "Last",
        "operator": "GreaterThanOrEqual",
        "threshold": 250.5,
        "dimensions": [
            {"DimensionName": "deployment", "Operator": "Equals", "Values": ["blue"]}
        ],
        "dividePerInstance": True,
    }
    assert first["scaleAction"] == {
        "direction": "Increase",
        "type": "PercentChangeCount",
        "value": "20",
        "cooldown": "PT60M",
    }
    assert exact["scaleAction"]["type"] == "ExactCount"
    assert following["scaleAction"]["type"] == "ServiceAllowedNextValue"


def times(made):
    """name -> (days, hour, minute) of each recurring profile."""
    found = {}
    for profile in made["properties"]["profiles"]:
        if recurrence := profile.get("recurrence"):
            schedule = recurrence["schedule"]
            name = profile["name"]
            name = json.loads(name)["for"] + " back" if name[0] == "{" else name
            (hour,), (minute,) = schedule["hours"], schedule["minutes"]
            found[name] = (" ".join(d[:2] for d in schedule["days"]), hour, minute)
    return found


def test_a_schedule_becomes_a_profile_and_the_way_back():
    made = wire(blue("maximum: 5", "schedules:", "- weekdays 7-19:30 at least 4"))

    assert times(made) == {
        "weekdays 7-19:30": ("Mo Tu We Th Fr", 7, 0),
        "weekdays 7-19:30 back": ("Mo Tu We Th Fr", 19, 30),
    }
    capacities = [each["capacity"] for each in made["properties"]["profiles"]]
    assert [each["minimum"] for each in capacities] == ["1", "4", "1"]
    assert capacities[1] == {"minimum": "4", "maximum": "5", "default": "4"}
    (_, day, _) = made["properties"]["profiles"]
    zone = day["recurrence"]["schedule"]["timeZone"]
    assert zone == "W. Europe Standard Time"


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ("weekdays 7-19 exactly 0", "must have 1 to 50 instances"),
        ("weekdays 7-19 at least 51", "must have 1 to 50 instances"),
        ("weekdays 7-25 at least 2", "must be a time of day from 0:00 to 24:00"),
        ("workdays 7-19 at least 2", "must be days: weekdays, weekends"),
        ("weekdays 7-19 about 2", "must be: at least N, at most N or exactly N"),
    ],
)
def test_words_that_can_not_be_meant_are_refused(words, problem):
    with pytest.raises(ValueError, match=problem):
        timefields.worded(words)


def test_there_is_no_way_back_where_another_window_takes_over():
    made = wire(
        blue(
            "maximum: 5",
            "schedules:",
            "- weekends 0-24 exactly 1",
            "- weekdays 6-14 exactly 2",
            "- weekdays 14-22 exactly 3",
        )
    )

    assert times(made) == {
        "weekends 0-24": ("Sa Su", 0, 0),
        "weekends 0-24 back": ("Mo", 0, 0),
        "weekdays 6-14": ("Mo Tu We Th Fr", 6, 0),
        "weekdays 14-22": ("Mo Tu We Th Fr", 14, 0),
        "weekdays 14-22 back": ("Mo Tu We Th Fr", 22, 0),
    }


def test_a_window_may_last_into_the_next_day_and_have_rules_of_its_own():
    made = wire(
        blue(
            "maximum: 5",
            "cpu: 60",
            "schedules:",
            "- {name: night, days: sun, from: 22, to: 6, maximum: 2, rules: []}",
        )
    )

    assert times(made) == {"night": ("Su", 22, 0), "night back": ("Mo", 6, 0)}
    (base, night, back) = made["properties"]["profiles"]
    assert (len(base["rules"]), night["rules"], len(back["rules"])) == (2, [], 2)


def test_a_date_is_told_in_utc():
    made = wire(
        blue(
            "maximum: 5",
            "dates:",
            "- {name: sale, from: 2026-07-01 00:00, to: 2026-07-02, minimum: 5}",
        )
    )

    (_, sale) = made["properties"]["profiles"]
    assert sale["fixedDate"] == {
        "timeZone": "UTC",
        "start": "2026-06-30T22:00:00Z",
        "end": "2026-07-01T22:00:00Z",
    }
    assert sale["capacity"]["default"] == "5"


def test_the_sdk_reads_what_is_compiled():
    from azure.mgmt.monitor.models import AutoscaleSettingResource

    found = scalefile.load("iris", ["blue", "green"])["blue"]
    made = setting.to_wire(found, TARGET, "westeurope")

    read = AutoscaleSettingResource.from_dict(made)

    assert read.target_resource_uri == TARGET
    assert read.profiles[0].rules[0].metric_trigger.time_window.total_seconds() == 300
    assert read.profiles[1].recurrence.schedule.hours == [7]
