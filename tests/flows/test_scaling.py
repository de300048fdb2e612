"""Autoscaling for real: applied, under load, by the clock, suspended and deleted.

The clock goes 120 times as fast where rules need minutes: a second is two of them.
"""

import json
import subprocess
import time
from dataclasses import replace
from datetime import timedelta

import pytest

from ops import clients, endpoints, settings
from ops.autoscaling import floors, showing
from ops.flow import Flow, Recent
from ops.watch import Watch
from ops.weights import Weights

pytestmark = pytest.mark.slow

RULES = """
zone: Europe/Berlin
deployments:
  blue:
    minimum: 1
    maximum: 2
    requests: {over: 5, under: 2, cooldown: 5m}
"""
WEEKEND = """
deployments:
  blue:
    minimum: 1
    maximum: 2
    schedules:
      - weekdays 0-24 exactly 1
      - weekends 0-24 exactly 2
"""


@pytest.fixture(scope="module")
def iris(desk):
    """Blue is deployed, and drills may move the clock."""
    desk("deploy")
    desk("cloud.drills", "--on", "--decorate", "on")
    return desk


@pytest.fixture(scope="module")
def workspace(iris):
    """The same localcloud, looked at without a process a look."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in iris.variables().items():
            patch.setenv(name, value)
        yield clients.connect(settings.load_stage("local"))


def rules(desk, text):
    (desk.iris / "autoscale.yaml").write_text(text)


def until(workspace, count, seconds=40):
    """Wait until blue is asked to have so many instances."""
    deadline = time.monotonic() + seconds
    while endpoints.get(workspace, "iris").deployments["blue"].instances != count:
        assert time.monotonic() < deadline, f"waited {seconds} s in vain"
        time.sleep(0.1)


def sending(desk, rps, seconds):
    words = ("load", "--rps", rps, "--for", seconds, "--steady", "--json")
    return subprocess.Popen(
        desk.command(*words),
        env=desk.variables(),
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
    )


def answered(process):
    """How many requests were sent, each of which was answered well."""
    report = json.loads(process.communicate(timeout=120)[0])
    assert process.returncode == 0, report
    return report["sent"]


def test_a_plan_is_shown_applied_and_then_nothing_is_left_to_do(iris):
    rules(iris, RULES)

    assert "+ default, instances: 1 to 2" in iris("autoscale.apply", "--dry-run")
    assert "created" in iris("autoscale.apply")
    assert "unchanged" in iris("autoscale.apply")
    assert "1 instance " in iris("autoscale.show")
    said = iris("scale", "--deployment", "blue", "--instances", "5", "--dry-run")
    assert "wins: it makes 2 of it within a minute (5 is above the maximum" in said
    assert "invoke autoscale.suspend --deployment blue --for 2h" in said


def test_load_scales_out_and_in_and_no_request_is_lost(iris, workspace):
    iris("cloud.clock", "--rate", "120")
    much = sending(iris, "20", "6s")
    until(workspace, 2)
    assert answered(much) == 120

    little = sending(iris, "2.5", "10s")
    until(workspace, 1)
    assert answered(little) == 25
    iris("cloud.clock", "--rate", "1")

    events = iris.json("autoscale.history")[::-1]
    out, in_ = [each for each in events if each["before"] != each["after"]][:2]
    assert (out["what"], out["before"], out["after"]) == ("scale out", 1, 2)
    assert (in_["what"], in_["outcome"]) == ("scale in", "Succeeded")
    assert out["cause"].startswith("RequestsPerMinute is ")
    assert out["cause"].endswith("(> 5)")
    assert "429 above" in iris("capacity")
    seen = Watch(workspace.stage, "iris", "15m").look()
    assert [each.what for each in seen.scaled] == ["scale in", "scale out"]


def test_a_suspension_outlasts_apply_and_ends_by_itself(iris, workspace):
    reason = ("--reason", "a load test")
    said = iris(
        *("autoscale.suspend", "--deployment", "blue", "--for", "2h"),
        *("--instances", "2", *reason),
    )
    assert "blue stays at 2 until" in said
    iris("cloud.clock", "--advance", "1m")
    until(workspace, 2)

    assert "unchanged" in iris("autoscale.apply")
    (look,) = showing.show(workspace, "iris")
    assert look.suspended.note.endswith(": a load test")
    iris("cloud.clock", "--advance", "2h")
    (look,) = showing.show(workspace, "iris")
    assert look.suspended is None
    assert look.verdict.profile == "default"


def test_what_a_rollouts_step_needs_is_started_and_no_rule_takes_it(iris, workspace):
    iris("scale", "--deployment", "blue", "--instances", "1")
    rate = Recent(
        flows={"blue": Flow(requests=1, live=1, errors=0, mean_ms=1000)},
        per_second=20.0,  # of a second each, 20 at a time: two instances' work
    )
    found = endpoints.get(workspace, "iris")
    idle = replace(found, traffic={})

    step = Weights(traffic={"blue": 100})
    notes = floors.hold(workspace, idle, step, rate, timedelta(hours=1))
    iris("cloud.clock", "--advance", "1m")

    assert notes == []
    until(workspace, 2)


@pytest.mark.long
def test_a_weekend_schedule_acts_when_the_clock_comes_to_it(iris, workspace):
    rules(iris, WEEKEND)
    iris("autoscale.apply")
    days = (5 - workspace.now().weekday()) % 7 or 7

    iris("cloud.clock", "--advance", f"{days}d")
    until(workspace, 2)
    iris("cloud.clock", "--advance", "2d")
    until(workspace, 1)


def test_a_deleted_setting_scales_nothing(iris):
    assert "keeps the instances" in iris("autoscale.delete", "--deployment", "blue")
    assert "try: invoke autoscale.apply" in iris("undo", status=1)
    assert "is not autoscaled" in iris(
        "autoscale.delete", "--deployment", "blue", status=1
    )


def test_rules_that_flap_are_neither_played_nor_applied(iris):
    flapping = RULES.replace("under: 2", "under: 4")
    rules(iris, flapping)

    assert "would flap" in iris("autoscale.apply", status=1)
    day = ("autoscale.simulate", "--day", "requests=0-9")
    assert "keep it under 2" in iris(*day, status=1)
    assert "taken back" in iris(*day, "--force")
