"""The autoscale engine over a state and samples; nobody makes its wishes true."""

import http.server
import json
from datetime import timedelta

import pytest
from log_rig import BLUE, ENDPOINT, LogRig

from ops.localcloud.autoscaler import Autoscaler
from ops.localcloud.logstore import Batch, naive
from ops.localcloud.measurements import recent
from ops.localcloud.notifier import Notifier
from ops.localcloud.state import State
from tests.localcloud.autoscale_rig import CPU, profile, properties, rule, weekly

ID = "/subscriptions/s/resourceGroups/rg/providers/microsoft.insights/autoscalesettings"
OUT, IN = rule("> 70", "+1"), rule("< 30", "-1", cooldown="PT10M")
WEEKEND = ["Saturday", "Sunday"]


class Scaler(LogRig):
    """Blue with so many instances, and a clock that stands still unless it is moved."""

    def __init__(self, directory, instances=2):
        super().__init__(directory)
        self.state.clock.move(rate=0)
        body = self.state.resource(BLUE).body
        body["properties"]["provisioningState"] = "Succeeded"
        self.state.put({**body, "sku": {"name": "Default", "capacity": instances}})
        self.begin()

    def begin(self):
        self.engine = Autoscaler(self.state, self.store, lambda: None)

    def restart(self):
        self.state.close()
        self.state = State(self.directory / "state.db")
        self.begin()

    @property
    def now(self):
        return self.state.clock.now()

    def scale_by(self, *profiles, name="iris-blue", **more):
        told = properties(*profiles, targetResourceUri=BLUE, **more)
        for each in told["profiles"]:
            for one in each["rules"]:
                one["metricTrigger"]["metricResourceUri"] = BLUE
        body = {"id": f"{ID}/{name}", "name": name, "location": "local"}
        return self.state.put({**body, "properties": told})

    def measure(self, value, minutes=12, metric=CPU):
        """Samples of the last so many minutes, the running one not among them."""
        for back in range(minutes):
            self.sample(value, ago=self.now.second + 30 + 60 * back, metric=metric)

    def sample(self, value, *, ago, metric=CPU):
        batch = Batch()
        row = {
            "At": naive(self.now - timedelta(seconds=ago)),
            "Resource": BLUE.lower(),
            "Metric": metric,
            "Dimensions": json.dumps({"instanceId": "blue-1"}),
            "Value": float(value),
        }
        batch.add("samples", [row])
        self.store.append(batch)

    def run(self, seconds=60):
        """Let the clock go on, and the engine look once."""
        self.state.clock.move(advance=seconds)
        self.engine.step(self.now)
        return self.count

    def settle(self, error=None):
        """What the supervisor does once instances are there, or can't be."""
        operation = self.state.open_operation(BLUE)
        state = "Failed" if error else "Succeeded"
        self.state.observe(BLUE, provisioningState=state)
        self.state.finish(operation.id, error)
        self.engine.step(self.now)

    @property
    def count(self):
        deployment = self.state.resource(BLUE)
        return deployment and deployment.body["sku"]["capacity"]

    def told(self):
        """(operation, status, description) of its activity, oldest first."""
        found = self.state.activity.between(
            self.now - timedelta(days=9),
            self.now + timedelta(days=9),
            f"{ID}/iris-blue",
        )
        return [
            (
                each.event["operationName"]["value"].split("/")[2],
                each.event["status"]["value"],
                each.event["description"],
            )
            for each in reversed(found)
        ]


@pytest.fixture
def scaler(tmp_path):
    made = Scaler(tmp_path)
    yield made
    made.state.close()
    made.store.close()


def test_a_breach_asks_for_more_and_says_so(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)

    assert scaler.run(0) == 3, "at the first run after it is measured"
    assert scaler.state.open_operation(BLUE).status == "InProgress"
    scaler.settle()

    began, done = scaler.told()
    assert began[:2] == ("Scaleup", "Succeeded")
    assert "from 2 instances count to 3 instances count" in began[2]
    assert done[:2] == ("ScaleupResult", "Succeeded")


