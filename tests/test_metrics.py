"""The arithmetic of metrics, and how it is shown, from given numbers."""

import csv
import io
from datetime import UTC, datetime, timedelta

import pytest
from azure.mgmt.monitor import models
from rich.console import Console

from ops import metrics, platform, readings
from ops.errors import UsageError
from ops.measures import (
    Latency,
    Metrics,
    Outcome,
    Point,
    Usage,
    Window,
    dense,
    enough,
    measure,
    too_few,
    window,
)
from ops.views import live, panels

NOW = datetime(2026, 11, 23, 12, 0, 30, tzinfo=UTC)
HOUR = window("1h", "1m", NOW)


def outcome(deployment="blue", status=200, count=1, **more):
    return Outcome(deployment=deployment, status=status, count=count, **more)


def latency(count, value=10.0, **more):
    values = dict.fromkeys((50, 90, 95, 99), value)
    return Latency(count=count, percentiles=values, **more)


def shown(renderable, width=80):
    console = Console(width=width, file=io.StringIO(), record=True)
    console.print(renderable)
    return console.export_text()


def found(*measures, **more):
    return Metrics(
        endpoint="iris",
        window=HOUR,
        source="requests",
        deployments=list(measures),
        **more,
    )


@pytest.mark.parametrize(
    ("since", "grain"),
    [("lots", "1m"), ("1h", "30s"), ("1h", "2h"), ("7d", "1m"), ("-1h", "1m")],
)
def test_a_window_that_cannot_be_meant_is_a_usage_error(since, grain):
    with pytest.raises(UsageError):
        window(since, grain, NOW)


def test_a_deployment_is_summed_up_from_its_own_outcomes_alone():
    ended = [
        outcome(count=80),
        outcome(status=424, count=15),
        outcome(status=429, count=4),
        outcome(status=408, count=1),
        outcome("green", status=424, count=1000),
        outcome("", status=401, count=7),
    ]

    each = measure("blue", ended, latency(81), Usage(cpu=50, instances=2), HOUR)

    assert (each.requests, each.errors, each.error_ratio) == (100, 20, 0.2)
    assert (each.timed_out, each.failed, each.throttled) == (1, 15, 4)
    assert each.per_minute == pytest.approx(100 / 60)
    assert (each.cpu_percent, each.instances) == (50, 2)


def test_mirrored_requests_are_told_apart_and_count_as_work():
    ended = [outcome("green", count=6, mirrored=True)]

    each = measure("green", ended, None, None, HOUR)

    assert (each.requests, each.mirrored, each.per_minute) == (0, 6, 0.1)


def test_no_request_is_no_ratio_rather_than_no_errors():
    assert measure("blue", [], None, None, HOUR).error_ratio is None


@pytest.mark.parametrize(
    ("count", "told"),
    [
        (1, set()),
        (9, {50}),
        (10, {50, 90}),
        (20, {50, 90, 95}),
        (100, {50, 90, 95, 99}),
    ],
)
def test_a_percentile_needs_a_request_beyond_it(count, told):
    assert set(enough(latency(count))) == told


def test_too_little_data_says_how_much_there_is():
    few = measure("green", [outcome("green", count=41)], latency(41), None, HOUR)

    assert too_few([few]) == ["green served 41 requests: p99 needs 100"]
    assert "n=41" in shown(panels.comparison([few]))


def test_a_percentile_of_the_platform_is_shown_as_a_bound():
    ended = [outcome(count=500)]
    each = measure("blue", ended, latency(500, 52.0, bound=True), None, HOUR)

    assert "<= 52" in shown(panels.comparison([each]))


def test_blue_and_green_stand_side_by_side():
    blue = measure("blue", [outcome(count=10)], None, None, HOUR)
    green = measure("green", [outcome("green", 500, 10)], None, None, HOUR)

    text = shown(panels.comparison([blue, green]))

    header, *rows = text.splitlines()
    assert header.split() == ["blue", "green"]
    assert any("errors" in row and "100.0%" in row for row in rows)


def test_charts_fit_80_columns_and_24_lines():
    points = [
        Point(at=NOW - timedelta(minutes=m), deployment=d, requests=m, errors=0, p95=9)
        for m in range(1, 50)
        for d in ("blue", "green")
    ]
    both = [measure(d, [], None, None, HOUR) for d in ("blue", "green")]

    text = shown(panels.metrics(found(*both, points=points), 80, 24))

    assert len(text.splitlines()) < 24
    assert max(map(len, text.splitlines())) <= 80
    assert "p95 ms" in text


def test_a_minute_without_requests_is_a_gap_and_not_left_out():
    point = Point(
        at=NOW.replace(minute=0, second=0), deployment="blue", requests=5, errors=0
    )
    short = Window(since=NOW - timedelta(minutes=3), until=NOW)

    drawn = dense([point], "blue", short)

    assert [at.minute for at, *_ in drawn] == [57, 58, 59, 0]
    assert [each and each.requests for *_, each in drawn] == [None, None, None, 5]


