"""dashboards/*.yaml: the ones that ship, and every way in which one can be wrong."""

from datetime import UTC

import duckdb
import pytest
import yaml

from ops import kql
from ops.boards import boardfile, limits, panelfile
from ops.boards.limits import Limit
from ops.boards.sources import SOURCES
from ops.errors import InvalidSpec, NotFound
from ops.localcloud.kql import Engine, harden
from ops.settings import ROOT
from tests.kql import data

GOOD = {
    "id": "rate",
    "title": "Requests",
    "kind": "timeseries",
    "query": "trend",
    "by": "deployment",
    "show": "PerMinute",
}
TABLE = {"id": "t", "title": "T", "kind": "table", "query": "errors"}
BAR = {"id": "b", "title": "B", "kind": "bar", "query": "statuses", "show": "Requests"}
CPU = {
    "id": "c",
    "title": "C",
    "kind": "timeseries",
    "metric": {"name": "CpuUtilizationPercentage"},
    "show": "Value",
}


def board(*panels, **more):
    rows = [{"title": "Row", "panels": list(panels)}]
    return {"title": "Board", "about": "What?", "rows": rows, **more}


def told(**documents):
    """Every mistake as a person reads it, behind its file's name."""
    _, mistakes = boardfile.check(documents)
    return [f"{name}: {mistake}" for name, mistake in mistakes]


def test_the_dashboards_that_ship_are_right():
    boards = boardfile.load()

    assert set(boards) == {"overview", "rollout", "capacity", "drift", "alerts"}
    assert all(row.panels for each in boards.values() for row in each.rows)


def test_a_panel_shown_twice_is_the_same_panel():
    boards = boardfile.load()
    shown = [panel for each in boards.values() for panel in each.panels()]

    assert len({panel.id for panel in shown}) < len(shown)
    assert len({id(panel) for panel in shown}) == len({panel.id for panel in shown})


@pytest.mark.parametrize(
    ("panel", "text"),
    [
        ({**GOOD, "tittle": 1}, "tittle: unknown key (did you mean title?)"),
        ({**GOOD, "kind": "pie"}, "kind: 'pie' must be one of: timeseries"),
        ({**GOOD, "query": "trends"}, "is no query (did you mean trend?)"),
        ({**GOOD, "query": "split"}, "a line // gives is missing in it"),
        ({**GOOD, "unit": "percents"}, "unit: 'percents' must be one of: count"),
        ({**GOOD, "by": "Deployment"}, "(did you mean DeploymentName?)"),
        ({**GOOD, "show": "PerMin"}, "(did you mean PerMinute?)"),
        ({**GOOD, "show": "DeploymentName"}, "is string, not a number"),
        ({**GOOD, "query": "statuses", "show": "Requests"}, "takes no grain"),
        ({**GOOD, "params": {"grains": 1}}, "params.grains: trend has none"),
        ({**GOOD, "params": {"grain": "1m"}}, "params.grain: trend has none"),
        ({**TABLE, "query": "callers", "axis": "UserAgent"}, "a table takes none"),
        ({**GOOD, "width": 13}, "width: 13 must be a whole number from 2 to 12"),
        ({**GOOD, "text": "# Hi"}, "takes exactly one of query, metric, from, text"),
        ({**GOOD, "kind": "text"}, "text goes with the key text"),
        ({**GOOD, "thresholds": [{"over": 1, "under": 2}]}, "exactly one of over"),
        ({**GOOD, "thresholds": [{"objective": "latncy"}]}, "did you mean latency?"),
        ({**GOOD, "thresholds": [{"objective": "latency"}]}, "in percent, ms or times"),
        ({**GOOD, "id": "A b"}, "must be small letters"),
        (BAR, "axis: a bar takes one"),
        ({**GOOD, "each": "DeploymentName"}, "a timeseries is one picture"),
        ({**CPU, "kind": "stat"}, "a metric is a timeseries"),
        ({**CPU, "metric": {"name": "CpuUse"}}, "is no metric of deployments"),
        (
            {**CPU, "metric": {"name": "RequestLatency", "of": "endpoint"}}
            | {"show": "Values"},
            "'Values' is no column of it (did you mean Value?)",
        ),
        (
            {
                **CPU,
                "metric": {
                    "name": "RequestsPerMinute",
                    "of": "endpoint",
                    "aggregate": "maximum",
                },
            },
            "by average only",
        ),
        ({**TABLE, "params": {"deploymnt": "a"}}, "did you mean deployment?"),
        (
            {"id": "x", "title": "X", "kind": "table", "from": "journl"},
            "from: 'journl'",
        ),
    ],
)
def test_a_wrong_panel_is_refused_by_what_is_wrong_with_it(panel, text):
    (problem,) = told(mine=board(panel))

    assert problem.startswith("mine: rows[1].panels[1]")
    assert text in problem