def test_it_runs_every_half_minute_of_the_clock(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.run(0)
    scaler.measure(90)

    assert scaler.run(29) == 2
    assert scaler.run(1) == 3


def test_only_whole_grains_are_read(scaler):
    scaler.scale_by(profile(rule("> 70", "+1", timeAggregation="Last")))
    scaler.state.clock.move(advance=80 - scaler.now.second)
    scaler.measure(20)
    scaler.sample(90, ago=5)

    assert scaler.run(0) == 2, "the running minute is not over"
    assert scaler.run(60) == 3


def test_nothing_more_is_asked_while_an_action_runs(scaler):
    scaler.scale_by(profile(rule("> 70", "+1", cooldown="PT1M")))
    scaler.measure(90)
    scaler.run(0)

    scaler.state.clock.move(advance=120)
    scaler.measure(90)

    assert scaler.run(0) == 3
    scaler.settle()
    assert scaler.run() == 4


def test_it_cools_down_through_a_restart(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(10)
    assert scaler.run(0) == 1
    scaler.settle()
    scaler.restart()

    scaler.state.clock.move(advance=300)
    scaler.measure(99)

    assert scaler.run(0) == 1, "the scale-in cools down for ten minutes"
    scaler.state.clock.move(advance=300)
    scaler.measure(99)
    assert scaler.run(0) == 2


def test_a_restart_tells_the_end_of_what_was_begun_before(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)
    scaler.run(0)

    scaler.restart()
    scaler.settle()

    assert [each[0] for each in scaler.told()] == ["Scaleup", "ScaleupResult"]


def test_an_action_that_fails_is_told_as_failed(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)
    scaler.run(0)

    scaler.settle({"code": "OutOfQuota", "message": "No cores are left."})

    name, status, text = scaler.told()[-1]
    assert (name, status) == ("ScaleupResult", "Failed")
    assert "No cores are left." in text


def test_a_count_that_no_deployment_can_have_fails_at_once(scaler):
    scaler.scale_by(profile(least=51, most=60))

    assert scaler.run(0) == 2
    assert [each[:2] for each in scaler.told()] == [
        ("Scaleup", "Succeeded"),
        ("ScaleupResult", "Failed"),
    ]


def test_a_weekend_schedule_acts_when_the_clock_comes_to_it(scaler):
    week = weekly(["Monday", "Tuesday", "Wednesday", "Thursday", "Friday"], "0")
    scaler.scale_by(
        profile(name="week", least=3, most=3, **week),
        profile(name="weekend", least=1, most=1, **weekly(WEEKEND, "0")),
    )
    days = (5 - scaler.now.weekday()) % 7 or 7
    saturday = scaler.now.replace(hour=12) + timedelta(days=days)

    scaler.state.clock.move(advance=(saturday - scaler.now).total_seconds())
    assert scaler.run(0) == 1
    scaler.settle()
    assert scaler.run(2 * 86_400) == 3


def test_metrics_that_stop_coming_are_told_once_and_scale_nothing_in(scaler):
    scaler.scale_by(profile(OUT, IN, default=2))
    scaler.measure(50)
    scaler.run(0)

    assert [scaler.run(3600) for _ in range(3)] == [2, 2, 2]
    scaler.measure(50)
    scaler.run(30)

    assert [each[:2] for each in scaler.told()] == [
        ("MetricFailure", "Failed"),
        ("MetricRecovered", "Succeeded"),
    ]


def test_without_metrics_the_default_is_asked_for(scaler):
    scaler.scale_by(profile(OUT, IN, default=4))

    assert scaler.run(0) == 4


def test_a_scale_in_that_would_flap_is_told_once(scaler):
    scaler.scale_by(profile(rule("> 50", "+1"), rule("< 30", "-1")))
    scaler.measure(28)

    assert (scaler.run(0), scaler.run(30)) == (2, 2)
    ((name, _, text),) = scaler.told()
    assert name == "Flapping"
    assert "Intended new instance count: '1'" in text


def test_a_scale_in_by_less_is_told_as_flapping_that_occurred(tmp_path):
    scaler = Scaler(tmp_path, instances=10)
    scaler.scale_by(profile(rule("> 50", "+1"), rule("< 30", "-9")))
    scaler.measure(28)

    assert scaler.run(0) == 6
    assert [each[0] for each in scaler.told()] == ["FlappingOccurred", "Scaledown"]
    assert "Actual new instance count: '6'" in scaler.told()[0][2]
    scaler.state.close()
    scaler.store.close()


def test_a_deployment_deleted_while_it_is_scaled_stops_nothing(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)
    scaler.run(0)

    operation = scaler.state.open_operation(BLUE)
    scaler.state.begin("od", scaler.state.resource(BLUE))  # of the deletion
    assert scaler.state.operation(operation.id).status == "Canceled"
    scaler.state.delete(BLUE)
    scaler.run(60)

    assert scaler.count is None
    assert scaler.told()[-1][:2] == ("ScaleupResult", "Failed")
    assert scaler.run(60) is None


def test_what_somebody_writes_meanwhile_is_not_undone(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)
    looked = scaler.engine.values

    def slowly(*facts):
        body = scaler.state.resource(BLUE).body
        scaler.state.put({**body, "tags": {"by": "somebody"}})
        return looked(*facts)

    scaler.engine.values = slowly

    assert scaler.run(0) == 2
    assert scaler.state.resource(BLUE).body["tags"] == {"by": "somebody"}


def test_a_deployment_that_changes_is_left_alone(scaler):
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)
    scaler.state.observe(BLUE, provisioningState="Updating")

    assert scaler.run(0) == 2


def test_a_setting_that_can_not_be_read_does_not_stop_the_others(scaler):
    scaler.state.put({"id": f"{ID}/a", "name": "a", "properties": {"enabled": True}})
    scaler.scale_by(profile(OUT, IN))
    scaler.measure(90)

    assert scaler.run(0) == 3


def test_webhooks_are_called_when_an_action_begins(scaler):
    heard = []

    class Hook(http.server.BaseHTTPRequestHandler):
        def do_POST(self):
            heard.append(
                json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            )
            self.send_response(200)
            self.end_headers()

        def log_message(self, *_):
            pass

    with http.server.HTTPServer(("127.0.0.1", 0), Hook) as server:
        hook = {
            "serviceUri": f"http://127.0.0.1:{server.server_port}/",
            "properties": {},
        }
        scaler.scale_by(
            profile(OUT, IN),
            notifications=[
                {"operation": "Scale", "webhooks": [{**hook, "properties": {"k": "v"}}]}
            ],
        )
        scaler.measure(90)
        scaler.run(0)
        Notifier(scaler.state).step(scaler.now)
        server.handle_request()

    (told,) = heard
    assert (told["operation"], told["properties"]) == ("Scale Out", {"k": "v"})
    assert (told["context"]["oldCapacity"], told["context"]["newCapacity"]) == (
        "2",
        "3",
    )


def test_a_metric_of_the_endpoint_may_be_that_of_one_deployment(scaler):
    minute = scaler.now.replace(second=0, microsecond=0) - timedelta(minutes=1)
    batch = Batch()
    for name, count in (("blue", 3), ("green", 5)):
        row = {
            "At": naive(minute),
            "Resource": ENDPOINT.lower(),
            "Deployment": name,
            "Status": 200,
            "ModelStatus": 200,
            "DurationMs": 10,
            "Bytes": 1,
        }
        batch.add("requests", [row] * count)
    scaler.store.append(batch)
    span = (minute - timedelta(minutes=1), minute + timedelta(minutes=1))

    def requests(*dimensions):
        told = (scaler.store, ENDPOINT, "RequestsPerMinute", dimensions, span)
        return [
            each and each["average"] for each in recent(*told, timedelta(minutes=1))
        ]

    assert requests() == [None, 8]
    assert requests(("deployment", "Equals", ["blue"])) == [None, 3]
    assert requests(("deployment", "NotEquals", ["Blue"])) == [None, 5]
    assert requests(("deployment", "Equals", ["red"])) == [None, None]
