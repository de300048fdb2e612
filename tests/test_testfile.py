"""What the sentences of alert tests mean, and how those that mean nothing are told."""

from collections import Counter
from datetime import timedelta
from itertools import pairwise
from pathlib import Path

import pytest

from ops.alerting import testfile
from ops.alerting.expecting import Firing, expectation
from ops.alerting.given import Flow, clock, flow, moment, span
from ops.alerting.series import series, values
from ops.errors import InvalidSpec

TEN = span("from 12:00 for 10m")
SAID = "60 requests a minute on green, 5% with 500, 10% at 900 ms, 120 ms"


def firing(start, end=None, deployment="green"):
    return Firing(
        target="iris",
        dimensions={"DeploymentName": deployment},
        fired=moment(start),
        resolved=moment(end) if end else None,
    )


def test_a_sentence_means_rows_with_exactly_its_shares():
    rows = list(flow(TEN, SAID).rows())

    assert len(rows) == 600
    assert Counter(row["ResponseCode"] for row in rows) == {200: 570, 500: 30}
    assert Counter(row["TotalDurationMs"] for row in rows) == {120: 540, 900: 60}
    assert {row["DeploymentName"] for row in rows} == {"green"}


def test_rows_are_spread_evenly_and_are_the_same_each_time():
    first, second = (list(flow(TEN, SAID).rows()) for _ in range(2))
    failed = [i for i, row in enumerate(first) if row["ResponseCode"] == 500]
    gaps = {after - before for before, after in pairwise(failed)}

    assert first == second
    assert max(gaps) - min(gaps) <= 2


@pytest.mark.parametrize(
    ("said", "table", "count"),
    [
        ("1 event a minute on green: BackOff restarting", "Event", 10),
        ({"6 lines a minute on green": "Error: no model"}, "Console", 60),
        ({"table": "AppTraces", "every": "30s", "row": {"Message": "x"}}, "App", 20),
        ("2 requests a second", "Traffic", 1200),
        ("30 requests per hour on blue, mirrored", "Traffic", 5),
    ],
)
def test_every_kind_of_row_can_be_given(said, table, count):
    found = flow(TEN, said)

    assert table in found.table
    assert len(list(found.rows())) == found.count == count


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("sixty requests", "must read"),
        ("60 requests a minute on green, 5% of 500", "'5% of 500' must be"),
        ("60 requests a minute, 80% with 500, 30% with 424", "more than 100%"),
        ("1 event a minute on green", "must follow after a colon"),
        ("9000 requests a second", "up to 500000"),
        ({"table": "AppTraces", "evry": "1s"}, "did you mean every"),
    ],
)
def test_a_sentence_that_means_nothing_is_told(said, told):
    with pytest.raises(ValueError, match=told):
        flow(TEN, said)


def test_hours_beyond_a_day_are_the_next_one():
    assert moment("26:30") - moment("02:30") == timedelta(days=1)
    assert clock(moment("26:30")) == "26:30"


def test_a_series_says_values_gaps_and_climbs():
    assert values("40x2 _ 10..30x3 5") == [40, 40, None, 10, 20, 30, 5]


def test_a_series_names_its_metric_resource_and_dimensions():
    found = series("DiskUtilization on green with disk=sda, instanceId=1", "1", TEN.end)

    assert (found.metric, found.where) == ("DiskUtilization", "green")
    assert found.dimensions == {"disk": "sda", "instanceId": "1"}


@pytest.mark.parametrize("text", ["", "x3", "40x", "_..3", "1x99999"])
def test_a_series_that_is_none_is_told(text):
    with pytest.raises(ValueError, match="must be"):
        values(text)


@pytest.mark.parametrize(
    ("said", "met"),
    [
        ("fired on green by 12:07", True),
        ("fired by 12:04 on green", False),
        ("fired between 12:05 and 12:06", True),
        ("at 12:07 fired on green", True),
        ("at 12:04 silent on green", True),
        ("at 12:31 resolved on green", True),
        ("resolved on green by 12:30", True),
        ("resolved by 12:29", False),
        ("at 12:30 fired on green", False),
        ("silent on blue", True),
        ("silent", False),
        ("fired once on green", True),
        ("fired twice", False),
        ("fired on blue by 13:00", False),
    ],
)
def test_a_sentence_holds_of_what_came(said, met):
    came = [firing("12:05", "12:30")]

    assert expectation(said).met(came) is met


