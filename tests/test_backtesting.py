"""Alert rules over history: what would have fired is what the evaluator makes of it."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from ops.alerting import (
    backtesting,
    backtestview,
    compiling,
    coverage,
    offline,
    resolving,
    rulefile,
)
from ops.alerting.expecting import Firing
from ops.alerting.given import DAY, flow, span
from ops.alerting.offline import Question
from ops.alerting.places import place_of
from ops.endpoints import get
from ops.errors import InvalidSpec, NotFound, UsageError
from ops.localcloud.kql import TABLES
from ops.localcloud.logstore import Batch, naive
from ops.times import Span
from ops.views.render import MARKS
from tests.local_transport import InProcess

MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
GIVEN = {
    "from 08:00 for 1h15m": [
        "10 requests a minute on blue, 10% at 900 ms, 2% with 401"
    ],
    "from 09:15 for 15m": ["20 requests a minute on blue, 40% with 429"],
    "from 09:28 for 10m": ["20 requests a minute on green, 50% with 500"],
    "from 09:38 for 14m": ["20 requests a minute on green"],
    "from 09:22 for 5m": ["1 event a minute on green: BackOff"],
}
END = DAY + 10 * HOUR


class World:
    """localcloud with six hours of rows, and the rows."""

    def __init__(self, directory):
        self.cloud = InProcess(directory)
        self.cloud.put_endpoint()
        self.workspace = self.cloud.workspace()
        self.place = place_of(self.workspace, get(self.workspace, "iris"), {}, {})
        self.cloud.clock.move(rate=0)  # else a minute may end while it is asked
        self.end = self.workspace.now().replace(second=0, microsecond=0)
        self.tables = {}
        for when, said in GIVEN.items():
            for found in (flow(span(when), each) for each in said):
                rows = self.tables.setdefault(found.table, [])
                rows += map(self.moved, found.rows())
        batch = Batch()
        for table, rows in self.tables.items():
            batch.add(table, list(stored(table, rows)))
        self.cloud.store.append(batch)

    def moved(self, row):
        at = datetime.fromisoformat(row["TimeGenerated"]) + (self.end - END)
        return {**row, "TimeGenerated": at.isoformat(), "_ResourceId": self.place.id}

    def evaluated(self, since):
        """The same rows before the evaluator's own code, one window after the other."""
        wanted = [
            compiled
            for rule in rulefile.load().values()
            for compiled in compiling.compiled(
                resolving.resolved(rule, "iris")[0], self.place
            )
            if compiled.kind == compiling.LOG_RULES
        ]
        question = Question(
            rules=[
                offline.resource(each.kind, each.name, each.body) for each in wanted
            ],
            start=self.end - since + timedelta(microseconds=1),
            until=self.end,
            data={"tables": self.tables},
        )
        (answer,) = offline.ask([question])
        assert answer.problems == []
        return {
            each.rule: {
                (firing.where, firing.fired, firing.resolved)
                for track in answer.tracks
                if track.rule == each.name
                for firing in track.firings
            }
            for each in wanted
        }


def stored(table, rows):
    """The rows as the store takes them: all with the same columns."""
    columns = {name for row in rows for name in row}
    empty = {name: "" if TABLES[table][name] == "string" else None for name in columns}
    for row in rows:
        at = naive(datetime.fromisoformat(row["TimeGenerated"]))
        resource = row["_ResourceId"].lower()
        yield {**empty, **row, "TimeGenerated": at, "_ResourceId": resource}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    found = World(tmp_path_factory.mktemp("backtest"))
    yield found
    found.cloud.close()


@pytest.mark.slow
def test_firing_times_are_those_of_the_evaluator(world):
    found = backtesting.run(world.workspace, "iris", "25m")
    fired = {
        each.rule: {(f.where, f.fired, f.resolved) for f in each.firings}
        for each in found.found
    }

    expected = world.evaluated(timedelta(minutes=25))

    assert {name: fired[name] for name in expected} == expected
    assert len([name for name, firings in expected.items() if firings]) >= 4


def test_a_query_that_cannot_slide_is_asked_at_each_evaluation(
    world, tmp_path, monkeypatch
):
    (tmp_path / "runbooks").mkdir()
    (tmp_path / "runbooks/errors.md").write_text("")
    (tmp_path / "failed.yaml").write_text(TOP)
    monkeypatch.setenv("AML_OPS_ALERTS", str(tmp_path))

    (found,) = backtesting.run(world.workspace, "iris", "25m").found

    assert found.notes[0].endswith("one question each: it has a top")
    told = {(each.where, each.fired, each.resolved) for each in found.firings}
    assert told == world.evaluated(timedelta(minutes=25))["failed"] != set()


