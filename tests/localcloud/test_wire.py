"""ARM's manner of speech, without a server."""

from datetime import UTC, datetime, timedelta
from urllib.parse import parse_qsl

import pytest

from ops.localcloud import sas
from ops.localcloud.dispatch import Route
from ops.localcloud.services.blueprint import completed, seconds
from ops.localcloud.services.endpoints import traffic_problems
from ops.localcloud.wire import AzureError, envelope, invalid, name_problems

NOW = datetime(2026, 1, 1, tzinfo=UTC)
MANAGED = {"endpointComputeType": "Managed"}


def granted(container="one", *, permission="r", now=NOW, **changes):
    token = sas.issue("key", "one", now=NOW, lasts=timedelta(hours=1))
    query = dict(parse_qsl(token)) | changes
    return sas.refusal("key", container, query, permission, now)


def test_a_signature_grants_its_container_until_it_expires():
    assert granted() is None
    assert granted(now=NOW + timedelta(minutes=59)) is None

    assert "time frame" in granted(now=NOW + timedelta(hours=1))
    assert "match" in granted("two")


@pytest.mark.parametrize("field", ["sp", "se", "sr", "sv", "spr", "sig"])
def test_no_field_of_a_signature_can_be_changed(field):
    assert "match" in granted(**{field: "2099-01-01T00:00:00Z"})


def test_a_signature_grants_no_more_than_it_says():
    assert "permission 'x'" in granted(permission="x")


@pytest.mark.parametrize("name", ["abc", "a" * 32, "blue-2", "Blue", "a-b-c"])
def test_names_that_azure_takes_are_taken(name):
    assert name_problems("Deployment", name) == []


@pytest.mark.parametrize(
    "name", ["", "ab", "a" * 33, "1ab", "-ab", "ab-", "a--b", "a_b"]
)
def test_names_that_azure_refuses_are_refused(name):
    assert name_problems("Deployment", name)


@pytest.mark.parametrize(
    ("traffic", "mirror"),
    [
        ({}, {}),
        ({"blue": 0}, {}),
        ({"blue": 100}, {"green": 50}),
        ({"BLUE": 80, "green": 20}, {}),
        ({"blue": 100, "gone": 0}, {"gone": 0}),
    ],
)
def test_weights_that_azure_takes_are_taken(traffic, mirror):
    assert traffic_problems(traffic, mirror, {"blue", "green"}) == []


@pytest.mark.parametrize(
    ("traffic", "mirror"),
    [
        ({"blue": 110}, {}),
        ({"blue": 99}, {}),
        ({"blue": 150, "green": -50}, {}),
        ({"blue": 99.5, "green": 0.5}, {}),
        ({"blue": True, "green": 99}, {}),
        ({"blue": "100"}, {}),
        ({"red": 100}, {}),
        ({"blue": 100}, {"green": 51}),
        ({"blue": 100}, {"Blue": 10}),
        ({"blue": 100}, {"green": 10, "red": 10}),
        ({}, {"red": 10}),
    ],
)
def test_weights_that_azure_refuses_are_refused(traffic, mirror):
    assert traffic_problems(traffic, mirror, {"blue", "green"})


@pytest.mark.parametrize(
    ("text", "length"),
    [
        ("PT5S", 5),
        ("PT0S", 0),
        ("PT1M30S", 90),
        ("PT0.5S", 0.5),
        ("P1DT1H", 90000),
        *(
            (wrong, None)
            for wrong in ("", "P", "PT", "5", "5S", "PT5", "-PT5S", 5, None)
        ),
    ],
)
def test_durations_are_iso_8601(text, length):
    assert seconds(text) == length


def test_azures_defaults_complete_a_deployment():
    kept, problems = completed(MANAGED)

    assert problems == []
    assert kept["requestSettings"] == {
        "maxQueueWait": "PT0S",
        "requestTimeout": "PT5S",
        "maxConcurrentRequestsPerInstance": 1,
    }
    assert kept["livenessProbe"] == kept["readinessProbe"]
    assert kept["livenessProbe"]["initialDelay"] == "PT10S"
    assert kept["scaleSettings"] == {"scaleType": "Default"}
    assert "startupProbe" not in kept


@pytest.mark.parametrize(
    "wrong",
    [
        {"endpointComputeType": "Kubernetes"},
        {"scaleSettings": {"scaleType": "TargetUtilization"}},
        {"requestSettings": {"requestTimeout": "PT180.001S"}},
        {"requestSettings": {"requestTimeout": "PT0S"}},
        {"requestSettings": {"maxConcurrentRequestsPerInstance": 0}},
        {"requestSettings": "fast"},
        {"readinessProbe": {"period": 10}},
        {"readinessProbe": {"successThreshold": True}},
        {"environmentVariables": {"A": 1}},
        {"environmentVariables": ["A=1"]},
        {"codeConfiguration": {"codeId": "x"}},
        {"model": 5},
    ],
)
def test_settings_that_azure_refuses_are_refused(wrong):
    assert completed(MANAGED | wrong)[1]


def test_a_probe_keeps_what_was_sent_and_completes_the_rest():
    kept, _ = completed(MANAGED | {"livenessProbe": {"period": "PT1S"}})

    assert kept["livenessProbe"]["period"] == "PT1S"
    assert kept["livenessProbe"]["failureThreshold"] == 30


def test_a_route_matches_whatever_the_case_and_one_segment_a_name():
    route = Route("GET", "/A/{one}/Bee", lambda call: None)

    assert route.pattern.fullmatch("/a/X/bEE")["one"] == "X"
    assert not route.pattern.fullmatch("/a/x/y/bee")


def test_an_envelope_tells_code_message_and_details():
    with pytest.raises(AzureError) as raised:
        invalid(["one.", "two."])

    error = envelope(raised.value, "local", "an-id", NOW)["error"]
    assert (error["code"], error["message"]) == ("BadRequest", "one. two.")
    assert [detail["message"] for detail in error["details"]] == ["one.", "two."]
    types = [each["type"] for each in error["additionalInfo"]]
    assert types[:2] == ["ComponentName", "Correlation"]


def test_nothing_is_raised_where_nothing_is_wrong():
    assert invalid([]) is None
