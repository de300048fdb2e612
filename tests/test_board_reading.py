"""What panels show of an endpoint: rows, bounded and binned, each by its own reader."""

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

import pytest

from ops import diagnostics
from ops.boards import (
    boardfile,
    driftreading,
    factreading,
    looking,
    reading,
    rolloutreading,
    tables,
)
from ops.boards.metricreading import together
from ops.boards.model import Metric, Panel
from ops.boards.tables import MOST_POINTS, MOST_ROWS, Failure, Table, series
from ops.drifting.asking import Measured
from ops.drifting.baseline import Baseline
from ops.drifting.baseline import Column as Column_
from ops.history import Row
from ops.kql import Column
from ops.localcloud.logstore import Batch
from ops.measures import Window
from ops.platform import Series
from tests.rollout_rig import Rig

ROW = partial(
    Row,
    number=1,
    at=datetime(2026, 11, 23, tzinfo=UTC),
    endpoint="iris",
    verb="deploy",
    who="ana",
    outcome="done",
    reason="",
    told_by="journal",
)
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
PANELS = {
    panel.id: panel for board in boardfile.load().values() for panel in board.panels()
}
LOGGED = [
    each for each in PANELS.values() if each.source in ("logs", "budgets", "burn")
]


class BoardRig(Rig):
    """An endpoint whose panels are read as the live page reads them."""

    def read(self, id, *, hours=3, deployments=()):
        now = self.clock.now()
        window = tables.window(now - timedelta(hours=hours), now)
        panel = PANELS[id] if isinstance(id, str) else id
        return reading.read(self.workspace("page"), "iris", panel, window, deployments)

    def sampled(self, deployment, metric, value, instance="i-1"):
        path = f"{self.cloud.workspace}/onlineEndpoints/iris/deployments/{deployment}"
        row = {
            "At": (self.clock.now() - timedelta(minutes=5)).replace(tzinfo=None),
            "Resource": path.lower(),
            "Metric": metric,
            "Dimensions": json.dumps({"instanceid": instance}),
            "Value": value,
        }
        batch = Batch()
        batch.add("samples", [row])
        self.store.append(batch)


@pytest.fixture
def rig(tmp_path, monkeypatch):
    monkeypatch.setenv("AML_OPS_STATE", str(tmp_path / "state"))
    rig = BoardRig(tmp_path)
    yield rig
    rig.close()


@pytest.mark.parametrize("hours", [0.25, 1, 3, 24, 24 * 7, 24 * 31, 24 * 4000])
def test_a_line_has_few_points_whatever_the_time(hours):
    window = tables.window(NOW - timedelta(hours=hours), NOW)

    assert window.span.seconds / window.grain.total_seconds() <= MOST_POINTS + 1
    assert window.since <= NOW - timedelta(hours=hours)
    assert window.grain >= timedelta(minutes=1)


def test_every_panel_of_the_set_is_read_without_any_data(rig):
    failed = {id: found for id in PANELS if isinstance(found := rig.read(id), Failure)}

    # What the rig's deployments serve is no model of a file: there is no baseline.
    assert set(failed) == {"drift.moved", "drift.days", "drift.cells"}
    assert all("blue serves no model" in each.problem for each in failed.values())


def test_panels_of_logs_show_what_was_served(rig):
    rig.served("blue", 90)
    rig.served("green", 8, ms=40)
    rig.served("green", 2, status=500)

    for panel in LOGGED:
        assert rig.read(panel).rows or panel.id in SILENT, panel.id
    shares = {row[1]: row[2] for row in rig.read("overview.split").rows}
    errors = {row[1]: row[2] for row in rig.read("overview.errors").rows}
    assert (shares, errors) == ({"blue": 90, "green": 10}, {"blue": 0, "green": 20})


SILENT = {
    *("overview.exceptions", "drift.features"),  # the scripts have said nothing
    *("capacity.crashes", "capacity.starts"),  # and nothing befell an instance
}


def test_a_filter_leaves_only_its_deployments(rig):
    rig.served("blue", 3)
    rig.served("green", 2)
    rig.served("green", 2, status=500)
    both = [each for each in LOGGED if each.by == "DeploymentName"]

    for panel in both:
        found = rig.read(panel, deployments=["green"])
        assert {row["DeploymentName"] for row in found.records()} == {"green"}, panel.id
    assert len(rig.read("overview.failures", deployments=["green"]).rows) == 1
    assert rig.read("overview.failures", deployments=["blue"]).rows == []