TOP = """
summary: "{deployment} fails"
severity: 2
runbook: errors
every: 5m
by: [deployment]
log:
  query: |
    AmlOnlineEndpointTrafficLog | where ResponseCode >= 429 and now() > TimeGenerated
    | top 1000 by TimeGenerated
  over: 20
"""


def test_two_versions_are_told_apart(world, tmp_path, capsys):
    other = tmp_path / "other.yaml"
    text = rulefile.load()["errors"].path.read_text()
    other.write_text(text.replace("over: 5", "over: 80"))

    found = backtesting.run(world.workspace, "iris", "40m", "errors", str(other))
    backtestview.report(found)
    shown = capsys.readouterr().out

    assert [len(each.firings) for each in found.found] == [1, 0]
    assert f"only by {other}  nothing" in shown
    assert "green                " in shown.split("only by alerts/errors.yaml")[1]
    assert "by both  nothing" in shown


def test_what_two_versions_fire_at_other_times_is_shown_beside():
    def version(fired, minutes):
        firing = Firing(
            target="iris",
            dimensions={"DeploymentName": "green"},
            fired=fired,
            resolved=fired + timedelta(minutes=minutes),
        )
        return backtesting.Firings(
            rule="x", version="", firings=[firing], since=END, until=END
        )

    mine, other = version(END, 15), version(END - timedelta(minutes=10), 30)

    assert list(backtestview.shared(mine, mine))[1].endswith(
        "1, 0 of them at other times"
    )
    assert (
        list(backtestview.shared(mine, other))[2].split()
        == (
            f"{END:%m-%d %H:%M} green for 15m by the other "
            f"{END - timedelta(minutes=10):%m-%d %H:%M} for 30m"
        ).split()
    )


def test_a_version_is_a_file_or_a_commit(world):
    with pytest.raises(NotFound, match="neither a file nor a commit"):
        backtesting.run(world.workspace, "iris", "40m", "errors", "no-such-thing")
    with pytest.raises(UsageError, match="--against needs --rule"):
        backtesting.run(world.workspace, "iris", "40m", None, "HEAD")
    with pytest.raises(UsageError, match="up to 90d"):
        backtesting.run(world.workspace, "iris", "91d")


def test_another_version_that_is_wrong_is_told_whole(world, tmp_path):
    other = tmp_path / "other.yaml"
    other.write_text("sumary: x\nseverity: 9\n")

    with pytest.raises(InvalidSpec, match="sumary: unknown key"):
        backtesting.run(world.workspace, "iris", "40m", "errors", str(other))


@pytest.mark.parametrize("columns", [80, 120])
def test_the_table_fits_the_terminal(monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", str(columns))
    times = {"since": END - 40 * HOUR, "until": END}
    each = backtesting.Firings(rule="x" * 40, version="", firings=[], **times)
    found = backtesting.Backtest(
        endpoint="iris",
        span=Span(start=END - 40 * HOUR, end=END),
        found=[each, replace(each, told=False)],
        data=[],
    )

    lines = [MARKS.sub("", line) for line in backtestview.table(found)][1:]

    assert {len(line) for line in lines} == {80 if columns == 80 else 92}


def test_a_strip_shows_when_and_how_long():
    start = DAY
    each = backtesting.Firings(
        rule="errors",
        version="alerts/errors.yaml",
        firings=[firing(20, 22), firing(30, 30.2)],
        since=start + 10 * HOUR,
        until=start + 40 * HOUR,
    )

    shown = backtestview.strip(each, Span(start=start, end=start + 40 * HOUR))

    assert shown == " " * 10 + "·" * 10 + "██" + "·" * 8 + "▂" + "·" * 9
    assert each.active == timedelta(hours=2.2)
    assert each.per_month == pytest.approx(2 * 720 / 30)
    assert backtestview.monthly(each) == "48"
    short = replace(each, until=each.since + timedelta(hours=1))
    assert backtestview.monthly(short) == "-"


def firing(start, end):
    return Firing(
        target="iris",
        dimensions={},
        fired=DAY + start * HOUR,
        resolved=DAY + end * HOUR,
    )


def test_hours_without_rows_are_gaps():
    hours = {DAY + n * HOUR for n in (0, 1, 4, 5)}

    found = list(coverage.gaps(hours, DAY, DAY + 7.5 * HOUR))

    assert [(gap.start - DAY, gap.end - DAY) for gap in found] == [
        (2 * HOUR, 4 * HOUR),
        (6 * HOUR, 7 * HOUR),
    ]
