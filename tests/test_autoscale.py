"""Autoscale settings compared, told in words, and played over loads."""

import copy
import shutil
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops import autoscale
from ops.autoscaling import (
    actions,
    floors,
    loads,
    playing,
    scalefile,
    setting,
    showing,
    words,
)
from ops.autoscaling.deployed import SUSPENDED, Setting, carry, same
from ops.autoscaling.engine import Verdict
from ops.autoscaling.suspending import length, pinning
from ops.endpoints import to_deployment, to_endpoint
from ops.errors import InvalidSpec, Refused, UsageError
from ops.flow import Flow, Recent
from ops.specs import load as load_spec
from ops.weights import Weights

TARGET = "/subscriptions/s/onlineEndpoints/iris/deployments/blue"
CPU = "CpuUtilizationPercentage"
NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)


@pytest.fixture
def body():
    return setting.to_wire(scalefile.load("iris")["blue"], TARGET, "westeurope")


def live(body, name="iris-blue-autoscale"):
    return Setting(name=name, deployment="blue", enabled=True, body=body)


def test_what_the_service_spells_otherwise_is_the_same(body):
    echo = copy.deepcopy(body)
    echo["properties"]["name"] = "iris-blue-autoscale"
    echo["properties"]["targetResourceUri"] = TARGET.upper()
    trigger = echo["properties"]["profiles"][0]["rules"][0]["metricTrigger"]
    trigger |= {"timeWindow": "PT300S", "dimensions": None, "metricNamespace": ""}

    assert same(echo, body)


@pytest.mark.parametrize(
    ("key", "value"), [("threshold", 61), ("dividePerInstance", True)]
)
def test_what_means_something_else_is_not_the_same(body, key, value):
    other = copy.deepcopy(body)
    other["properties"]["profiles"][0]["rules"][0]["metricTrigger"][key] = value

    assert not same(other, body)


def test_what_the_service_adds_is_no_difference(body):
    echo = copy.deepcopy(body)
    echo["properties"]["predictiveAutoscalePolicy"] = {
        "scaleMode": "Disabled",
        "scaleLookAheadTime": None,
    }
    echo["properties"]["somethingNew"] = {"mode": "On"}
    for profile in echo["properties"]["profiles"]:
        profile |= {"fixedDate": profile.get("fixedDate"), "fromNextYear": 7}
        profile["capacity"] = {k: int(v) for k, v in profile["capacity"].items()}

    assert same(echo, body)


@pytest.mark.parametrize("key", ["dimensions", "dividePerInstance"])
def test_what_was_taken_out_of_the_file_is_a_difference(body, key):
    there = copy.deepcopy(body)
    trigger = there["properties"]["profiles"][0]["rules"][0]["metricTrigger"]
    trigger["dimensions"] = [
        {"DimensionName": "instanceId", "Operator": "Equals", "Values": ["a"]}
    ]
    trigger["dividePerInstance"] = True
    wanted = copy.deepcopy(there)
    del wanted["properties"]["profiles"][0]["rules"][0]["metricTrigger"][key]

    assert same(there, there)
    assert not same(there, wanted)


def test_what_a_person_has_switched_on_is_a_difference(body):
    other = copy.deepcopy(body)
    other["properties"]["predictiveAutoscalePolicy"] = {"scaleMode": "ForecastOnly"}

    assert not same(other, body)


def test_a_change_is_told_by_what_it_changes(body):
    other = copy.deepcopy(body)
    for profile in other["properties"]["profiles"]:
        profile["capacity"]["maximum"] = "9"

    changes = autoscale.compared(words.described(body), words.described(other))

    assert changes[0] == (
        "~ default, instances: 1 to 3, 2 without metrics -> 1 to 9, 2 without metrics"
    )
    assert all("rule" not in each for each in changes)


def test_a_suspension_is_carried_over_and_ends(body):
    there = copy.deepcopy(body)
    until = datetime(2026, 11, 25, 14, tzinfo=UTC)
    there["properties"]["profiles"].insert(0, pinning(4, NOW, until))
    there["tags"] = {"aml-ops.suspended": "ana: a test"}

    found = live(there).suspended(NOW)
    carry(body, live(there), NOW)

    assert found.shown == "at 4 until 2026-11-25 14:00:00 UTC (ana: a test)"
    assert live(there).suspended(until) is None
    assert body["properties"]["profiles"][0]["name"] == SUSPENDED
    assert same(there, body)


