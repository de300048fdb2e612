"""The access log as a file: rows, segments, and what a full disk leaves behind."""

import json
from datetime import UTC, datetime

import pytest
from gateway_rig import endpoint

from ops.localcloud.gateway.accesslog import AccessLog, row
from ops.localcloud.gateway.exchange import Exchange
from ops.localcloud.gateway.refusal import not_found
from ops.localcloud.gateway.table import parse

# AmlOnlineEndpointTrafficLog, without what Log Analytics itself adds to every table.
COLUMNS = {
    "AuthType": str,
    "AzureMLWorkspaceId": str,
    "AzureMLWorkspaceName": str,
    "DeploymentName": str,
    "EndpointName": str,
    "IdentityData": str,
    "Location": str,
    "Method": str,
    "ModelStatusCode": int,
    "ModelStatusReason": str,
    "OperationName": str,
    "Path": str,
    "Protocol": str,
    "RequestDurationMs": int,
    "RequestPayloadSize": int,
    "RequestThrottlingDelayMs": int,
    "ResponseCode": int,
    "ResponseCodeReason": str,
    "ResponseDurationMs": int,
    "ResponsePayloadSize": int,
    "ResponseThrottlingDelayMs": int,
    "TimeGenerated": str,
    "TotalDurationMs": int,
    "UserAgent": str,
    "XMSClientRequestId": str,
    "XRequestId": str,
    "_ResourceId": str,
    "_SubscriptionId": str,
}
TABLE = parse(json.dumps({"version": 1, "endpoints": {"iris": endpoint()}}))


def exchange(**changes):
    facts = {
        "endpoint": TABLE.endpoints["iris"],
        "method": "POST",
        "path": "/score",
        "protocol": "HTTP/1.1",
        "user_agent": "curl",
        "client_request_id": "",
        "request_id": "an-id",
        "started": 10.0,
        "model_status": 200,
    }
    return Exchange(**{**facts, **changes})


def test_a_row_has_azures_columns_and_types():
    now = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)

    facts = row(exchange(), not_found(), 10.5, now)

    assert {name: type(value) for name, value in facts.items()} == COLUMNS
    assert facts["TimeGenerated"] == "2026-01-02T03:04:05.000000Z"


def test_durations_run_from_the_start_of_the_request():
    facts = row(
        exchange(received=10.1, answered=10.4), not_found(), 10.5, datetime.now(UTC)
    )

    names = ("RequestDurationMs", "ResponseDurationMs", "TotalDurationMs")
    assert [facts[name] for name in names] == [100, 400, 500]


@pytest.mark.parametrize("given", ["x" * 200, "\udcff" * 200, "\n" * 200])
def test_a_user_agent_is_cut_and_made_readable(given, tmp_path):
    log = AccessLog(tmp_path / "traffic.jsonl")
    log.write(exchange(user_agent=given), not_found(), 10.5)
    log.close()

    (line,) = (tmp_path / "traffic.jsonl").read_bytes().splitlines()
    agent = json.loads(line)["UserAgent"]
    assert len(agent) == 70
    assert agent.encode()


def test_full_segments_are_numbered_and_the_oldest_removed(tmp_path):
    log = AccessLog(tmp_path / "traffic.jsonl", segment_bytes=1, segments_kept=3)
    for number in range(6):
        log.write(exchange(request_id=str(number)), not_found(), 10.5)
    log.close()

    ids = {
        path.name: [
            json.loads(line)["XRequestId"] for line in path.read_text().splitlines()
        ]
        for path in tmp_path.iterdir()
    }
    assert ids == {
        "traffic.000003.jsonl": ["2"],
        "traffic.000004.jsonl": ["3"],
        "traffic.000005.jsonl": ["4"],
        "traffic.jsonl": ["5"],
    }


def test_few_segments_are_all_kept(tmp_path):
    log = AccessLog(tmp_path / "traffic.jsonl", segment_bytes=1)
    for _ in range(6):
        log.write(exchange(), not_found(), 10.5)
    log.close()

    assert len(list(tmp_path.iterdir())) == 6


def test_a_row_after_one_that_was_cut_short_is_whole(tmp_path):
    file = tmp_path / "traffic.jsonl"
    file.write_bytes(b'{"cut')
    log = AccessLog(file)
    log.write(exchange(), not_found(), 10.5)
    log.close()

    cut, whole = file.read_bytes().splitlines()
    assert cut == b'{"cut'
    assert json.loads(whole)["XRequestId"] == "an-id"


def test_a_disk_that_takes_no_row_is_reported_once_and_stops_nothing(caplog):
    log = AccessLog("/dev/full")
    for _ in range(3):
        log.write(exchange(), not_found(), 10.5)
    log.close()

    assert len(caplog.records) == 1


def test_the_log_is_for_its_owner_only(tmp_path):
    AccessLog(tmp_path / "traffic.jsonl").close()

    assert (tmp_path / "traffic.jsonl").stat().st_mode & 0o777 == 0o600