def test_the_budget_is_over_the_objectives_own_time(rig):
    rig.served("blue", 995, seconds_ago=20 * 86400)
    rig.served("blue", 5, status=500, seconds_ago=20 * 86400)

    left = dict(rig.read("overview.budgets", hours=1).rows)

    assert left["availability"] == pytest.approx(-400)  # 0.5 % where 0.1 % may fail
    assert left["latency"] == 100


def test_the_burn_rate_is_by_objective_and_time(rig):
    rig.served("blue", 98)
    rig.served("blue", 2, status=503)

    rates = {row[1]: row[2] for row in rig.read("overview.burn").rows}

    assert rates == {"availability": pytest.approx(20), "latency": 0}


def test_a_dashboard_says_that_no_rows_flow(rig):
    board = boardfile.load()["overview"]
    before = looking.look(rig.workspace("page"), "iris", board)
    diagnostics.turn_off(rig.workspace("page"), "iris")

    after = looking.look(rig.workspace("page"), "iris", board)

    assert before.notes == []
    assert "diagnostics" in after.notes[0]
    assert [len(row.panels) for row in after.rows] == [2, 3, 4, 2, 2]


def test_what_is_deployed_is_told_by_the_endpoint(rig):
    weights = {row[0]: row[1] for row in rig.read("overview.deployed").rows}

    assert weights == {"blue": 100, "green": 0}


def test_metrics_are_a_line_a_deployment(rig):
    for instance, value in (("i-1", 20), ("i-2", 60)):
        rig.sampled("blue", "CpuUtilizationPercentage", value, instance)

    (mean,) = rig.read("capacity.cpu").records()
    (highest,) = rig.read("capacity.cpu-highest").records()

    assert (mean["DeploymentName"], mean["Value"]) == ("blue", 40)
    assert highest["Value"] == 60


def test_instances_are_counted():
    points = [(NOW, 1.0, 1.0)]
    both = [
        Series(metric="DeploymentCapacity", dimensions={}, points=points)
        for _ in range(2)
    ]

    assert together(Metric(name="DeploymentCapacity"), both) == {NOW: 2}


def test_a_rollout_shows_its_evidence_and_decisions(rig):
    events = rig.begin()
    rig.served("blue", 400, seconds_ago=1)
    rig.served("green", 40, seconds_ago=1)
    for _ in range(12):
        next(events)

    decided = [row["What"] for row in rig.read("rollout.decisions").records()]
    evidence = rig.read("rollout.verdict").records()

    assert decided[-1] == "started"
    assert "hold" in decided
    assert evidence
    assert all(0 <= each["WorsePercent"] <= 100 for each in evidence)
    assert rig.read("overview.changes").records()[0]["Verb"].startswith("rollout")


def learned(version="1"):
    column = Column_(
        name="petal",
        kind="feature",
        edges=(1.0, 2.0, 4.0),
        counts=(0, 30, 10, 0),
        means=(0.0, 1.5, 3.0, 0.0),
    )
    return Baseline(
        model="iris", version=version, columns=(column,), classes=(), path=Path("b")
    )


def measured(deployment="blue", day=None, **more):
    given = {
        "column": "petal",
        "rows": 4,
        "effective": 4.0,
        "baseline_rows": 40,
        "baseline_effective": 40.0,
        "missing": 1,
        "not_numbers": 1,
        "out_of_range": 1,
        "metrics": {"PopulationStabilityIndex": 0.3},
        "evidence": 2.0,
        "split": 0,
        "out_evidence": 0.0,
        "faulty_evidence": 0.0,
        "counts": (1, 0, 3, 0),
        "baseline_counts": (0, 30, 10, 0),
    }
    return Measured(deployment=deployment, day=day, **{**given, **more})


def test_a_histogram_has_the_baseline_once_beside_every_deployment():
    found = [(learned(), (measured(),)), (learned(), (measured("green"),))]

    cells = list(driftreading.shares(found))

    names = [each["DeploymentName"] for each in cells]
    assert names == ["baseline"] * 4 + ["blue"] * 4 + ["green"] * 4
    assert [each["SharePercent"] for each in cells[:8]] == [
        *(0, 75, 25, 0),
        *(25, 0, 75, 0),
    ]
    assert [(each["FromValue"], each["ToValue"]) for each in cells[:4]] == [
        *((0, 1), (1, 2)),
        *((2, 4), (4, 6)),
    ]


