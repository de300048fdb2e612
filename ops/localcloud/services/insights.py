"""Microsoft.Insights: metrics, their definitions and their namespaces (2024-02-01)."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.localcloud import catalog, metrics
from ops.localcloud.catalog import AUTOSCALE, CATALOG, DEPLOYMENTS, Metric
from ops.localcloud.intervals import duration, timespan
from ops.localcloud.logstore import Unavailable
from ops.localcloud.measurements import cells
from ops.localcloud.metrics import AGGREGATIONS, GRAINS, MINUTE, Condition, Wrong
from ops.localcloud.wire import Answer, AzureError, Call, existing

PART = "/providers/Microsoft.Insights/"
MOST_POINTS = 50_000
MOST_SERIES = 10  # unless `top` says otherwise


def list_metrics(call: Call) -> Answer:
    """The values of up to 20 metrics over a timespan, split as $filter asks."""
    kind, resource = _of(call)
    try:
        wanted = metrics.named(kind, call.query.get("metricnames"))
        asked = metrics.conditions(call.query.get("$filter"), wanted)
        start, end = _span(call)
        interval, grain = _grain(call, end - start)
        times = _times(start, end, grain)
        aggregations = _aggregations(call)
        value = [
            {
                "id": f"{resource}{PART}metrics/{metric.name}",
                "type": "Microsoft.Insights/metrics",
                "name": metrics.text(metric.name),
                "displayDescription": metric.text,
                "unit": metric.unit,
                "errorCode": "Success",
                "timeseries": _timeseries(
                    call, resource, metric, asked, times, grain, aggregations
                ),
            }
            for metric in wanted
        ]
    except Wrong as problem:
        raise AzureError(400, "BadRequest", str(problem)) from None
    except Unavailable as problem:
        raise AzureError(503, problem.code, str(problem)) from None
    body: dict[str, Any] = {
        "cost": len(wanted) * max((end - start) // MINUTE - 1, 0),
        "timespan": f"{_text(start)}/{_text(end)}",
        "interval": interval,
        "value": value,
        "namespace": kind.lower(),
        "resourceregion": call.cloud.location,
    }
    return Answer(body=body)


def list_definitions(call: Call) -> Answer:
    kind, resource = _of(call)
    _check_namespace(call, kind)
    found = [metrics.definition(kind, metric, resource) for metric in CATALOG[kind]]
    return Answer(body={"value": found})


def list_namespaces(call: Call) -> Answer:
    kind, resource = _of(call)
    name = kind.replace("/", "-")
    namespace = {
        "id": f"{resource}{PART}metricNamespaces/{name}",
        "type": "Microsoft.Insights/metricNamespaces",
        "name": name,
        "classification": "Platform",
        "properties": {"metricNamespaceName": kind},
    }
    return Answer(body={"value": [namespace]})


def _of(call: Call) -> tuple[str, str]:
    """The type and the id of the resource whose metrics are asked for."""
    id_ = call.id.rpartition(PART)[0]
    kind = catalog.kind_of(id_)
    if kind == AUTOSCALE:
        existing(call, "autoscaleSettings")
        return kind, id_
    existing(call, "onlineEndpoints")
    if kind == DEPLOYMENTS:
        existing(call, "deployments")
    return kind, id_


def _check_namespace(call: Call, kind: str) -> None:
    asked = call.query.get("metricnamespace", kind)
    if asked.lower() != kind.lower():
        message = f"There is no metric namespace '{asked}' of this resource."
        raise AzureError(400, "BadRequest", message)


def _span(call: Call) -> tuple[datetime, datetime]:
    """From when to when, in whole minutes: the last hour if nobody says."""
    _check_namespace(call, catalog.kind_of(call.id.rpartition(PART)[0]))
    now = call.now
    try:
        found = timespan(call.query.get("timespan", "PT1H"), now)
    except ValueError as problem:
        raise Wrong(str(problem)) from None
    start, end = found or (None, None)
    if start is None or end is None or start >= end:
        raise Wrong("The start of the timespan must be before its end.")
    return start.replace(second=0, microsecond=0), end


def _grain(call: Call, span: timedelta) -> tuple[str, timedelta]:
    asked = call.query.get("interval") or "PT1M"
    if asked.upper() == "FULL":
        return "FULL", span
    if asked.upper() in GRAINS:
        return asked.upper(), GRAINS[asked.upper()]
    if call.query.get("AutoAdjustTimegrain", "").lower() == "true":
        return _nearest(asked)
    raise Wrong(
        f"Detected invalid time grain input: {asked}. Supported time grains are: "
        + ", ".join([*GRAINS, "FULL"])
    )


def _nearest(asked: str) -> tuple[str, timedelta]:
    """The longest grain that is not longer than the one that was asked for."""
    try:
        wish = duration(asked)
    except ValueError:
        raise Wrong(f"Detected invalid time grain input: {asked}.") from None
    shorter = [(name, grain) for name, grain in GRAINS.items() if grain <= wish]
    return shorter[-1] if shorter else ("PT1M", MINUTE)


def _times(start: datetime, end: datetime, grain: timedelta) -> list[datetime]:
    number = -(-(end - start) // grain)
    if number > MOST_POINTS:
        raise Wrong(f"The timespan has {number} points of this grain: ask for fewer.")
    return [start + i * grain for i in range(number)]


def _aggregations(call: Call) -> list[str]:
    asked = call.query.get("aggregation") or "Average"
    known = {name.lower(): name for name in AGGREGATIONS}
    names = [name.strip().lower() for name in asked.split(",")]
    if bad := [name for name in names if name not in known]:
        raise Wrong(f"'{bad[0]}' is no aggregation: {', '.join(AGGREGATIONS)} are.")
    return list(dict.fromkeys(names))


def _timeseries(
    call: Call,
    resource: str,
    metric: Metric,
    asked: Sequence[Condition],
    times: list[datetime],
    grain: timedelta,
    aggregations: list[str],
) -> list[dict[str, Any]]:
    split = [condition.dimension for condition in asked]
    end = times[-1] + grain if times else times[0]
    found = cells(call.cloud.store, resource, metric, times[0], end, split)
    series = metrics.series(metric, found, asked, times, grain)
    if not series and not asked:
        series = {(): [None for _ in times]}
    bare = call.query.get("resultType", "Data").lower() == "metadata"
    return [
        {
            "metadatavalues": [
                {"name": metrics.text(name), "value": value}
                for name, value in zip(split, values, strict=True)
            ],
            **({} if bare else {"data": _data(times, points, aggregations)}),
        }
        for values, points in _chosen(call, series, bool(asked))
    ]


def _chosen(call: Call, series: dict[Any, Any], split: bool) -> list[tuple[Any, Any]]:
    """The `top` series by `orderby`: one aggregation, in sum over the timespan."""
    ranked = list(series.items())
    if order := call.query.get("orderby"):
        name, _, direction = order.strip().lower().partition(" ")
        if name not in {known.lower() for known in AGGREGATIONS}:
            raise Wrong(f"There is no order '{order}'.")
        ranked.sort(
            key=lambda item: sum(point[name] for point in item[1] if point),
            reverse=direction.strip() != "asc",
        )
    top = call.query.get("top") or str(MOST_SERIES)
    if not top.isdecimal() or int(top) < 1:
        raise Wrong(f"'{top}' is not a number of series.")
    return ranked[: int(top)] if split else ranked


def _data(
    times: list[datetime], points: list[Any], aggregations: list[str]
) -> list[dict[str, Any]]:
    return [
        {
            "timeStamp": _text(at),
            **({name: point[name] for name in aggregations} if point else {}),
        }
        for at, point in zip(times, points, strict=True)
    ]


def _text(moment: datetime) -> str:
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
