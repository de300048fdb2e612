"""The arithmetic of metrics, and what a filter means."""

from datetime import UTC, datetime, timedelta

import pytest

from ops.localcloud.catalog import CATALOG, DEPLOYMENTS, ENDPOINTS
from ops.localcloud.intervals import duration, timespan
from ops.localcloud.metrics import Cell, Condition, Wrong, conditions, named, series

START = datetime(2026, 11, 23, 10, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
REQUESTS, LATENCY = CATALOG[ENDPOINTS][:2]
CAPACITY = named(DEPLOYMENTS, "DeploymentCapacity")[0]


def cell(minute, total, *, count=1, **dimensions):
    return Cell(
        minute=START + minute * MINUTE,
        dimensions=dimensions,
        count=count,
        total=total,
        least=total / count,
        most=total / count,
    )


def averages(metric, cells, asked=(), *, minutes=1, number=2):
    grain = minutes * MINUTE
    times = [START + i * grain for i in range(number)]
    return {
        values: [point and point["average"] for point in points]
        for values, points in series(metric, cells, asked, times, grain).items()
    }


def every(*names):
    return [Condition(dimension=name, operator="eq", values=("*",)) for name in names]


def test_requests_a_minute_are_a_rate_at_every_grain():
    cells = [cell(0, 60), cell(1, 30), cell(5, 10)]

    assert averages(REQUESTS, cells, number=3) == {(): [60, 30, None]}
    assert averages(REQUESTS, cells, minutes=5) == {(): [18, 2]}


def test_a_mean_weighs_by_what_was_measured():
    cells = [cell(0, 100, count=10), cell(1, 300, count=2)]

    assert averages(LATENCY, cells, minutes=5, number=1) == {(): [400 / 12]}


def test_a_level_is_summed_over_instances_and_averaged_over_time():
    cells = [cell(0, 1, instanceid="a"), cell(0, 1, instanceid="b"), cell(1, 1)]

    assert averages(CAPACITY, cells, minutes=5, number=1) == {(): [1.5]}


def test_a_split_gives_a_series_for_each_value():
    cells = [cell(0, 5, deployment="blue"), cell(1, 7, deployment="green")]

    found = averages(REQUESTS, cells, every("deployment"))

    assert found == {("blue",): [5, None], ("green",): [None, 7]}


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("deployment eq 'blue'", {"blue"}),
        ("deployment eq 'BLUE' or deployment eq 'green'", {"blue", "green"}),
        ("(deployment eq 'blue' or deployment eq 'green')", {"blue", "green"}),
        ("deployment ne 'blue'", {"green", "grey"}),
        ("Deployment sw 'gre'", {"green", "grey"}),
        ("deployment eq '*' and statusCode eq '200'", {"green", "grey"}),
        ("deployment eq 'it''s'", set()),
        (None, {""}),
    ],
)
def test_a_filter_chooses_series(text, kept):
    cells = [
        cell(0, 1, deployment="blue", statuscode="500"),
        cell(0, 1, deployment="green", statuscode="200"),
        cell(0, 1, deployment="grey", statuscode="200"),
    ]
    asked = conditions(text, [REQUESTS])

    found = averages(REQUESTS, cells, asked)

    assert {(values or ("",))[0] for values in found} == kept


@pytest.mark.parametrize(
    "text",
    [
        "deployment",
        "deployment eq blue",
        "deployment eq 'a' and",
        "deployment eq 'a' deployment eq 'b'",
        "deployment eq 'a' or deployment ne 'b'",
        "colour eq 'a'",
    ],
)
def test_a_filter_that_means_nothing_is_refused(text):
    with pytest.raises(Wrong):
        conditions(text, [REQUESTS])


def test_at_most_20_metrics_are_named():
    with pytest.raises(Wrong, match="At most 20"):
        named(ENDPOINTS, ",".join(["RequestLatency"] * 21))


HOUR = timedelta(hours=1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("PT1H", (START - HOUR, START)),
        ("PT3600.0S", (START - HOUR, START)),
        ("2026-11-23T09:00:00Z/2026-11-23T10:00:00.000Z", (START - HOUR, START)),
        ("2026-11-23T09:00:00/PT1H", (START - HOUR, START)),
        ("PT1H/2026-11-23T11:00:00+01:00", (START - HOUR, START)),
        ("P1DT1H", (START - 25 * HOUR, START)),
        (None, None),
    ],
)
def test_a_timespan_is_read_as_azure_reads_it(text, expected):
    assert timespan(text, START) == expected


@pytest.mark.parametrize("text", ["yesterday", "P", "PT", "1/2", "PT1H/", "P9999999D"])
def test_what_is_no_timespan_is_refused(text):
    with pytest.raises(ValueError, match="not a valid timespan"):
        timespan(text, START)


def test_durations_add_up():
    assert duration("P1W2DT3H4M5.5S") == timedelta(
        weeks=1, days=2, hours=3, minutes=4, seconds=5.5
    )
