"""The evaluator with a given state, a log store and a clock that is moved."""

import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from ops.localcloud import alerts, evaluations
from ops.localcloud.evaluator import Evaluator
from ops.localcloud.logstore import Batch, LogStore, naive
from ops.localcloud.notifier import Notifier
from ops.localcloud.state import State
from tests.alert_rig import (
    ENDPOINT,
    INSIGHTS,
    NOON,
    SERVED,
    log_body,
    metric_body,
    split,
)
from tests.webhook_rig import webhook

MINUTE = timedelta(minutes=1)
ROOT = Path(__file__).resolve().parents[2]
GROUP = f"{INSIGHTS}/actionGroups/on-call"


class Watch:
    """An evaluator over a state and a store; its clock stands at noon at first."""

    def __init__(self, directory):
        self.state = State(directory / "state.db")
        self.store = LogStore(directory / "logs.duckdb", "tenant")
        ahead = (NOON - self.now).total_seconds()
        self.state.clock.move(advance=ahead if ahead > 0 else 0, rate=0)
        self.noon = self.now.replace(second=0, microsecond=0) + MINUTE
        self.state.clock.move(advance=(self.noon - self.now).total_seconds())
        self.state.put({"id": ENDPOINT, "name": "iris", "properties": {}})
        self.restart()

    @property
    def now(self):
        return self.state.clock.now()

    def restart(self):
        self.engine = Evaluator(
            self.state, self.store, lambda: None, settled=timedelta(0)
        )

    def serve(self, minute, deployment="green", code=500, count=1):
        row = {
            "TimeGenerated": naive(self.noon + minute * MINUTE),
            "DeploymentName": deployment,
            "ResponseCode": code,
            "_ResourceId": ENDPOINT.lower(),
        }
        batch = Batch()
        batch.add(SERVED, [row] * count)
        self.store.append(batch)

    def sample(self, minute, value, instance="one"):
        row = {
            "At": naive(self.noon + minute * MINUTE),
            "Resource": f"{ENDPOINT}/deployments/blue".lower(),
            "Metric": "CpuUtilizationPercentage",
            "Dimensions": f'{{"instanceId": "{instance}"}}',
            "Value": float(value),
        }
        batch = Batch()
        batch.add("samples", [row])
        self.store.append(batch)

    def run(self, minutes=1):
        """Let the clock go on by whole minutes, and the evaluator look once."""
        self.state.clock.move(advance=minutes * 60)
        self.engine.step(datetime.now(UTC))

    def told(self):
        """(rule, condition, minute it fired, minute it was resolved) of each alert."""
        return [
            (
                essentials["alertRule"].rsplit("/", 1)[1],
                essentials["monitorCondition"],
                self.minute(essentials["startDateTime"]),
                self.minute(essentials["monitorConditionResolvedDateTime"]),
            )
            for essentials in map(alerts.essentials, alerts.kept(self.state))
        ]

    def minute(self, text):
        return text and (datetime.fromisoformat(text) - self.noon) // MINUTE

    def close(self):
        self.state.close()
        self.store.close()


@pytest.fixture
def watch(tmp_path):
    made = Watch(tmp_path)
    yield made
    made.close()


def hooked(watch, url):
    hook = {"name": "hook", "serviceUri": url, "useCommonAlertSchema": True}
    properties = {"enabled": True, "webhookReceivers": [hook]}
    watch.state.put({"id": GROUP, "name": "on-call", "properties": properties})
    return {"actionGroups": [GROUP], "customProperties": {"aml-ops.rule": "errors"}}


def test_an_alert_fires_and_is_resolved_at_the_times_of_its_evaluations(watch):
    watch.state.put(log_body())
    watch.serve(0)
    for _ in range(20):
        watch.run()

    assert watch.told() == [("errors", "Resolved", 1, 15)]


def test_a_clock_that_was_moved_ahead_misses_no_evaluation(watch):
    watch.state.put(log_body())
    watch.serve(10)

    watch.run(60)

    assert watch.told() == [("errors", "Resolved", 11, 25)]