def test_a_good_panel_is_not_refused():
    assert told(mine=board(GOOD, TABLE, CPU, {**BAR, "axis": "Status"})) == []


def test_a_panel_is_defined_once_and_shown_by_its_name():
    found = told(one=board(GOOD, GOOD), two=board("one.rate", "one.rat", "nothing"))

    assert len(found) == 3
    assert "is defined already; to show it again, list it as one.rate" in found[0]
    assert "two: rows[1].panels[2] 'one.rat': is no panel (did you mean" in found[1]
    assert "'nothing': is no panel (named dashboard.panel)" in found[2]


@pytest.mark.parametrize(
    ("document", "text"),
    [
        ({}, "title: must be given"),
        (board(GOOD, rows=[]), "rows: [] must be a list with something in it"),
        (board(GOOD, rows=["x"]), "rows[1]: 'x' must hold keys and values"),
        (board(GOOD, variables={"range": "3"}), "variables.range"),
        (board(GOOD, variables={"refresh": "1s"}), "must be at least 5s"),
        (board(GOOD, variables={"deployments": "blue"}), "must be all, or a list"),
        (board(GOOD, titel="x"), "unknown key (did you mean title?)"),
    ],
)
def test_a_wrong_dashboard_is_refused(document, text):
    assert any(text in problem for problem in told(mine=document))


def test_all_problems_of_all_files_come_at_once(tmp_path):
    (tmp_path / "one.yaml").write_text(yaml.dump(board({**GOOD, "unit": "x"})))
    (tmp_path / "two.yaml").write_text(yaml.dump(board("torn.rate", titel=1)))
    (tmp_path / "torn.yaml").write_text("rows: [")

    with pytest.raises(InvalidSpec) as refused:
        boardfile.load(tmp_path)

    files = [problem.split(":")[0].split("/")[-1] for problem in refused.value.problems]
    assert sorted(files) == ["one.yaml", "torn.yaml", "two.yaml"]


def test_a_folder_without_dashboards_is_told(tmp_path):
    with pytest.raises(NotFound):
        boardfile.load(tmp_path)


def test_an_objective_sets_the_limit_in_the_panels_unit():
    shown = {each.id: each for each in boardfile.load()["overview"].panels()}
    errors, latency = shown["overview.errors"], shown["overview.latency"]

    assert limits.of(latency, "iris")[0].value == 250
    assert limits.of(errors, "iris")[0].value == pytest.approx(0.1)
    assert limits.of(errors, "none-such") == []


def test_the_worst_limit_that_a_value_crosses_is_its_level():
    both = [Limit(value=5, level="warning"), Limit(value=9, level="critical")]
    low = [Limit(value=0, level="critical", over=False)]

    assert [limits.level(both, each) for each in (None, 5, 6, 10)] == [
        *("", "", "warning"),
        "critical",
    ]
    assert [limits.level(low, each) for each in (-1, 1)] == ["critical", ""]


def test_queries_give_the_columns_that_they_tell(tmp_path):
    connection = duckdb.connect()
    data.load(connection, tmp_path)
    harden(connection)
    engine, now = Engine(data.SCHEMA), data.NOW.replace(tzinfo=UTC)
    told = [query for name in kql.names() if (query := kql.named(name)).gives]

    for query in told:
        table = engine.query(connection, kql.bind(query, {}), now=now).tables[0]

        gives = [(column.name, column.type) for column in query.gives]
        assert [tuple(column) for column in table.columns] == gives, query.name
    assert told
    engine.close()
    connection.close()


def test_the_page_tells_every_key_and_every_column():
    page = (ROOT / "docs/dashboards.md").read_text()

    for key in (*panelfile.keys("", []), *boardfile.KEYS, *boardfile.VARIABLES):
        assert f"`{key}`" in page, key
    for name, source in SOURCES.items():
        columns = " ".join(column.name for column in source.columns)
        assert f"| `{name}` |" in page
        assert f"`{columns}`" in page, name
