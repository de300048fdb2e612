"""The live page without a browser: addresses, guards, numbers, readings."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from ops.boards import boardfile, tables
from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.tables import Series
from ops.errors import UsageError
from ops.page import (
    controls,
    drawing,
    guard,
    layout,
    panels,
    view,
    wanted,
    words,
)
from ops.page import tables as tables_of_page
from ops.page.controls import Hands
from ops.page.drawing import Mark
from ops.page.serving import port
from ops.page.tables import Seen
from ops.rollouts.standing import Standing

NOW = datetime(2026, 11, 25, 14, 2, 30, tzinfo=UTC)
BOARDS = boardfile.load()
PORT = 8123
OWN = {"Host": f"127.0.0.1:{PORT}"}
PANEL = Panel(
    id="x.errors",
    title="Errors",
    kind="timeseries",
    source="logs",
    query="trend",
    time="At",
    by="DeploymentName",
    show=("FailedPercent",),
    unit="percent",
)
WINDOW = tables.window(NOW - timedelta(minutes=15), NOW)


def line(name, *values):
    """A point a minute, the last one of this minute."""
    minute = NOW.replace(second=0)
    start = minute - timedelta(minutes=len(values) - 1)
    points = [(start + timedelta(minutes=i), each) for i, each in enumerate(values)]
    return Series(name=name, by=name, value="FailedPercent", points=points)


@pytest.mark.parametrize("board", BOARDS)
def test_a_view_comes_back_from_its_own_address(board):
    shown = view.parse(f"?board={board}&range=6h&deployment=green", BOARDS, NOW)
    held = shown.between(shown.window(NOW))

    for each in (shown, held, shown.over("7d")):
        assert view.parse(each.address[1:], BOARDS, NOW) == each


@pytest.mark.parametrize(
    ("search", "says"),
    [
        ("?board=nope", "no dashboard 'nope'"),
        ("?range=soon", "range takes a time"),
        ("?range=200d", "At most 90 days"),
        ("?from=14:00&to=13:00", "does not lie before"),
        ("?from=<script>", "from takes a time"),
    ],
)
def test_an_address_that_cannot_be_meant_is_refused(search, says):
    with pytest.raises(UsageError, match=says):
        view.parse(search, BOARDS, NOW)


def test_a_month_is_no_more_points_than_an_hour_may_be():
    month = view.parse("?range=30d", BOARDS, NOW).window(NOW)

    assert (month.until - month.since) / month.grain <= tables.MOST_POINTS


def test_deployments_are_toggled_one_by_one_and_all_is_the_same_as_none():
    shown = view.parse("?range=1h", BOARDS, NOW)
    blue = shown.toggled("green", ["blue", "green"])

    assert blue.deployments == ("blue",)
    assert blue.toggled("green", ["blue", "green"]) == shown
    assert blue.toggled("blue", ["blue", "green"]) == shown


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {}),
        ("GET", {"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
        ("GET", {"Host": f"localhost:{PORT}"}),
        ("POST", {"Origin": f"http://127.0.0.1:{PORT}"}),
        ("POST", {"Sec-Fetch-Site": "same-origin"}),
    ],
)
def test_the_page_itself_and_links_to_it_are_answered(method, headers):
    assert guard.refusal(method, OWN | headers, PORT) == ""


@pytest.mark.parametrize(
    ("method", "headers"),
    [
        ("GET", {"Host": "evil.example"}),
        ("GET", {"Host": f"evil.example:{PORT}"}),
        ("GET", {"Host": "127.0.0.1:1"}),
        ("GET", {"Host": ""}),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}),
        ("POST", {}),
        ("POST", {"Origin": "null", "Sec-Fetch-Site": "same-origin"}),
        ("POST", {"Origin": f"http://localhost:{PORT}"}),
        ("POST", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}),
        ("DELETE", {"Origin": "https://evil.example"}),
    ],
)
def test_everybody_else_is_refused(method, headers):
    assert guard.refusal(method, OWN | headers, PORT)


def test_no_token_is_the_same_as_none():
    assert not guard.same("", "")
    assert not guard.same("right", "wrong")
    assert guard.same("right", "right")


class Stood:
    """What the hands know of an endpoint."""

    def __init__(self, *, protected):
        self.endpoint = "iris"
        self.stage = type("Stage", (), {"name": "prod", "protected": protected})


@pytest.mark.parametrize(
    ("form", "says"),
    [
        ({}, "address that `invoke dashboard` has printed"),
        ({"token": "t", "command": "delete"}, "no such command"),
        ({"token": "t", "command": "abort", "reason": "  "}, "needs a reason"),
        ({"token": "t", "command": "abort", "reason": "x" * 501}, "needs a reason"),
        ({"token": "t", "command": "abort", "reason": "x"}, "type iris to confirm"),
    ],
)
def test_a_form_that_lacks_something_does_nothing(form, says):
    assert says in Hands(Stood(protected=True), "t").refusal(form)


def test_a_whole_form_is_taken_and_without_a_token_none_is():
    form = {"token": "t", "command": "abort", "reason": "x", "confirm": "iris"}

    assert Hands(Stood(protected=True), "t").refusal(form) == ""
    assert Hands(Stood(protected=False), "").refusal(form | {"token": ""})


def standing(state, runner="1/ana@elsewhere", seconds_ago=1):
    return Standing(
        id="r1",
        canary="green",
        stable="blue",
        step=0,
        state=state,
        since=NOW,
        by="ana",
        runner=runner,
        heartbeat=NOW - timedelta(seconds=seconds_ago),
        limit_seconds=30.0,
    )


def test_what_can_be_done_follows_from_where_a_rollout_stands():
    assert controls.possible(None, NOW) == set()
    assert controls.possible(standing("running"), NOW) == {"pause", "promote", "abort"}
    assert controls.possible(standing("paused"), NOW) == {"resume", "promote", "abort"}
    assert "resume" in controls.possible(standing("running", seconds_ago=99), NOW)
    assert controls.possible(standing("promoted"), NOW) == set()


@pytest.mark.parametrize(
    ("value", "unit", "shown"),
    [
        (None, "ms", "\N{EN DASH}"),
        (12.44, "percent", "12.4%"),
        (0, "percent", "0%"),
        (0.1, "percent", "0.10%"),
        (1204.4, "count", "1,204"),
        (310, "ms", "310 ms"),
        (14.4, "times", "14.4x"),
    ],
)
def test_numbers_are_as_long_as_they_need_to_be(value, unit, shown):
    assert words.number(value, unit) == shown


@pytest.mark.parametrize(
    ("column", "title"),
    [
        ("DeploymentName", "deployment"),
        ("TrafficPercent", "traffic %"),
        ("P95", "P95"),
        ("ModelStatusCode", "model status code"),
        ("requests", "requests"),
        ("FromMs", "from ms"),
    ],
)
def test_columns_are_named_as_a_person_says_it(column, title):
    assert words.heading(column) == title


def test_a_line_over_its_limit_is_bad_now_and_was_bad_then():
    limit = [Limit(value=1.0, level="critical")]
    now = [line("blue", 0, 0, 0, 0), line("green", 0, 0, 5, None)]
    then = [line("green", 0, 9, 0, 0, 0)]

    assert panels.standing(now, limit, WINDOW, NOW) == ("bad", "bad: green")
    assert panels.standing(then, limit, WINDOW, NOW) == ("", "was bad until 14:00:00")
    assert panels.standing([line("blue", 0)], limit, WINDOW, NOW) == ("", "")


def test_lines_of_one_rollout_are_named_by_what_they_show():
    one, other = (line(f"r1 {value}", 1) for value in ("worse %", "proven %"))

    assert panels.alone(replace(one, by="r1")).name == "worse %"
    assert panels.alone(replace(other, by="r1")).name == "proven %"
    assert panels.alone(line("r1", 1)).name == "r1"


def test_a_budget_is_bad_below_its_limit():
    limit = [Limit(value=0.0, level="critical", over=False)]
    lines_ = [line("blue", 3.0), line("green", -2.0)]

    assert panels.worst_first(lines_, limit)[0].name == "green"
    assert panels.standing(lines_, limit, WINDOW, NOW)[0] == "bad"


def test_what_others_wrote_is_text_in_a_charts_labels():
    mark = Mark(at=NOW, text="<a href='javascript:x'>deploy</a>")

    figure = drawing.over_time(PANEL, [line("<b>x</b>", 1)], [], [mark], WINDOW)

    assert "<a" not in figure["data"][-1]["text"][0]
    assert "<b>x" not in figure["data"][0]["hovertemplate"]


def test_marks_are_named_alerts_first_and_none_over_another():
    def mark(minute, word, alert=False):
        at = NOW.replace(minute=minute)
        return Mark(at=at, text="why", word=word, alert=alert)

    marks = [mark(20, "deploy"), mark(57, "late"), mark(52, "alert x", alert=True)]
    marks += [mark(22, "traffic"), mark(1, "first"), mark(40, "")]
    hour = tables.window(NOW.replace(minute=0), NOW.replace(minute=59))

    figure = drawing.over_time(PANEL, [line("blue", 1)], [], marks, hour)
    named = {each["text"]: each["xanchor"] for each in figure["layout"]["annotations"]}

    assert named == {"alert x": "center", "traffic": "center", "first": "left"}


def test_a_point_leads_to_the_lines_of_its_own_time_and_kind():
    at, value = drawing.clicked({"x": "2026-11-25 14:02", "y": 812.4})
    slow = replace(PANEL, unit="ms", by="Objective")
    given = (at, value, "green", timedelta(minutes=1), "range=1h")

    failed = wanted.parse(wanted.behind(PANEL, *given).partition("/logs")[2], NOW)
    late = wanted.parse(wanted.behind(slow, *given).partition("/logs")[2], NOW)

    assert (failed.kind, failed.deployment) == ("failures", "green")
    assert failed.since == NOW.replace(second=0)
    assert failed.until - failed.since == timedelta(minutes=1)
    assert failed.back == "range=1h"
    assert (late.kind, late.slower_than_ms, late.deployment) == ("slow", 811, "")


def test_the_keyboard_gets_from_a_chart_to_its_log_lines_too():
    seen = Seen(now=NOW, grain=WINDOW.grain, back="range=15m")

    told = tables_of_page.summary(PANEL, [line("green", 0, 5, 0)], {}, [], seen)

    address = told["rows"][0][-1]["href"]
    assert "kind=failures" in address
    assert "deployment=green" in address
    assert "back=range%3D15m" in address


@pytest.mark.parametrize(
    "search",
    [
        "?kind=x",
        "?slower=-1",
        "?from=14:00&to=13:59",
        "?kind=requests&status=9",
        "?kind=all&status=424",
    ],
)
def test_lines_that_cannot_be_meant_are_refused(search):
    with pytest.raises(UsageError):
        wanted.parse(search, NOW)


def test_every_row_of_a_dashboard_is_filled():
    for board in BOARDS.values():
        for row in board.rows:
            assert sum(width for _, width in layout.filled(row.panels)) % 12 == 0


@pytest.mark.parametrize("text", ["-1", "x", "70000", "1.5", ""])
def test_a_port_that_is_none_is_refused(text):
    with pytest.raises(UsageError, match="--port takes a number"):
        port(text)