def test_at_most_two_days_are_made_up_for(watch):
    watch.state.put(log_body(evaluationFrequency="PT1H", windowSize="PT1H"))
    watch.serve(30)

    watch.run(4 * 24 * 60)

    assert watch.told() == []


def test_a_restart_neither_repeats_a_firing_nor_forgets_one(watch):
    watch.state.put(log_body())
    watch.serve(0)
    watch.run(2)
    watch.restart()
    watch.run(3)
    assert watch.told() == [("errors", "Fired", 1, None)]

    watch.restart()
    watch.run(15)

    assert watch.told() == [("errors", "Resolved", 1, 15)]


def test_one_broken_rule_stops_no_other(watch):
    watch.state.put({"id": f"{INSIGHTS}/metricAlerts/a", "name": "a", "properties": {}})
    watch.state.put(log_body("b", query="Nope | where"))
    watch.state.put(log_body("bug", operator="Near"))
    watch.state.put(log_body("c"))
    watch.serve(0)

    watch.run()

    assert [name for name, *_ in watch.told()] == ["c"]
    broken = evaluations.last(watch.state, log_body("b")["id"])
    assert "could not be parsed" in broken.problem


def test_an_evaluator_that_is_told_to_leave_begins_nothing_more(watch):
    watch.state.put(log_body())
    watch.serve(0)
    watch.engine.leave()
    watch.run()
    assert watch.told() == []

    watch.restart()
    watch.run()

    assert watch.told() == [("errors", "Fired", 1, None)]


def test_a_rule_that_is_made_anew_is_read_anew(watch):
    watch.state.put(log_body(threshold=1000))
    watch.run()
    watch.state.delete(log_body()["id"])
    watch.state.put(log_body())
    watch.serve(1)

    watch.run()

    assert watch.told() == [("errors", "Fired", 2, None)]


def test_a_new_rule_looks_back_at_nothing_but_its_window(watch):
    watch.serve(0)
    watch.run(60)
    watch.state.put(log_body())

    watch.run(5)

    assert watch.told() == []


def test_each_deployment_has_an_alert_of_its_own(watch):
    watch.state.put(log_body())
    watch.serve(0, "blue")
    watch.serve(0, "green")
    watch.serve(1, "red", code=200)

    watch.run(2)

    found = [alert.properties["context"] for alert in alerts.kept(watch.state)]
    assert [
        each["context"]["condition"]["allOf"][0]["dimensions"][0]["value"]
        for each in found
    ] == ["blue", "green"]


def test_rows_of_another_endpoint_are_not_seen(watch):
    watch.state.put({"id": f"{ENDPOINT}2", "name": "iris2", "properties": {}})
    watch.state.put(log_body(scopes=[f"{ENDPOINT}2"]))
    watch.serve(0)

    watch.run()

    assert watch.told() == []


def test_a_metric_rule_says_how_each_instance_stands(watch):
    body = metric_body(
        metric="CpuUtilizationPercentage",
        dimensions=[split("instanceId")],
        scopes=[f"{ENDPOINT}/deployments/blue"],
        criterion={"threshold": 90},
    )
    watch.state.put(
        {"id": f"{ENDPOINT}/deployments/blue", "name": "blue", "properties": {}}
    )
    watch.state.put(body)
    watch.sample(0, 95, "one")
    watch.sample(0, 20, "two")

    watch.run()

    found = evaluations.last(watch.state, body["id"]).statuses
    assert [(each.dimensions["instanceId"], each.status) for each in found] == [
        ("one", "Unhealthy"),
        ("two", "Healthy"),
    ]
    assert watch.told() == [("latency", "Fired", 1, None)]


def test_what_a_disabled_or_deleted_rule_has_fired_is_resolved(watch):
    bodies = [log_body("one"), log_body("two")]
    for body in bodies:
        watch.state.put(body)
    watch.serve(0)
    watch.run()
    watch.state.delete(bodies[0]["id"])
    bodies[1]["properties"]["enabled"] = False
    watch.state.put(bodies[1])

    watch.run()

    assert [condition for _, condition, *_ in watch.told()] == ["Resolved"] * 2