def test_tags_that_others_have_set_stay(body):
    there = copy.deepcopy(body)
    there["tags"] = {"cost-center": "7", "team": "ml"}
    body["tags"] = {"team": "vision"}

    carry(body, live(there), NOW)

    assert body["tags"] == {"cost-center": "7", "team": "vision"}


def test_a_suspension_has_a_length():
    assert length("2h").total_seconds() == 7200
    for wrong in (None, "31d", "5s"):
        with pytest.raises(UsageError, match="--for"):
            length(wrong)


def row(operation, minute, status="Succeeded", correlation="a", counts=(1, 2), text=""):
    return {
        "operationName": {
            "value": f"Microsoft.Insights/AutoscaleSettings/{operation}/Action"
        },
        "eventTimestamp": f"2026-11-25T12:{minute:02}:00.0000000Z",
        "correlationId": correlation,
        "status": {"value": status},
        "description": text,
        "properties": dict(
            zip(
                ("OldInstancesCount", "NewInstancesCount"),
                map(str, counts),
                strict=True,
            )
        ),
    }


def test_an_actions_begin_and_end_are_one_event():
    rows = [
        row("ScaleupResult", 2, "Failed", text="No cores are left."),
        row("Scaleup", 1, text="attempting"),
        row("Flapping", 3, correlation="b", counts=(2, 2)),
        row("Scaledown", 4, correlation="c", counts=(2, 1)),
    ]

    out, flapping, in_ = actions.told("blue", rows)

    assert (out.what, out.before, out.after) == ("scale out", 1, 2)
    assert (out.outcome, out.text) == ("Failed", "No cores are left.")
    assert flapping.what == "flapping, put off"
    assert in_.outcome == "Started", "it runs"


def test_what_a_rule_did_last_cools_down_and_a_correction_does_not():
    (last,) = actions.told("blue", [row("Scaledown", 5, counts=(2, 1))])
    by_rule = Verdict(
        count=1, reason="scale_in", text="", profile="", cooldown_seconds=1800
    )
    corrected = replace(by_rule, reason="above_maximum", cooldown_seconds=0)

    found = showing.remembered(last, by_rule)

    assert found["what"] == "scale-in 2 -> 1"
    assert found["until"] == "2026-11-25T12:35:00+00:00"
    assert showing.remembered(last, corrected) == {}
    assert showing.remembered(last, replace(by_rule, count=2)) == {}


def test_a_floor_keeps_the_rules_and_raises_the_bounds(body):
    base = body["properties"]["profiles"][0]

    found = floors.floor(base, 5, NOW, NOW + timedelta(hours=1))

    assert found["capacity"] == {"minimum": "5", "maximum": "5", "default": "5"}
    assert found["rules"] == base["rules"]
    assert found["fixedDate"]["end"] == "2026-11-25T13:00:00Z"


def test_what_serves_keeps_what_it_has_or_what_its_share_needs():
    endpoint = iris({"blue": 4, "green": 1, "red": 9}, {"blue": 100})
    after = Weights(traffic={"blue": 50, "green": 50})
    flow = Flow(requests=100, live=100, errors=0, mean_ms=1000)
    recent = Recent(flows={"blue": flow}, per_second=10.0)

    serving = [n for n in endpoint.deployments if floors.serves(n, endpoint, after)]

    assert serving == ["blue", "green"]
    # 5 requests a second of a second each, 1 at a time, at most 70 % busy.
    assert floors.counts(endpoint, after, recent, serving) == {"blue": 4, "green": 8}


def iris(instances, traffic):
    def deployment(name, count):
        properties = {"provisioningState": "Succeeded"}
        return to_deployment(
            {"name": name, "properties": properties, "sku": {"capacity": count}}
        )

    made = {name: deployment(name, count) for name, count in instances.items()}
    return to_endpoint({"name": "iris", "properties": {"traffic": traffic}}, made)


