"""Who did what, by the monitor client's activity_logs and by systemData."""

from datetime import UTC, datetime, timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.mgmt.monitor import MonitorManagementClient
from sdk import StaticCredential

ANA, BEN = "ana@laptop", "ben@ci"
WRITE = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints/write"


@pytest.fixture(scope="module")
def logs(cloud, ml):
    return MonitorManagementClient(
        StaticCredential(cloud.token),
        cloud.facts["subscription_id"],
        base_url=cloud.url,
        credential_scopes=[f"{cloud.url}/.default"],
        retry_total=0,
    ).activity_logs


def put(cloud, name, caller, **headers):
    body = {"location": "local", "properties": {"authMode": "Key"}}
    token = f"{cloud.token}~{caller}"
    path = f"onlineEndpoints/{name}"
    return cloud.call("PUT", path, body, token=token, headers=headers)


def asked(cloud, name, **clauses):
    since = datetime.now(UTC) - timedelta(minutes=5)
    clauses = {"resourceUri": f"{cloud.workspace}/onlineEndpoints/{name}", **clauses}
    times = f"eventTimestamp ge '{since.isoformat()}'"
    return " and ".join([times, *(f"{k} eq '{v}'" for k, v in clauses.items())])


def told(events):
    """Caller, operation and status of each, oldest first."""
    return [
        (each.caller, each.operation_name.value.split("/")[-1], each.status.value)
        for each in reversed(list(events))
    ]


def test_a_write_is_told_from_its_start_to_its_end(cloud, logs):
    cloud.settled(put(cloud, "told", ANA, **{"x-ms-client-request-id": "mine"}))

    events = list(logs.list(asked(cloud, "told")))

    assert told(events) == [
        (ANA, "write", "Started"),
        (ANA, "write", "Accepted"),
        (ANA, "write", "Succeeded"),
    ]
    accepted = events[1]
    assert accepted.operation_name.value == accepted.authorization.action == WRITE
    assert accepted.sub_status.localized_value == "Created (HTTP Status Code: 201)"
    assert accepted.http_request.method == "PUT"
    assert accepted.http_request.client_request_id == "mine"
    assert len({each.correlation_id for each in events}) == 1
    assert len({each.event_data_id for each in events}) == 3
    assert events[0].event_timestamp >= accepted.event_timestamp


def test_system_data_says_who_came_first_and_last(cloud):
    put(cloud, "shared", ANA)
    data = put(cloud, "shared", "b%C3%A9n@ci").body["systemData"]

    assert (data["createdBy"], data["lastModifiedBy"]) == (ANA, "bén@ci")
    assert data["createdAt"] < data["lastModifiedAt"]


def test_a_refusal_and_an_action_are_told(cloud, logs):
    cloud.settled(put(cloud, "other", ANA))
    patch = {"properties": {"traffic": {"blue": 100}}}
    token = f"{cloud.token}~{BEN}"
    cloud.call("PATCH", "onlineEndpoints/other", patch, token=token)
    cloud.call("POST", "onlineEndpoints/other/listKeys", token=token)
    cloud.call("GET", "onlineEndpoints/other", token=token)

    events = list(logs.list(asked(cloud, "other")))

    assert told(events)[3:] == [
        (BEN, "write", "Started"),
        (BEN, "write", "Failed"),
        (BEN, "action", "Started"),
        (BEN, "action", "Succeeded"),
    ]
    refused = events[2]
    assert (refused.level, refused.sub_status.value) == ("Error", "BadRequest")
    assert "PATCH takes tags" in refused.properties["statusMessage"]


def test_events_are_selected_filtered_and_paged(cloud, logs):
    answers = [put(cloud, "paged", ANA) for _ in range(120)]
    one = answers[0].headers["x-ms-correlation-request-id"]

    events = list(logs.list(asked(cloud, "paged"), select="caller,eventTimestamp"))
    same = list(logs.list(asked(cloud, "paged", correlationId=one)))

    assert len(events) > 240
    assert {each.caller for each in events} == {ANA}
    assert events[0].operation_name is None
    assert {each.correlation_id for each in same} == {one}
    assert list(logs.list(asked(cloud, "paged", resourceProvider="other"))) == []


@pytest.mark.parametrize(
    "wrong",
    [
        "caller eq 'ana'",
        "eventTimestamp ge 'yesterday'",
        "eventTimestamp le '2026-01-01T00:00:00Z'",
    ],
)
def test_a_filter_that_the_service_does_not_take_is_refused(logs, wrong):
    with pytest.raises(HttpResponseError) as raised:
        list(logs.list(wrong))

    assert raised.value.status_code == 400