def test_what_has_fired_on_a_deleted_endpoint_is_resolved(watch):
    watch.state.put(log_body())
    watch.serve(0)
    watch.run()
    watch.state.delete(ENDPOINT)

    watch.run()

    assert watch.told() == [("errors", "Resolved", 1, 2)]


def test_receivers_are_told_of_both_ends_by_the_common_alert_schema(watch):
    with webhook() as hook:
        watch.state.put(log_body(actions=hooked(watch, hook.url)))
        watch.serve(0)
        watch.run(20)
        Notifier(watch.state).step(NOON)
        fired, resolved = [body["data"] for body in hook.wait_for(2)]

    (alert,) = alerts.kept(watch.state)
    assert fired["essentials"]["alertId"] == alert.body["id"]
    assert fired["essentials"]["monitorCondition"] == "Fired"
    assert resolved["essentials"]["monitorCondition"] == "Resolved"
    (condition,) = fired["alertContext"]["condition"]["allOf"]
    assert (condition["metricValue"], condition["threshold"]) == (100.0, "5")
    assert condition["dimensions"] == [{"name": "DeploymentName", "value": "green"}]
    assert fired["customProperties"] == {"aml-ops.rule": "errors"}


def suppression(**changes):
    return {
        "id": f"{INSIGHTS}/actionRules/quiet",
        "name": "quiet",
        "properties": {
            "scopes": [ENDPOINT],
            "actions": [{"actionType": "RemoveAllActionGroups"}],
            "enabled": True,
            **changes,
        },
    }


def test_a_suppressed_alert_is_kept_and_nobody_is_told_not_even_of_its_end(watch):
    watch.state.put(log_body(actions=hooked(watch, "http://127.0.0.1:1/")))
    until = (watch.noon + 5 * MINUTE).replace(tzinfo=None).isoformat()
    schedule = {"effectiveUntil": until, "timeZone": "UTC"}
    watch.state.put(suppression(schedule=schedule))
    watch.serve(0)

    watch.run(20)

    (alert,) = alerts.kept(watch.state)
    assert watch.told() == [("errors", "Resolved", 1, 15)]
    assert alerts.essentials(alert)["actionStatus"] == {"isSuppressed": True}
    assert watch.state.outbox.of(alert.id) == []


def test_a_processing_rule_may_tell_others_too(watch):
    hooked(watch, "http://127.0.0.1:1/")
    adding = {"actionType": "AddActionGroups", "actionGroupIds": [GROUP]}
    watch.state.put(log_body())
    watch.state.put(suppression(actions=[adding]))
    watch.serve(0)

    watch.run()

    (alert,) = alerts.kept(watch.state)
    assert [each.receiver for each in watch.state.outbox.of(alert.id)] == ["hook"]


def test_killed_between_firing_and_sending_it_is_sent_once_after_all(tmp_path):
    """A process that evaluates is killed by SIGKILL as soon as the alert is there."""
    watch = Watch(tmp_path)
    with webhook() as hook:
        watch.state.put(log_body(actions=hooked(watch, hook.url)))
        watch.serve(0)
        watch.state.clock.move(advance=60)
        watch.close()
        done = subprocess.run(
            [sys.executable, "-c", VICTIM, str(tmp_path)], cwd=ROOT, check=False
        )
        assert done.returncode == -signal.SIGKILL
        watch = Watch(tmp_path)
        watch.run(2)
        Notifier(watch.state).step(NOON)
        hook.wait_for(1)
        (alert,) = alerts.fired(watch.state)
        watch.close()

    assert len(hook.heard) == 1
    assert hook.heard[0][1]["data"]["essentials"]["alertId"] == alert.body["id"]


VICTIM = """
import os, signal, sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ops.localcloud.evaluator import Evaluator
from ops.localcloud.logstore import LogStore
from ops.localcloud.state import State

def die():
    os.kill(os.getpid(), signal.SIGKILL)

directory = Path(sys.argv[1])
state, store = State(directory / "state.db"), LogStore(directory / "logs.duckdb", "t")
Evaluator(state, store, die, settled=timedelta(0)).step(datetime.now(UTC))
"""
