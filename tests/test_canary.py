"""What counts of the request rows, asked of localcloud's own engine."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops import kql
from ops.rollouts import canary, policyfile
from ops.rollouts.canary import Pair, Thresholds
from ops.rollouts.evidence import Bin, Side
from ops.times import Span
from tests.localcloud.log_rig import LogRig

PAIR = Pair(canary="green", stable="blue")
# Later than the setting that lets rows flow, whenever a test gets to it.
START = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=1)
MINUTE = timedelta(minutes=1)


@pytest.fixture
def rows(tmp_path):
    rig = LogRig(tmp_path)
    rig.let_flow()
    yield rig
    rig.close()


def request(rig, second, deployment, status=200, **columns):
    at = START + timedelta(seconds=second)
    rig.request(
        len(rig.traffic.read_bytes()) if rig.traffic.exists() else 0,
        TimeGenerated=at.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        DeploymentName=deployment,
        ResponseCode=status,
        **{"OperationName": "score", "UserAgent": "client", **columns},
    )


POLICY = policyfile.parse(
    """
steps: [{weight: 10}]
judge: {latency_slack: {percent: 0, ms: 0}}
guardrails: {latency: {over_ms: 90, at_most_percent: 5}}
"""
)


def bins(rig, since=0, minutes=2, limits=None, policy=POLICY):
    start = START + timedelta(seconds=since)
    span = Span(start=start, end=start + minutes * MINUTE)
    rig.step()
    values = canary.asked(PAIR, span, MINUTE, limits or Thresholds(), policy)
    found = rig.ask(kql.bind(kql.named("canary"), values))
    for row in found:
        row["At"] = datetime.fromisoformat(row["At"])
    return canary.to_bins(found, PAIR, MINUTE)


def test_each_minute_has_both_sides_and_ends_when_it_says(rows):
    request(rows, 1, "blue")
    request(rows, 2, "green", 500)
    request(rows, 61, "green")
    request(rows, 121, "green")

    assert bins(rows) == [
        Bin(
            at=START + MINUTE,
            canary=Side(requests=1, errors=1),
            stable=Side(requests=1),
        ),
        Bin(at=START + 2 * MINUTE, canary=Side(requests=1), stable=Side()),
    ]


@pytest.mark.parametrize(
    ("status", "errors"),
    [(200, 0), (400, 0), (413, 0), (499, 0), (408, 1), (424, 1), (429, 1), (503, 1)],
)
def test_an_error_is_what_the_caller_could_not_help(rows, status, errors):
    request(rows, 1, "green", status)

    assert bins(rows)[0].canary == Side(requests=1, errors=errors)


def test_a_retried_request_counts_once_as_its_first_try_ended(rows):
    request(rows, 1, "green", 424, XMSClientRequestId="a")
    request(rows, 2, "green", 424, XMSClientRequestId="a")
    request(rows, 61, "blue", XMSClientRequestId="a")
    request(rows, 62, "blue")

    first, second = bins(rows)

    assert (first.canary, first.stable) == (Side(requests=1, errors=1), Side())
    assert (second.canary, second.stable) == (Side(), Side(requests=1))


def test_a_retry_is_told_though_its_first_try_was_in_an_earlier_look(rows):
    request(rows, 1, "green", 424, XMSClientRequestId="a")
    request(rows, 61, "green", 424, XMSClientRequestId="a")

    assert bins(rows, since=60) == []


def test_a_client_that_gives_all_requests_one_id_is_counted_nevertheless(rows):
    for second in range(10):
        request(rows, second, "blue", XMSClientRequestId="batch")

    assert bins(rows)[0].stable.requests == 10


def test_a_mirrored_copy_is_no_retry_of_the_request_it_copies(rows):
    request(rows, 1, "blue", 424, XMSClientRequestId="a")
    request(rows, 2, "green", XMSClientRequestId="a", OperationName="mirror")

    assert bins(rows)[0].canary == Side(requests=1)


def test_probes_and_other_deployments_are_nobodys_traffic(rows):
    request(rows, 1, "green", 500, UserAgent="aml-ops-probe")
    request(rows, 2, "purple", 500)
    request(rows, 3, "", 401)

    assert bins(rows) == []


def test_what_is_slow_is_measured_by_stable_before_the_rollout(rows):
    for took in (10, 21, 51, 101):
        request(rows, 1, "green", TotalDurationMs=took)

    limits = Thresholds(requests=100, p50=20, p90=50, p99=100)

    assert bins(rows, limits=limits)[0].canary == Side(
        requests=4, slow=(3, 2, 1), over=1
    )


def test_the_canary_may_be_as_much_slower_as_the_policy_says(rows):
    for deployment in ("blue", "green"):
        for took in (50, 51, 57, 58):
            request(rows, 1, deployment, TotalDurationMs=took)
    judge = replace(POLICY.judge, slack_ratio=0.1, slack_ms=2.0)
    limits = Thresholds(requests=100, p50=50, p90=50, p99=50)

    (found,) = bins(rows, limits=limits, policy=replace(POLICY, judge=judge))

    assert found.stable.slow == (3, 3, 3)
    assert found.canary.slow == (1, 1, 1)


def test_the_last_whole_bin_ends_before_the_newest_row():
    assert canary.whole(START, START + 3.5 * MINUTE, MINUTE) == START + 3 * MINUTE
    assert canary.whole(START, START - MINUTE, MINUTE) == START
