"""The alert engine asked by JSON: what rules would have made of given data."""

import json
import subprocess
import sys
from datetime import timedelta

import pytest

from ops.localcloud.alerting.asked import answers
from tests.alert_rig import ENDPOINT, NOON, SERVED, log_body, metric_body, split

MINUTE = timedelta(minutes=1)


def asked(*rules, minutes=60, **data):
    until = NOON + minutes * MINUTE
    span = {"from": NOON.isoformat(), "until": until.isoformat()}
    return answers({"rules": list(rules), **span, **data})


def at(minute):
    return (NOON + minute * MINUTE).isoformat()


def served(bad=range(10, 20), minutes=60):
    """Green fails in those minutes, blue never."""
    return [
        {
            "TimeGenerated": at(minute),
            "DeploymentName": name,
            "ResponseCode": 500 if name == "green" and minute in bad else 200,
        }
        for minute in range(minutes)
        for name in ("blue", "green")
    ]


def test_questions_asked_together_share_nothing():
    span = {"from": NOON.isoformat(), "until": at(60)}
    with_rows = {"rules": [log_body()], "tables": {SERVED: served()}, **span}
    without = {"rules": [log_body()], **span}

    first, second = answers([with_rows, without])

    assert len(first["alerts"]) == 1
    assert second["alerts"] == []


def test_a_combination_fires_and_resolves_by_itself():
    (alert,) = asked(log_body(), tables={SERVED: served()})["alerts"]

    assert alert["dimensions"] == {"DeploymentName": "green"}
    assert (alert["fired"], alert["resolved"]) == (at(11), at(34))
    assert (alert["value"], alert["peak"]) == (20, 100)


def test_two_of_three_windows_must_fail():
    """Azure: failingPeriods count windows; a frequency may be shorter than one."""
    rule = log_body(failing=(2, 3))

    (alert,) = asked(rule, tables={SERVED: served()})["alerts"]

    assert alert["fired"] == at(16)  # the windows that end at 16 and at 11 have failed


def test_rows_are_counted_where_there_is_no_column_to_measure():
    rule = log_body(query=f"{SERVED} | where ResponseCode >= 500", measure="")
    rule["properties"]["criteria"]["allOf"][0] |= {
        "timeAggregation": "Count",
        "threshold": 3,
    }

    (alert,) = asked(rule, tables={SERVED: served()})["alerts"]

    assert alert["fired"] == at(14)  # four rows, of the minutes 10 to 13
    assert alert["peak"] == 5


def test_silence_is_a_count_of_zero_where_nothing_is_split():
    rule = log_body(query=SERVED, measure="", dimensions=[], operator="LessThan")
    rule["properties"]["criteria"]["allOf"][0] |= {
        "timeAggregation": "Count",
        "threshold": 1,
    }

    (alert,) = asked(rule, tables={SERVED: served(minutes=30)})["alerts"][1:]

    assert alert["fired"] == at(35)


def test_a_combination_that_a_query_no_longer_returns_is_healthy():
    rows = [row for row in served(bad=range(60)) if row["TimeGenerated"] < at(20)]

    (alert,) = asked(log_body(), tables={SERVED: rows})["alerts"]

    assert alert["resolved"] == at(34)


def test_metrics_are_aggregated_over_their_window():
    values = [[at(minute), 50 if minute < 30 else 200] for minute in range(60)]
    given = {"resource": ENDPOINT, "metric": "RequestLatency_P95", "values": values}

    (alert,) = asked(metric_body(), metrics=[given])["alerts"]

    assert alert["fired"] == at(32)  # two minutes of 200 and three of 50 are 110


def test_a_metric_without_data_is_not_known():
    found = asked(metric_body(), minutes=2, metrics=[])

    assert {each["met"] for each in found["evaluations"]} == {None}


def test_values_that_were_aggregated_already_are_taken_as_they_are():
    points = [[at(minute), 9 if 5 <= minute < 9 else 1] for minute in range(60)]
    given = {
        "rule": "errors",
        "dimensions": {"DeploymentName": "green"},
        "points": points,
    }

    (alert,) = asked(log_body(), values=[given])["alerts"]

    assert (alert["fired"], alert["resolved"], alert["peak"]) == (at(5), at(18), 9)


def test_a_processing_rule_silences_what_it_fits():
    mute = {
        "name": "quiet",
        "properties": {
            "scopes": [ENDPOINT],
            "conditions": [
                {"field": "AlertRuleName", "operator": "Equals", "values": ["errors"]}
            ],
            "actions": [{"actionType": "RemoveAllActionGroups"}],
            "enabled": True,
        },
    }
    rules = [log_body(), log_body(name="other")]

    found = asked(*rules, tables={SERVED: served()}, actionRules=[mute])

    assert [each["muted"] for each in found["alerts"]] == [True, False]


@pytest.mark.parametrize(
    ("rule", "tables", "told"),
    [
        (log_body(), {"AmlOnlineTrafficLog": []}, "did you mean AmlOnlineEndpointT"),
        (log_body(), {SERVED: [{"Code": 500}]}, f"{SERVED} has no column Code"),
        (log_body(query="Nope"), {}, "errors: Failed to resolve table"),
        (log_body(query=f"{SERVED} | where"), {}, "errors: "),
        (log_body(measure="nope"), {}, "errors: the query has no column nope"),
        (
            log_body(query=SERVED, measure="EndpointName"),
            {},
            "errors: the column EndpointName is a string, not a number",
        ),
        (
            log_body(dimensions=[split("Feature")]),
            {},
            "errors: the query has no column Feature to split by",
        ),
        (metric_body(metric="Latency"), {}, "Failed to find metric configuration"),
    ],
)
def test_what_can_not_be_evaluated_is_a_problem_that_names_it(rule, tables, told):
    found = asked(rule, tables=tables)

    assert any(told in problem for problem in found["problems"])
    assert found["alerts"] == []


def test_a_value_that_is_no_number_spoils_none_of_the_others():
    query = f"{SERVED} | extend bad = iff(ResponseCode >= 500, real(nan), 9.0)"
    rule = log_body(query=query, measure="bad", dimensions=[])

    found = asked(rule, minutes=15, tables={SERVED: served()})["evaluations"]

    assert {each["value"] for each in found[1:]} == {9}


def test_no_number_and_infinity_are_told_apart():
    query = f"{SERVED} | extend bad = iff(DeploymentName == 'blue', real(nan), 1.0 / 0)"
    rule = log_body(query=query, measure="bad")

    found = asked(rule, minutes=5, tables={SERVED: served()})

    assert [each["dimensions"] for each in found["alerts"]] == [
        {"DeploymentName": "green"}
    ]


def test_it_is_asked_by_the_command_line(tmp_path):
    told = {"rules": [log_body()], "tables": {SERVED: served()}}
    told |= {"from": at(0), "until": at(20)}

    done = subprocess.run(
        [sys.executable, "-m", "ops.localcloud", "alerts", "--state", tmp_path],
        input=json.dumps(told),
        capture_output=True,
        text=True,
        check=True,
    )

    assert len(json.loads(done.stdout)["alerts"]) == 1
    assert list(tmp_path.iterdir()) == []