def test_the_minute_that_is_not_over_is_counted_by_what_is_over_of_it():
    point = Point(
        at=NOW.replace(second=0), deployment="blue", requests=30, errors=0, live=30
    )
    short = Window(since=NOW - timedelta(minutes=5), until=NOW)
    numbers = Metrics(
        endpoint="iris", window=short, source="requests", deployments=[], points=[point]
    )

    *_, (_, last) = panels.lines(numbers, "requests")["blue"]

    assert last == 60  # 30 requests in the half minute


def test_csv_has_a_line_for_every_minute():
    point = Point(at=NOW, deployment="blue", requests=5, errors=1, live=4, p95=7.0)

    lines = list(csv.DictReader(io.StringIO(metrics.to_csv(found(points=[point])))))

    assert len(lines) == 61
    assert lines[0]["requests"] == "0"
    assert lines[0]["p95_ms"] == ""
    assert {"requests": "5", "live": "4", "p95_ms": "7.0"}.items() <= lines[-1].items()


def test_a_sparkline_ends_with_the_latest():
    points = [
        Point(at=NOW, deployment="blue", requests=n, errors=0) for n in (1, 50, 100)
    ]

    assert panels.sparkline([*points, None], 3) == "▄█ "
    assert panels.sparkline([None, None], 8) == ""


def test_a_row_of_the_traffic_log_is_an_outcome():
    row = {
        "DeploymentName": "green",
        "ResponseCode": 424,
        "ResponseCodeReason": "model_error",
        "ModelStatusCode": 500,
        "Mirrored": True,
        "Requests": 3,
        "First": NOW,
        "Last": NOW.replace(tzinfo=None),
        "RequestId": "r1",
    }

    each = readings.to_outcome(row)

    assert (each.status, each.model_status, each.mirrored) == (424, 500, True)
    assert each.first == each.last == NOW


def series(metric, values, **dimensions):
    start = NOW.replace(second=0) - timedelta(minutes=len(values))
    return platform.Series(
        metric=metric,
        dimensions=dimensions,
        points=[
            (start + timedelta(minutes=n), value, value * 2)
            for n, value in enumerate(values)
        ],
    )


def test_usage_is_the_mean_of_the_instances_now_and_the_highest_ever():
    usage = platform.to_usage(
        [
            series(platform.CPU, [90, 10], instanceid="a"),
            series(platform.CPU, [10, 30], instanceid="b"),
            series(platform.CAPACITY, [1, 1], instanceid="a"),
            series(platform.CAPACITY, [1, 1], instanceid="b"),
        ]
    )

    assert (usage.cpu, usage.cpu_highest, usage.instances) == (20, 180, 2)
    assert usage.memory is None


def test_an_instance_not_heard_of_any_more_is_no_instance():
    gone = platform.Series(
        metric=platform.CAPACITY,
        dimensions={"instanceid": "a"},
        points=[(NOW - timedelta(minutes=30), 1.0, 1.0)],
    )

    usage = platform.to_usage([gone, series(platform.CAPACITY, [1, 1], instanceid="b")])

    assert usage.instances == 1


def test_an_instance_that_was_replaced_is_counted_once():
    usage = platform.to_usage(
        [
            series(platform.CAPACITY, [1, 1], instanceid="new"),
            platform.Series(
                metric=platform.CAPACITY,
                dimensions={"instanceid": "old"},
                points=[(NOW.replace(second=0) - timedelta(minutes=2), 1.0, 1.0)],
            ),
        ]
    )

    assert (usage.instances, usage.instances_lately) == (1, 2)


def test_requests_of_the_platform_are_counted_from_rates():
    rate = series(platform.REQUESTS, [10, 0, 5], deployment="blue", statuscode="424")

    each = platform.to_outcome(rate, HOUR)

    assert (each.deployment, each.status, each.count) == ("blue", 424, 15)


def test_the_platforms_percentiles_are_the_worst_minutes():
    minutes = series("RequestLatency_P95", [10, 52, 7], deployment="blue")

    latency = platform.to_latencies([minutes], {"blue": 300})["blue"]

    assert latency.bound
    assert latency.percentiles == {95: 52}


def test_a_point_without_data_is_no_zero():
    data = [
        {"timeStamp": "2026-11-23T11:58:00Z"},
        {"timeStamp": "2026-11-23T11:59:00Z", "average": 0.0, "maximum": 0.0},
    ]
    dimension = {"name": {"value": "InstanceId"}, "value": "a"}
    answer = models.Response.deserialize(
        {
            "timespan": "x",
            "value": [
                {
                    "name": {"value": platform.CPU},
                    "timeseries": [{"metadatavalues": [dimension], "data": data}],
                }
            ],
        }
    )

    (only,) = platform.flatten(answer)

    assert only.dimensions == {"instanceid": "a"}
    assert [(at.minute, average) for at, average, _ in only.points] == [(59, 0.0)]


@pytest.mark.parametrize("text", ["0s", "2h", "fast", "500ms"])
def test_an_interval_is_neither_frantic_nor_asleep(text):
    with pytest.raises(UsageError):
        live.interval(text)


def test_a_live_screen_is_refused_in_a_pipe():
    with pytest.raises(UsageError, match="needs a terminal"):
        live.paint(lambda: None, lambda *_: "", seconds=1)
