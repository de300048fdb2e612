"""Alert rules, action groups and processing rules over the wire."""

import base64
import json

import pytest
from local_transport import InProcess
from rules_rig import (
    BLUE,
    ENDPOINT,
    GROUP,
    ON_CALL,
    action_group,
    metric_rule,
    processing_rule,
    query_rule,
)

from ops.localcloud import evaluations
from ops.localcloud.evaluations import Evaluation, Status
from ops.localcloud.services import queryrules

INSIGHTS = f"{GROUP}/providers/Microsoft.Insights"
QUERY = f"{INSIGHTS}/scheduledQueryRules/errors"
METRIC = f"{INSIGHTS}/metricAlerts/cpu"
MUTED = f"{GROUP}/providers/Microsoft.AlertsManagement/actionRules/quiet"
WRITTEN = {
    ON_CALL: ("Global", action_group()),
    QUERY: ("local", query_rule()),
    METRIC: ("global", metric_rule()),
    MUTED: ("Global", processing_rule()),
}


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    cloud.put_endpoint(deployments=("blue",))
    assert put(cloud, ON_CALL).status == 201
    yield cloud
    cloud.close()


def put(cloud, path, **body):
    location, properties = WRITTEN.get(path, WRITTEN[QUERY])
    whole = {"location": location, "properties": properties, **body}
    return cloud.ask("PUT", path, whole, who="ana@laptop")


def told(answer):
    return json.loads(answer.body)


def refused(answer, status, code="BadRequest"):
    error = told(answer)["error"]
    assert (answer.status, error["code"]) == (status, code), error
    return error["message"]


@pytest.mark.parametrize("path", WRITTEN)
def test_what_is_written_can_be_read_listed_and_deleted(cloud, path):
    made = put(cloud, path, tags={"aml-ops": "iris/errors"})
    (listed,) = told(cloud.ask("GET", path.rsplit("/", 1)[0]))["value"]
    (same,) = told(cloud.ask("GET", path.rsplit("/", 1)[0].replace(GROUP, GROUP[:51])))[
        "value"
    ]

    assert told(cloud.ask("GET", path)) == told(made) == listed == same
    assert listed["id"].lower() == path.lower()
    assert listed["tags"] == {"aml-ops": "iris/errors"}
    assert listed["systemData"]["lastModifiedBy"] == "ana@laptop"
    assert cloud.ask("DELETE", path).status == 200
    assert cloud.ask("DELETE", path).status == 204
    refused(cloud.ask("GET", path), 404, "ResourceNotFound")


def test_what_was_not_said_is_filled_in_as_on_azure(cloud):
    put(cloud, QUERY)
    rule = told(cloud.ask("GET", QUERY))

    assert rule["kind"] == "LogAlert"
    assert rule["properties"]["displayName"] == "errors"
    assert told(put(cloud, METRIC))["properties"]["autoMitigate"] is True
    (email,) = told(cloud.ask("GET", ON_CALL))["properties"]["emailReceivers"]
    assert email["status"] == "Enabled"


def test_a_patch_changes_what_it_gives_and_is_checked_as_a_whole(cloud):
    put(cloud, QUERY, tags={"a": "b"})
    cloud.ask("PATCH", QUERY, {"properties": {"severity": 0}})
    after = told(cloud.ask("GET", QUERY))

    assert after["properties"]["severity"] == 0
    assert (after["tags"], after["properties"]["windowSize"]) == ({"a": "b"}, "PT5M")
    slow = {"properties": {"evaluationFrequency": "PT1H"}}
    assert "must not be longer" in refused(cloud.ask("PATCH", QUERY, slow), 400)


@pytest.mark.parametrize("path", [ON_CALL, MUTED])
def test_some_are_only_switched_by_a_patch(cloud, path):
    put(cloud, path)
    off = told(cloud.ask("PATCH", path, {"properties": {"enabled": False}}))

    assert off["properties"]["enabled"] is False
    other = {"properties": {"description": "x"}}
    message = refused(cloud.ask("PATCH", path, other), 400)
    assert message == "PATCH can't change description."


def test_every_problem_is_in_one_answer(cloud):
    wrong = query_rule({"metricMeasureColumn": "x"}, scopes=["/no"], severity=7)
    answer = put(cloud, QUERY, properties=wrong)

    fields = [each["message"].split()[0] for each in told(answer)["error"]["details"]]
    assert fields == [
        *("severity", "scopes[0]:", "criteria.allOf[0].metricMeasureColumn")
    ]
    refused(cloud.ask("GET", QUERY), 404, "ResourceNotFound")


def test_a_rule_needs_its_action_group_and_what_it_watches(cloud):
    cloud.ask("DELETE", ON_CALL)

    assert f"'{ON_CALL}' was not found" in refused(put(cloud, METRIC), 400)
    elsewhere = metric_rule(scopes=[f"{ENDPOINT}/deployments/green"], actions=[])
    assert "green' was not found" in refused(
        put(cloud, METRIC, properties=elsewhere), 400
    )


def test_who_has_read_an_older_rule_does_not_overwrite_a_newer_one(cloud):
    before = told(put(cloud, QUERY))["etag"]
    after = told(put(cloud, QUERY))["etag"]
    send = json.dumps({"location": "local", "properties": query_rule()}).encode()

    def matching(etag):
        headers = {"Authorization": "Bearer token", "If-Match": etag}
        return cloud.answer("PUT", f"https://127.0.0.1:1{QUERY}", headers, send)

    assert before != after
    refused(matching(before), 412, "PreconditionFailed")
    assert matching(after).status == 200