# Loads


KEYS = [(CPU, "/blue")]


def made_up(*told):
    return loads.made_up(told, KEYS, NOW, 1)


def test_a_made_up_day_lies_between_its_limits_and_is_the_same_each_time():
    values = made_up("cpu=20-250").values[KEYS[0]]

    assert len(values) == 7 * 1440
    assert 15 < min(values) < 25
    assert 240 < max(values) < 285
    assert values == made_up("20-250").values[KEYS[0]]


@pytest.mark.parametrize(
    ("told", "problem"),
    [
        ("cpu=high", "low-high"),
        ("cpu=9-3", "low-high"),
        ("memory=1-2", "no rule looks at 'memory'"),
    ],
)
def test_a_day_that_can_not_be_meant_is_refused(told, problem):
    with pytest.raises(UsageError, match=problem):
        made_up(told)


def test_a_csv_holds_a_row_a_minute(tmp_path):
    file = tmp_path / "load.csv"
    file.write_text(
        "time,cpu,instances\n2026-11-23T00:00Z,50,2\n2026-11-23T00:01Z,,2\n"
    )

    found = loads.from_csv(file, KEYS, 1)

    assert found.start == datetime(2026, 11, 23, tzinfo=UTC)
    assert found.values[KEYS[0]] == [100.0, None], "of both instances together"
    assert found.instances == 2


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "has no rows"),
        ("cpu\nmuch\n", "cpu: must hold numbers"),
        ("rps\n1\n", f"has no column {CPU} or cpu"),
        ("time,cpu\nnoon,1\n", "time: 'noon' must be a time"),
    ],
)
def test_a_csv_that_can_not_be_meant_is_refused(tmp_path, text, problem):
    file = tmp_path / "load.csv"
    file.write_text(text)

    with pytest.raises(InvalidSpec, match=problem):
        loads.from_csv(file, KEYS, 1)


def test_the_load_behind_a_utilization_is_shared_and_others_are_not():
    assert loads.shared(CPU, [50, None], [2, 2]) == [100, None]
    assert loads.shared("RequestsPerMinute", [50.0], [2]) == [50.0]


@pytest.fixture
def spec(tmp_path, monkeypatch):
    """iris, with an autoscale.yaml that a test writes."""
    shutil.copytree(Path(__file__).parents[1] / "specs", tmp_path / "specs")
    monkeypatch.setenv("AML_OPS_SPECS", str(tmp_path / "specs"))

    def written(text):
        (tmp_path / "specs/iris/autoscale.yaml").write_text(text)
        return load_spec("iris")

    return written


def test_a_simulation_is_the_engines_own(spec, tmp_path):
    found = spec("deployments:\n  blue: {maximum: 3, cpu: 60}\n")
    file = tmp_path / "load.csv"
    file.write_text("cpu\n" + "40\n" * 10 + "100\n" * 30 + "20\n" * 40)

    played = playing.simulate(
        None, found, "blue", playing.Asked(csv=str(file), starting="1m")
    )

    assert [(each.before, each.after) for each in played.actions] == [(1, 2), (2, 1)]
    assert played.actions[0].text == f"{CPU} is 64 (> 60)"
    assert played.instance_minutes == sum(played.counts)
    assert (played.flaps, played.highest) == (0, 2)


def test_schedules_are_played_without_any_load(spec):
    found = spec(
        "deployments:\n  blue:\n    maximum: 4\n"
        "    schedules: [weekdays 7-19 at least 4]\n"
    )

    played = playing.simulate(None, found, "blue", playing.Asked(day=("1-2",)))

    assert played.instance_minutes >= 5 * 12 * 60 * 4
    assert [each.after for each in played.actions] == [4] * 1, "nothing scales in"


def test_a_flapping_pair_is_played_only_by_force(spec):
    found = spec("deployments:\n  blue: {maximum: 3, cpu: {over: 60, under: 40}}\n")
    asked = playing.Asked(day=("cpu=20-250",))

    with pytest.raises(Refused, match="would flap"):
        playing.simulate(None, found, "blue", asked)
    assert playing.simulate(None, found, "blue", asked, force=True).deferred["flapping"]
