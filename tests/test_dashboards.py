"""Workbooks and Grafana dashboards: what they hold, and what apply does about them."""

import json
import re
import uuid
from dataclasses import replace
from datetime import UTC

import duckdb
import pytest

from ops import dashboards, journal
from ops.boards import (
    boardfile,
    grafana,
    grafanapanel,
    portable,
    published,
    running,
    workbook,
)
from ops.boards.grafanapanel import WORDS as GRAFANA
from ops.boards.grafanapanel import steps
from ops.boards.limits import Limit
from ops.errors import NotFound, OpsError, Refused, UsageError
from ops.localcloud.faults import Fault
from ops.localcloud.kql import Engine, harden
from tests.board_rig import IRIS, TIME, replaced
from tests.kql import data
from tests.local_transport import InProcess

BOARDS = boardfile.load()
LOGGED = ("logs", "budgets", "burn")


@pytest.fixture
def cloud(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    (tmp_path / "cloud").mkdir()
    cloud = InProcess(tmp_path / "cloud")
    cloud.put_endpoint()
    yield cloud
    cloud.close()


@pytest.fixture
def workspace(cloud):
    return cloud.workspace()


@pytest.fixture(scope="module")
def ask(tmp_path_factory):
    """The columns that KQL gives over the generated logs."""
    connection = duckdb.connect()
    data.load(connection, tmp_path_factory.mktemp("rows"))
    harden(connection)
    engine, now = Engine(data.SCHEMA), data.NOW.replace(tzinfo=UTC)

    def ask(kql):
        found = engine.query(connection, kql, now=now).tables[0]
        return tuple(name for name, _ in found.columns)

    yield ask
    engine.close()
    connection.close()


def apply(workspace, name=None):
    steps = dashboards.plan(workspace, "iris", name)
    return {
        each.dashboard: each.action
        for each in dashboards.apply(workspace, "iris", steps)
    }


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_workbook_has_what_the_portal_needs(board):
    document = workbook.document(board, IRIS)

    assert document["version"] == "Notebook/1.0"
    assert document["$schema"].endswith("workbook.json")
    names = [item["name"] for item in document["items"]]
    assert len(set(names)) == len(names)
    assert {panel.id for panel in board.panels()} <= set(names)
    for item in document["items"]:
        assert isinstance(item.get("customWidth", "50"), str)
        NEEDS[item["type"]](item["content"])


def _query(content):
    assert content["version"] == "KqlItem/1.0"
    assert isinstance(content["query"], str)
    if content["queryType"] == workbook.ARM:
        asked = json.loads(content["query"])
        assert (asked["version"], asked["method"]) == ("ARMEndpoint/1.0", "GET")
        assert asked["path"].startswith("/subscriptions/s")
        assert any(each["key"] == "api-version" for each in asked["urlParams"])
    else:
        assert content["resourceType"] == workbook.LOGS
        assert content["crossComponentResources"] == [IRIS.log_workspace_id]


def _parameters(content):
    assert content["version"] == "KqlParameterItem/1.0"
    for each in content["parameters"]:
        assert uuid.UUID(each["id"])
        assert each["type"] in (workbook.TIME, workbook.LIST)


def _metrics(content):
    assert content["version"] == "MetricsItem/2.0"
    assert content["resourceIds"]
    for each in content["metrics"]:
        assert each["metric"].startswith(f"{each['namespace']}--")
        assert isinstance(each["aggregation"], int)
        assert isinstance(each.get("splitBy", ""), str)


NEEDS = {
    workbook.TEXT: lambda content: isinstance(content["json"], str),
    workbook.QUERY: _query,
    workbook.PARAMETERS: _parameters,
    workbook.METRICS: _metrics,
}


@pytest.mark.parametrize("board", BOARDS.values(), ids=BOARDS)
def test_a_grafana_dashboard_has_what_grafana_needs(board):
    document = grafana.document(board, IRIS)

    assert document["schemaVersion"] == 39
    assert len(document["uid"]) <= 40
    ids = [panel["id"] for panel in document["panels"]]
    assert len(set(ids)) == len(ids)
    assert {each["name"] for each in document["templating"]["list"]} == {
        *("source", "deployment"),
    }
    cells = [cell for panel in document["panels"] for cell in covered(panel)]
    assert len(set(cells)) == len(cells), "two panels lie over each other"
    assert all(x < 24 for x, _ in cells)
    for panel in document["panels"]:
        letters = [target["refId"] for target in panel.get("targets", ())]
        assert len(set(letters)) == len(letters)
        for target in panel.get("targets", ()):
            assert target["datasource"]["type"] == "grafana-azure-monitor-datasource"
            kinds = {"Azure Log Analytics", "Azure Monitor"}
            assert target["queryType"] in kinds


def covered(panel):
    place = panel["gridPos"]
    return [
        (x, y)
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]


def test_the_queries_of_every_panel_run_wherever_it_is_shown(ask):
    for panel in {p.id: p for b in BOARDS.values() for p in b.panels()}.values():
        if panel.source not in LOGGED:
            continue
        kql = portable.text(panel, IRIS, GRAFANA)
        sent = replaced(kql)
        tables = len(re.findall(r"\bAmlOnlineEndpoint\w+", kql))

        assert kql.count("_ResourceId =~") == kql.count(GRAFANA.time) == tables
        assert ask(sent) == portable.columns(panel), panel.id
        # The portal tells the time beside the query; all else is the same.
        there = replaced(portable.text(panel, IRIS, workbook.WORDS))
        assert there == sent.replace(f"\n| where {TIME}", ""), panel.id


def test_an_endpoint_that_promises_nothing_has_a_word_instead():
    bare = replace(IRIS, promised=None)
    budgets = next(p for p in BOARDS["overview"].panels() if p.id == "overview.budgets")

    items = workbook.document(BOARDS["overview"], bare)["items"]

    said = next(item["content"]["json"] for item in items if item["name"] == budgets.id)
    assert "iris has no slo.yaml" in said
    assert grafanapanel.panel(budgets, bare)["type"] == "text"


def test_colours_of_grafana_follow_the_limits():
    over = [Limit(value=80, level="warning"), Limit(value=95, level="critical")]
    under = [Limit(value=25, level="warning", over=False)]

    assert steps(over) == [
        {"color": "green", "value": None},
        {"color": "orange", "value": 80},
        {"color": "red", "value": 95},
    ]
    assert [each["color"] for each in steps(under)] == ["orange", "green"]
    assert steps([]) == [{"color": "green", "value": None}]


def test_what_is_applied_is_in_step_and_its_name_is_the_same_everywhere(workspace):
    first = apply(workspace)
    names = {each.name for each in published.live(workspace)}

    assert set(first.values()) == {"create"}
    assert set(apply(workspace).values()) == {"unchanged"}
    assert {each.name for each in published.live(workspace)} == names
    assert all(uuid.UUID(name).version == 5 for name in names)


def test_applying_is_journalled(workspace):
    apply(workspace, "overview")

    (entry,) = journal.entries("local", "iris")
    assert (entry.verb, entry.after) == ("dashboards.apply", {"overview": "create"})


def test_what_is_refused_says_what_is_done_already(cloud, workspace):
    cloud.faults.add(
        Fault(
            number=0,
            do="status",
            status=403,
            methods=("PUT",),
            path="*/workbooks/*",
            after=2,
        )
    )

    with pytest.raises(OpsError, match=r"of 'iris: Drift'; done before: alerts, cap"):
        apply(workspace)

    (entry,) = journal.entries("local", "iris")
    assert (entry.outcome, entry.after) == (
        "failed",
        {"alerts": "create", "capacity": "create"},
    )


def test_a_change_in_the_portal_is_told_panel_by_panel_and_undone(cloud, workspace):
    apply(workspace)
    found = next(w for w in published.live(workspace) if w.owner == "iris/overview")
    content = found.content
    panels = {item["name"]: item for item in content["items"]}
    panels["overview.rate"]["content"]["query"] = "print 1"
    content["items"].remove(panels["overview.errors"])
    patch = {"properties": {"serializedData": json.dumps(content)}}
    cloud.ask("PATCH", published.url(workspace, found.name).split(":1", 1)[1], patch)

    step = dashboards.plan(workspace, "iris", "overview")[0]

    assert step.action == "update"
    assert step.changes == ["~ overview.rate: query", "+ overview.errors"]
    assert apply(workspace)["overview"] == "update"
    assert set(apply(workspace).values()) == {"unchanged"}


def test_somebody_elses_workbook_is_left_alone(cloud, workspace):
    apply(workspace, "overview")
    (found,) = published.live(workspace)
    path = published.url(workspace, found.name).split(":1", 1)[1]
    cloud.ask("PATCH", path, {"tags": {"team": "a"}})

    with pytest.raises(Refused, match="somebody else's"):
        dashboards.plan(workspace, "iris")


def test_a_workbook_whose_dashboard_has_gone_goes_too(workspace, monkeypatch):
    apply(workspace)
    kept = {"overview": BOARDS["overview"]}
    monkeypatch.setattr(boardfile, "load", lambda: kept)

    done = apply(workspace)

    assert done == {
        "overview": "unchanged",
        **dict.fromkeys(("rollout", "capacity", "drift", "alerts"), "delete"),
    }
    assert [each.owner for each in published.live(workspace)] == ["iris/overview"]


def test_an_export_is_what_is_applied(workspace):
    apply(workspace, "capacity")
    (found,) = published.live(workspace)

    exported = dashboards.export(workspace, "iris", "capacity", "workbook")

    assert json.loads(exported) == found.content


def test_what_is_asked_for_wrongly_is_told(workspace):
    with pytest.raises(UsageError, match="grafana or workbook, not 'excel'"):
        dashboards.form("excel")
    with pytest.raises(NotFound, match="there are: alerts, capacity"):
        dashboards.export(workspace, "iris", "overvew", "grafana")


def test_a_page_that_runs_is_where_to_look(workspace):
    with running.noted("local", "iris", "http://127.0.0.1:8050/"):
        place = dashboards.where(workspace, "iris", "overview")

    assert (place.kind, place.url) == ("page", "http://127.0.0.1:8050/?board=overview")
    with pytest.raises(NotFound, match="No live page of iris runs"):
        dashboards.where(workspace, "iris", "overview")


def test_on_azure_the_portal_is_where_to_look(workspace):
    logs = workspace.log_workspace_id
    workspace.local, workspace.stage = (
        None,
        replace(workspace.stage, cloud="azure", log_analytics_resource_id=logs),
    )
    with pytest.raises(NotFound, match="not in the portal yet"):
        dashboards.where(workspace, "iris", "overview")
    apply(workspace, "overview")
    (found,) = published.live(workspace)

    place = dashboards.where(workspace, "iris", "overview")

    assert place.kind == "workbook"
    assert place.url.startswith("https://portal.azure.com/#@/resource/subscriptions/")
    assert place.url.endswith(f"/workbooks/{found.name}/workbook")


def test_a_page_that_died_is_not_told(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path))
    (tmp_path / "pages").mkdir()
    dead = {"url": "http://127.0.0.1:1/", "pid": 2**22 + 1}
    (tmp_path / "pages" / "local.iris.json").write_text(json.dumps(dead))

    assert running.find("local", "iris") is None
