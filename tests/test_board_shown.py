"""A dashboard in the terminal: what it says, whatever is in the rows of a panel."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.boards.limits import Limit
from ops.boards.looking import Look, Shown, ShownRow
from ops.boards.model import Panel
from ops.boards.tables import Failure, Table
from ops.kql import Column
from ops.measures import Window
from ops.views import boardview

NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
WINDOW = Window(since=NOW - timedelta(hours=1), until=NOW)
AT = Column(name="At", type="datetime")
NAME = Column(name="DeploymentName", type="string")
VALUE = Column(name="Value", type="real")
HOSTILE = "\x1b[2J<script>alert(1)</script>[bold]\x07"


def table(*rows, columns=(AT, NAME, VALUE), notes=()):
    return Table(columns=columns, rows=list(rows), window=WINDOW, notes=notes)


def panel(kind="timeseries", **more):
    given = {
        "id": "a.b",
        "title": "Rate",
        "kind": kind,
        "source": "logs",
        "time": "At",
        "by": "DeploymentName",
        "show": ("Value",),
        "unit": "percent",
    }
    return Panel(**{**given, **more})


@pytest.fixture
def shown(capsys):
    """What is printed for one panel."""

    def shown(panel, data, limits=()):
        boardview.panel(Shown(panel=panel, limits=list(limits), data=data))
        return capsys.readouterr().out

    return shown


def test_a_chart_says_how_bad_it_got(shown):
    limits = [Limit(value=5, level="warning"), Limit(value=9, level="critical")]
    rows = [(NOW, "blue", 3.0), (NOW + timedelta(minutes=1), "blue", 7.0)]

    text = shown(panel(), table(*rows), limits)

    assert "Rate (%)" in text
    assert "warning at some time  warning over 5%, critical over 9%" in text


def test_a_panel_that_failed_says_why_and_what_to_type(shown):
    text = shown(panel(), Failure(problem="No [luck]", remedies=("invoke status",)))

    assert "No [luck]" in text
    assert "  try: invoke status" in text


@pytest.mark.parametrize("kind", ["timeseries", "table", "bar", "stat", "histogram"])
def test_a_panel_without_rows_says_so(shown, kind):
    assert "nothing in this time" in shown(panel(kind), table())


@pytest.mark.parametrize("kind", ["timeseries", "table", "bar", "stat"])
def test_no_text_of_a_row_drives_the_terminal(shown, kind):
    axis = ("DeploymentName",) if kind == "bar" else ()
    columns = (NAME, VALUE) if kind in ("bar", "stat") else (AT, NAME, VALUE)
    row = (NOW, HOSTILE, 3.0)[-len(columns) :]

    text = shown(panel(kind, axis=axis), table(row, columns=columns))

    assert "\x1b" not in text
    assert "\x07" not in text
    assert "<script>" in text


def test_of_twenty_deployments_each_is_named(shown):
    rows = [
        (NOW + timedelta(minutes=minute), f"d{number}", float(number))
        for number in range(20)
        for minute in range(3)
    ]

    text = shown(panel(), table(*rows))

    assert "latest  d0 0%, d1 1%, d10 10%" in text
    assert all(f"d{number} {number}%" in text for number in range(20))


def test_a_long_table_is_cut(shown):
    rows = [(NOW, "blue", float(number)) for number in range(boardview.MOST + 3)]

    assert "3 more: --json has all" in shown(panel("table"), table(*rows))


def test_bars_are_as_long_as_their_share_of_the_longest(shown):
    columns = (Column(name="Status", type="string"), NAME, VALUE)
    rows = [("200", "blue", 100.0), ("500", "blue", 10.0), ("503", "blue", 0.0)]
    bars = panel("bar", axis=("Status",), by="DeploymentName", unit="count")

    text = shown(bars, table(*rows, columns=columns)).splitlines()

    assert [line.count("█") for line in text[2:]] == [30, 3, 0]


def test_of_each_value_a_histogram_is_one_line(shown):
    bands = Column(name="From", type="real"), Column(name="To", type="real")
    columns = (Column(name="Column", type="string"), *bands, NAME, VALUE)
    rows = [
        ("petal", float(start), start + 1.0, name, share)
        for name, shares in (("baseline", (0.0, 50.0)), ("blue", (100.0, 0.0)))
        for start, share in enumerate(shares)
    ]
    drawn = panel("histogram", each="Column", axis=("From", "To"))

    lines = shown(drawn, table(*rows, columns=columns)).splitlines()

    assert lines[2].split() == ["petal", "baseline", "·█", "0", "2"]
    assert lines[3].split() == ["petal", "blue", "█·", "0", "2"]


def test_a_dashboard_is_its_rows_and_its_question(capsys):
    shown = Shown(panel=panel("table"), limits=[], data=table((NOW, "blue", 1.0)))
    row = ShownRow(title="Traffic", panels=[shown])
    look = Look(
        endpoint="iris",
        dashboard="overview",
        title="Overview",
        about="Is it well?",
        window=WINDOW,
        rows=[row],
        notes=["nothing flows"],
    )

    boardview.show(look)

    out, err = capsys.readouterr()
    assert "iris: Overview  2026-11-23 11:00:00 to 12:00:00 UTC  Is it well?" in out
    assert "\nTraffic\n" in out
    assert err == "nothing flows\n"