@pytest.mark.parametrize(
    ("path", "body", "status", "code"),
    [
        (METRIC, {"location": "local"}, 400, "BadRequest"),
        (QUERY, {"location": ""}, 400, "LocationRequired"),
        (QUERY, {"properties": []}, 400, "BadRequest"),
        (f"{QUERY}%3F", {}, 400, "BadRequest"),
        (QUERY, {"kind": "LogToMetric"}, 501, "NotImplemented"),
        (QUERY, {"identity": {"type": "SystemAssigned"}}, 501, "NotImplemented"),
    ],
)
def test_other_refusals(cloud, path, body, status, code):
    refused(put(cloud, path, **body), status, code)


def test_a_subscription_has_a_hundred_rules_of_one_minute(cloud, monkeypatch):
    monkeypatch.setattr(queryrules, "MOST_EVERY_MINUTE", 2)
    put(cloud, f"{QUERY}-1")
    off = {**query_rule(), "enabled": False}
    slow = {**query_rule(), "evaluationFrequency": "PT5M"}
    put(cloud, f"{QUERY}-2", properties=off)
    put(cloud, f"{QUERY}-3", properties=slow)
    assert put(cloud, f"{QUERY}-4").status == 201

    refused(put(cloud, f"{QUERY}-5"), 400, "OutOfQuota")
    assert put(cloud, f"{QUERY}-4").status == 200, "it is one of them already"


def test_who_is_told_already_can_not_be_enabled(cloud):
    def enable(name):
        return cloud.ask("POST", f"{ON_CALL}/subscribe", {"receiverName": name})

    refused(enable("ana"), 409, "Conflict")
    refused(enable("desk"), 404, "ReceiverNotFound")


def test_rules_are_kept_in_the_activity_log(cloud):
    put(cloud, METRIC)
    put(cloud, METRIC, properties={})
    since = "$filter=eventTimestamp ge '2000-01-01T00:00:00Z'"
    events = f"{GROUP[:51]}/providers/Microsoft.Insights/eventtypes/management/values"
    found = told(cloud.ask("GET", f"{events}?{since}".replace(" ", "%20")))["value"]
    outcomes = [
        each["status"]["value"]
        for each in found
        if each["operationName"]["value"] == "Microsoft.Insights/metricAlerts/write"
    ]

    assert outcomes == ["Failed", "Started", "Succeeded", "Started"]


def test_a_rule_watches_one_deployment(cloud):
    cloud.put_endpoint()
    both = metric_rule(odata="Multiple", scopes=[BLUE, BLUE.replace("blue", "green")])

    assert "selecting only one resource is supported" in refused(
        put(cloud, METRIC, properties=both), 400
    )


def test_how_a_metric_rule_stood_is_told_by_resource_and_dimensions(cloud):
    put(cloud, METRIC)
    at = cloud.clock.now()
    dimensions = {"instanceId": "a-1"}
    stood = Status(target=BLUE, dimensions=dimensions, status="Unhealthy", at=at)
    last = Evaluation(at=at, generation=1, statuses=(stood,))
    evaluations.keep(cloud.state, METRIC.lower(), last)
    (found,) = told(cloud.ask("GET", f"{METRIC}/status"))["value"]

    assert found["properties"] == {
        "dimensions": dimensions,
        "status": "Unhealthy",
        "timestamp": at.isoformat(),
    }
    about = base64.urlsafe_b64decode(found["name"]).decode()
    assert about == f"resourceId={BLUE},instanceId=a-1"
    named = cloud.ask("GET", f"{METRIC}/status/{found['name']}")
    assert told(named)["value"] == [found]
    refused(cloud.ask("GET", f"{METRIC}/status/other"), 404, "ResourceNotFound")


def test_what_becomes_of_a_test_notification_is_told(cloud):
    tried = {"alertType": "LogAlertV2", **action_group(webhookReceivers=None)}
    answer = cloud.ask("POST", f"{ON_CALL}/createNotifications", tried)
    location = dict(answer.headers)["Location"].removeprefix("https://127.0.0.1:1")
    (email,) = told(cloud.ask("GET", location))["actionDetails"]

    assert answer.status == 202
    assert (email["MechanismType"], email["Name"]) == ("Email", "ana")
    assert email["Detail"] == "not sent by localcloud"
    hook = {"alertType": "logalertv2", **action_group(emailReceivers=None)}
    answer = cloud.ask("POST", f"{ON_CALL}/createNotifications", hook)
    location = dict(answer.headers)["Location"].removeprefix("https://127.0.0.1:1")
    waiting = cloud.ask("GET", location)
    assert (waiting.status, told(waiting)["state"]) == (202, "InProgress")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"alertType": "budget"}, 501, "NotImplemented"),
        ({"alertType": "logalertv2"}, 400, "BadRequest"),
        (
            {"alertType": "logalertv2", "webhookReceivers": [{"name": "x"}]},
            400,
            "BadRequest",
        ),
    ],
)
def test_a_test_notification_needs_a_receiver_that_is_right(cloud, body, status, code):
    refused(cloud.ask("POST", f"{ON_CALL}/createNotifications", body), status, code)
    nowhere = f"{ON_CALL}/notificationStatus/nobody"
    refused(cloud.ask("GET", nowhere), 404, "ResourceNotFound")