def test_what_is_not_resolved_was_not_resolved_by_then():
    came = [firing("12:05", "12:10"), firing("12:20")]

    assert not expectation("resolved by 12:30").met(came)


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("green fires", "not understood"),
        ("on green at 12:07", "says neither fired, resolved nor silent"),
        ("resolved on green", "must say by when"),
        ("silent by 12:07", "said of a time"),
        ("fired twice by 12:07", "too much at once"),
        ("fired by 25", "must be a time such as 12:07"),
        ("silent at 99:07", "'99:07' must be a time such as 12:07"),
        ("fired between 12:31 and 12:07", "12:07 does not come after 12:31"),
        ("fired on green on blue", "says on twice"),
    ],
)
def test_an_expectation_that_means_nothing_is_told(said, told):
    with pytest.raises(ValueError, match=told):
        expectation(said)


def write(tmp_path, text, name="errors"):
    path = tmp_path / f"{name}.yaml"
    path.write_text(text)
    return path


def test_a_case_goes_on_until_all_of_it_is_over(tmp_path):
    text = """
cases:
  a:
    from: 12:30
    given: {from 12:00 for 10m: [1 request a minute]}
    metrics: {DiskUtilization on green: 1x20}
    expect: [silent, at 12:55 silent]
"""
    (case,) = testfile.load([write(tmp_path, text)], {"errors": None})

    assert (clock(case.start), clock(case.until)) == ("12:30", "12:55")
    assert isinstance(case.flows[0], Flow)
    assert case.deployments == ["green"]


def test_an_expectation_of_a_time_that_is_not_evaluated_is_refused(tmp_path):
    text = """
cases:
  a:
    from: 12:30
    until: 12:50
    given: {from 12:00 for 10m: [1 request a minute]}
    expect: [at 12:29 silent, fired by 12:30, resolved by 12:51]
  b: {from: 12:30, until: 12:20, expect: [silent]}
"""
    path = write(tmp_path, text)

    with pytest.raises(InvalidSpec) as told:
        testfile.load([path], {"errors": None})

    ends = "evaluated is from 12:30 until 12:50"
    assert [line.strip(" -") for line in told.value.problem.splitlines()[1:]] == [
        f"{path}: cases.a.expect[0]: nothing happens at 12:29: {ends}",
        f"{path}: cases.a.expect[2]: nothing happens at 12:51: {ends}",
        f"{path}: cases.b.until: 12:20 is before 12:30, where it begins",
    ]


def test_all_that_is_wrong_with_all_files_is_told_at_once(tmp_path):
    wrong = """
endpont: iris
endpoint: irys
cases:
  a:
    until: 12:60
    given: {from 12 for 10m: x, from 12:00 for 1m: [60 requests a minute, nonsense]}
    metrics: {Cpu: 1x}
    expect: [fires]
  b: {}
  c: {expect: []}
"""
    files = [write(tmp_path, wrong), write(tmp_path, "cases: {}", "latncy")]

    with pytest.raises(InvalidSpec) as told:
        testfile.load(files, {"errors": None, "latency": None})

    said = told.value.problem
    for text in (
        "endpont: unknown key (did you mean endpoint?)",
        "endpoint: 'irys' has no folder in specs (there are: iris",
        "cases.a.until: '12:60' must be a time such as 12:07",
        "cases.a.given.from 12 for 10m: '12' must be a time",
        "cases.a.given.from 12:00 for 1m: 'nonsense' must read",
        "cases.a.metrics.Cpu: the name must read",
        "cases.a.expect[0]: 'fires' is not understood",
        "cases.b.expect: must be given",
        "cases.c.expect: [] must list sentences",
        "there is no such rule (did you mean latency?)",
    ):
        assert text in said


def test_a_file_that_is_no_yaml_is_told(tmp_path):
    with pytest.raises(InvalidSpec, match="can't be read as YAML"):
        testfile.load([write(tmp_path, "a: [")], {"errors": None})


def test_rows_are_by_table():
    case = testfile.Case(
        rule="errors",
        name="a",
        path=Path("a"),
        start=TEN.start,
        until=TEN.end,
        flows=(flow(TEN, "1 request a minute"), flow(TEN, "1 request a minute")),
    )

    assert {name: len(rows) for name, rows in case.tables().items()} == {
        "AmlOnlineEndpointTrafficLog": 20
    }
