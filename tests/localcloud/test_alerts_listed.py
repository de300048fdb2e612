"""Alerts Management over the wire: lists, summaries, history, what people say."""

import json
from datetime import timedelta

import pytest
from local_transport import InProcess
from rules_rig import ENDPOINT, GROUP

from ops.localcloud import alerts
from ops.localcloud.alerts import Firing

ALERTS = f"{GROUP.split('/resourceGroups')[0]}/providers/Microsoft.AlertsManagement"
CONTEXT = {"context": {"condition": {"windowSize": "PT5M", "allOf": []}}}


@pytest.fixture
def cloud(tmp_path):
    cloud = InProcess(tmp_path)
    yield cloud
    cloud.close()


def fire(cloud, rule="errors", severity=2, ago=timedelta(0)):
    firing = Firing(
        rule=f"{GROUP}/providers/microsoft.insights/scheduledqueryrules/{rule}",
        severity=severity,
        target=ENDPOINT,
        description="more than 5 % of requests fail",
        context=CONTEXT,
        custom={"aml-ops.rule": rule},
    )
    return alerts.fire(cloud.state, firing, cloud.clock.now() - ago)


def read(cloud, path, status=200):
    answer = cloud.ask("GET", f"{ALERTS}/{path}")
    assert answer.status == status, answer.body
    return json.loads(answer.body)


def pages(cloud, query):
    page = read(cloud, f"alerts?{query}")
    yield page["value"]
    while link := page.get("nextLink"):
        answer = cloud.ask("GET", link.removeprefix("https://127.0.0.1:1"))
        page = json.loads(answer.body)
        yield page["value"]


def test_a_list_comes_in_pages_and_loses_nothing(cloud):
    names = {fire(cloud, severity=number % 5).name for number in range(7)}
    found = list(pages(cloud, "pageCount=3&sortBy=severity&sortOrder=asc"))
    flat = [each for page in found for each in page]

    assert [len(page) for page in found] == [3, 3, 1]
    assert {each["name"] for each in flat} == names
    order = [each["properties"]["essentials"]["severity"] for each in flat]
    assert order == sorted(order)


@pytest.mark.parametrize(
    "query", ["pageCount=0", "pageCount=251", "pageCount=26&includeContext=true"]
)
def test_a_page_is_no_larger_than_on_azure(cloud, query):
    error = read(cloud, f"alerts?{query}", 400)["error"]

    assert "pageCount must be from 1 to" in error["message"]


def test_contexts_are_told_where_they_are_asked_for(cloud):
    alert = fire(cloud)
    (bare,) = read(cloud, "alerts")["value"]
    (whole,) = read(cloud, "alerts?includeContext=true&pageCount=25")["value"]

    assert bare["properties"]["context"] is None
    assert bare["properties"]["customProperties"] == {"aml-ops.rule": "errors"}
    assert whole["properties"]["context"] == CONTEXT
    assert read(cloud, f"alerts/{alert.name}")["properties"]["context"] == CONTEXT


def test_only_some_essentials_may_be_asked_for(cloud):
    fire(cloud)
    (alert,) = read(cloud, "alerts?select=severity,alertState")["value"]

    assert alert["properties"]["essentials"] == {
        "severity": "Sev2",
        "alertState": "New",
    }


def test_what_a_person_says_is_remembered_with_its_comment(cloud):
    alert = fire(cloud)
    path = f"{ALERTS}/alerts/{alert.name}"
    seen = {"comment": "looking at green"}
    answer = cloud.ask(
        "POST", f"{path}/changestate?newState=Acknowledged", seen, who="ana@laptop"
    )
    essentials = json.loads(answer.body)["properties"]["essentials"]
    assert (essentials["alertState"], essentials["lastModifiedUserName"]) == (
        "Acknowledged",
        "ana@laptop",
    )

    history = read(cloud, f"alerts/{alert.name}/history")["properties"]
    newest, oldest = history["modifications"]
    assert (newest["newValue"], newest["comments"], newest["modifiedBy"]) == (
        "Acknowledged",
        "looking at green",
        "ana@laptop",
    )
    assert oldest["modificationEvent"] == "AlertCreated"
    read(cloud, "alerts/nobody/history", 404)
    wrong = cloud.ask("POST", f"{path}/changestate?newState=New", {"comment": 1})
    assert wrong.status == 400


def test_a_summary_counts_what_there_is_and_what_there_is_not(cloud):
    fire(cloud, severity=0)
    fire(cloud, severity=2)
    fire(cloud, severity=2, ago=timedelta(days=2))
    told = read(cloud, "alertsSummary?groupby=severity,alertState")["properties"]
    counts = {each["name"]: each["count"] for each in told["values"]}

    assert told["total"] == 2
    assert counts == {"Sev0": 1, "Sev1": 0, "Sev2": 1, "Sev3": 0, "Sev4": 0}
    assert told["values"][0]["values"] == [
        {"name": "New", "count": 1},
        {"name": "Acknowledged", "count": 0},
        {"name": "Closed", "count": 0},
    ]
    longer = read(cloud, "alertsSummary?groupby=alertRule&timeRange=7d")["properties"]
    assert [each["count"] for each in longer["values"]] == [3]
    read(cloud, "alertsSummary?groupby=colour", 400)
    read(cloud, "alertsSummary?groupby=severity&colour=red", 501)
