"""Bars of the live page: what they show, and the log lines that they lead to."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.boards import tables
from ops.boards.model import Panel
from ops.boards.tables import Table
from ops.kql import Column
from ops.page import bars, wanted
from ops.page import tables as tables_of_page

NOW = datetime(2026, 11, 25, 14, 2, 30, tzinfo=UTC)
WINDOW = tables.window(NOW - timedelta(minutes=15), NOW)
PANEL = Panel(
    id="x.bars",
    title="Bars",
    kind="bar",
    source="logs",
    query="statuses",
    by="DeploymentName",
    show=("Requests",),
    unit="count",
)


@pytest.mark.parametrize(
    ("axis", "record", "kind", "slower", "status"),
    [
        (("Status",), {"Status": "424"}, "requests", 0, "424"),
        (("FromMs", "ToMs"), {"FromMs": 8, "ToMs": 16}, "slow", 8, ""),
        (("FromMs", "ToMs"), {"FromMs": 0, "ToMs": 1}, "requests", 0, ""),
    ],
)
def test_a_bar_leads_to_the_requests_that_it_is_made_of(
    axis, record, kind, slower, status
):
    panel = replace(PANEL, axis=axis)
    record = {**record, "DeploymentName": "green"}

    address = wanted.beneath(panel, record, WINDOW, "range=15m")
    lines = wanted.parse(address.partition("/logs")[2], NOW)

    assert (lines.kind, lines.slower_than_ms, lines.status) == (kind, slower, status)
    assert (lines.deployment, lines.back) == ("green", "range=15m")
    assert (lines.since, lines.until) == (WINDOW.since, NOW.replace(minute=3, second=0))
    low, high = lines.asked.sieve.status
    assert low == high == int(status or 0)


def test_a_bar_of_a_bars_table_leads_where_it_does_and_others_nowhere():
    panel = replace(PANEL, axis=("Status",))
    names = ("Status", "DeploymentName", "Requests")
    columns = tuple(Column(name=name, type="string") for name in names)
    table = Table(columns=columns, rows=[("424", "green", 7)], window=WINDOW)

    (grid,) = tables_of_page.pivots(panel, table)
    (drawn,) = bars.figure(panel, table)["data"]
    elsewhere = replace(panel, source="cells")

    assert grid["rows"][0][1]["href"] == drawn["customdata"][0]
    assert "status=424" in drawn["customdata"][0]
    assert "click" in drawn["hovertemplate"]
    assert bars.figure(elsewhere, table)["data"][0]["customdata"] == [""]


def test_a_histogram_has_a_picture_of_each_value():
    panel = Panel(
        id="x.cells",
        title="Cells",
        kind="histogram",
        source="cells",
        each="Column",
        axis=("FromValue", "ToValue"),
        by="DeploymentName",
        show=("SharePercent",),
    )
    names = (*panel.axis, "Column", "DeploymentName", "SharePercent")
    columns = tuple(Column(name=name, type="string") for name in names)
    rows = [(0, 1, each, "green", 40.0) for each in "abcde"]
    table = Table(columns=columns, rows=rows, window=WINDOW)

    figure = bars.figure(panel, table)

    assert [each["xaxis"] for each in figure["data"]] == ["x", "x2", "x3", "x4", "x5"]
    titles = [each["text"] for each in figure["layout"]["annotations"]]
    assert titles == list("abcde")
    assert len(tables_of_page.pivots(panel, table)) == 5


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (-0.05005, "-0.05"),
        (0.5499, "0.55"),
        (5.05, "5.05"),
        (12345.6, "12346"),
        (8, "8"),
    ],
)
def test_where_a_band_begins_is_short_enough_to_be_written_below_it(value, shown):
    panel = replace(PANEL, axis=("FromValue",))

    assert bars.place(panel, {"FromValue": value}) == shown