def test_drift_is_told_over_all_the_time_and_by_day():
    found = [(learned(), (measured(), measured(day=NOW, rows=2)))]

    (whole,), (day,) = driftreading.measured(found), driftreading.daily(found)

    assert (whole["Rows"], whole["PopulationStability"], whole["Missing"]) == (
        4,
        0.3,
        2,
    )
    assert (day["At"], day["What"], day["Rows"]) == (NOW, "blue petal", 2)


def test_evidence_multiplies_so_its_logarithm_is_shown():
    assert rolloutreading.percent(1000, 1000) == pytest.approx(100)
    assert rolloutreading.percent(10, 1000) == pytest.approx(100 / 3)
    assert rolloutreading.percent(0.2, 1000) == 0


def test_what_cannot_be_read_is_that_panels_failure_alone(rig):
    rig.served("blue", 3)
    wrong = Panel(id="a.b", title="A", kind="table", source="logs", query="none-such")

    found = rig.read(wrong)

    assert isinstance(found, Failure)
    assert "no query named 'none-such'" in found.problem
    assert isinstance(rig.read("overview.rate"), Table)


def test_an_endpoint_that_is_not_there_is_told(rig):
    window = tables.window(NOW - timedelta(hours=1), NOW)
    workspace = rig.workspace("page")

    found = reading.read(workspace, "none-such", PANELS["overview.deployed"], window)

    assert isinstance(found, Failure)
    assert "no endpoint 'none-such'" in found.problem


def table_of(*rows, kind="timeseries", minutes=10):
    columns = (
        Column(name="At", type="datetime"),
        Column(name="DeploymentName", type="string"),
        Column(name="Requests", type="long"),
    )
    window = Window(since=NOW, until=NOW + timedelta(minutes=minutes))
    return Table(columns=columns, rows=list(rows), window=window)


def panel_of(**more):
    given = {
        "id": "a.b",
        "title": "A",
        "kind": "timeseries",
        "source": "logs",
        "time": "At",
        "by": "DeploymentName",
        "show": ("Requests",),
    }
    return Panel(**{**given, **more})


def test_a_line_has_every_point_and_gaps_where_nothing_was_measured():
    later = NOW + timedelta(minutes=2)
    found = table_of((NOW, "blue", 5), (later, "blue", 7), (later, "", 1))

    none, blue = series(panel_of(unit="ms"), found)

    assert (none.name, blue.name) == ("(none)", "blue")
    assert [value for _, value in blue.points] == [5, None, 7]
    assert [value for _, value in none.points] == [None, None, 1]


def test_where_things_are_counted_no_row_means_none():
    later = NOW + timedelta(minutes=2)
    found = table_of((NOW, "blue", 5), (later, "green", 7))

    blue, green = series(panel_of(unit="per_minute"), found)

    assert [value for _, value in blue.points] == [5, 0, 0]
    assert [value for _, value in green.points] == [0, 0, 7]


@pytest.mark.parametrize(("seconds", "told"), [(30, [60, 40]), (10, [60])])
def test_a_rate_is_not_low_for_a_point_that_is_not_over(seconds, told):
    later = NOW + timedelta(minutes=1)
    found = table_of((NOW, "blue", 60), (later, "blue", 20), minutes=1 + seconds / 60)

    (blue,) = series(panel_of(unit="per_minute"), found)

    assert [value for _, value in blue.points] == told


def test_what_was_changed_is_told_as_a_person_says_it():
    before = {"traffic": {"blue": 100}}
    after = {"traffic": {"blue": 90, "green": 10}, "blue": {"instances": 2}}

    said = factreading.changed(ROW(before=before, after=after))

    assert (
        said == "traffic: blue 100% -> blue 90%, green 10%; blue: none -> instances 2"
    )


def test_a_long_table_is_cut_and_says_so(rig):
    columns = [Column(name="At", type="datetime"), Column(name="N", type="long")]
    asked = tables.Asked(
        workspace=None,
        endpoint="iris",
        panel=panel_of(kind="table", show=()),
        window=tables.window(NOW - timedelta(hours=1), NOW),
    )
    records = [{"At": NOW, "N": number} for number in range(MOST_ROWS + 1)]

    found = tables.table(asked, records, columns)

    assert len(found.rows) == MOST_ROWS
    assert found.notes == (f"the first {MOST_ROWS} of {MOST_ROWS + 1} rows",)
