"""The recent values of an alert's rule: what the sparkline of its message shows."""

from dataclasses import replace
from datetime import timedelta

import pytest

from ops.alerting import recent
from tests.rollout_rig import Rig
from tests.test_firedview import ERRORS

QUERY = """AmlOnlineEndpointTrafficLog
| summarize Failed = 100.0 * countif(ResponseCode >= 500) / count() by DeploymentName"""
CONTEXT = {
    "windowSize": "PT5M",
    "searchQuery": QUERY,
    "metricMeasureColumn": "Failed",
    "timeAggregation": "Average",
}


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    rig = Rig(tmp_path)
    yield rig
    rig.close()


def test_a_log_rules_query_is_asked_window_by_window(cloud):
    cloud.served("green", 10, seconds_ago=8 * 60)
    cloud.served("green", 5, seconds_ago=90)
    cloud.served("green", 5, status=500, seconds_ago=90)
    cloud.served("blue", 10, status=500, seconds_ago=90)
    workspace = cloud.workspace()

    found = recent.values(workspace, replace(ERRORS, context=CONTEXT), workspace.now())

    assert found == [*[None] * 6, 0.0, 50.0]


def test_what_cannot_be_read_keeps_no_message_back(cloud):
    workspace = cloud.workspace()
    for context in ({}, {**CONTEXT, "searchQuery": "Nothing | where"}):
        alert = replace(ERRORS, context=context)
        assert recent.values(workspace, alert, workspace.now()) == []


@pytest.mark.parametrize(
    ("how", "value"),
    [("Average", 2), ("Maximum", 3), ("Minimum", 1), ("Total", 4), ("Odd", None)],
)
def test_rows_of_the_alerts_own_dimensions_are_aggregated_as_its_rule_says(how, value):
    rows = [
        {"DeploymentName": "green", "Failed": 1},
        {"DeploymentName": "green", "Failed": 3},
        {"DeploymentName": "green", "Failed": None},
        {"DeploymentName": "blue", "Failed": 99},
    ]
    alert = replace(ERRORS, context={**CONTEXT, "timeAggregation": how})

    assert recent.of_records(alert, rows) == value


def test_without_a_column_rows_are_counted():
    alert = replace(ERRORS, context={"windowSize": "PT5M"})

    assert recent.of_records(alert, [{"DeploymentName": "green"}] * 3) == 3
    assert recent._length("P1DT2H") == timedelta(hours=26)
