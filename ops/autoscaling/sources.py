"""The metrics that autoscale rules look at, read as the engine reads them."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from ops.pipeline import refused

if TYPE_CHECKING:
    from ops.clients import Workspace

AGGREGATIONS = {
    "Average": "Average",
    "Min": "Minimum",
    "Max": "Maximum",
    "Sum": "Total",
    "Count": "Count",
}
SETTLED = timedelta(seconds=3)  # after a minute, until all of it has been taken in
MINUTE = timedelta(minutes=1)
CAPACITY = "DeploymentCapacity"
Values = list[float | None]


def readings(
    workspace: "Workspace", properties: Mapping[str, Any], now: datetime
) -> list[dict[str, Any]]:
    """Every different trigger of a setting, with the points of its window."""
    found: dict[str, dict[str, Any]] = {}
    for trigger in triggers(properties):
        key = repr({**trigger, "operator": "", "threshold": 0, "timeAggregation": ""})
        if key not in found:
            points = window(workspace, trigger, properties["targetResourceUri"], now)
            found[key] = {"trigger": trigger, "points": points}
    return list(found.values())


def triggers(properties: Mapping[str, Any]) -> list[dict[str, Any]]:
    return [
        rule["metricTrigger"]
        for profile in properties["profiles"]
        for rule in profile.get("rules") or ()
    ]


def window(
    workspace: "Workspace", trigger: Mapping[str, Any], target: str, now: datetime
) -> list[dict[str, float] | None]:
    """The points of the window that ends now, as the engine takes them."""
    end = (now - SETTLED).replace(second=0, microsecond=0)
    start = end - seconds(trigger["timeWindow"])
    aggregation = AGGREGATIONS[trigger["statistic"]]
    grain = seconds(trigger["timeGrain"])
    values = series(
        workspace,
        trigger.get("metricResourceUri") or target,
        trigger["metricName"],
        (start, end),
        trigger["timeGrain"],
        aggregation,
        filter_of(trigger.get("dimensions") or ()),
    )
    points = [values.get(start + i * grain) for i in range((end - start) // grain)]
    name = aggregation.lower()
    return [None if each is None else {name: each} for each in points]


def by_minute(
    workspace: "Workspace", trigger: Mapping[str, Any], target: str, span: "Span"
) -> Values:
    """The averages of every minute of a span; None where there was none."""
    start, end = span
    values = series(
        workspace,
        trigger.get("metricResourceUri") or target,
        trigger["metricName"],
        span,
        "PT1M",
        "Average",
        filter_of(trigger.get("dimensions") or ()),
    )
    return [values.get(start + i * MINUTE) for i in range((end - start) // MINUTE)]


Span = tuple[datetime, datetime]


def series(
    workspace: "Workspace",
    resource: str,
    metric: str,
    span: Span,
    grain: str,
    aggregation: str,
    filter: str = "",
) -> dict[datetime, float]:
    """The points that there are; those of several dimension values are summed where
    they count, else averaged."""
    start, end = (each.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ") for each in span)
    with refused():
        answer = workspace.metrics.list(
            resource.lstrip("/"),
            timespan=f"{start}/{end}",
            interval=grain,
            metricnames=metric,
            aggregation=aggregation,
            **({"filter": filter} if filter else {}),
        )
    name = aggregation.lower()
    found: dict[datetime, list[float]] = {}
    for each in answer.value[0].timeseries or []:
        for point in each.data or []:
            if (value := getattr(point, name)) is not None:
                found.setdefault(_aware(point.time_stamp), []).append(value)
    counts = metric.endswith("PerMinute") or metric == CAPACITY
    return {
        at: sum(values) if counts else sum(values) / len(values)
        for at, values in found.items()
    }


def filter_of(dimensions: Iterable[Mapping[str, Any]]) -> str:
    """The $filter that asks for the same as a trigger's dimensions."""
    clauses = []
    for each in dimensions:
        sign = "eq" if each["Operator"] == "Equals" else "ne"
        joint = " or " if sign == "eq" else " and "
        parts = [
            f"{each['DimensionName']} {sign} '{value}'" for value in each["Values"]
        ]
        clauses.append(f"({joint.join(parts)})" if len(parts) > 1 else parts[0])
    return " and ".join(clauses)


def seconds(duration: str) -> timedelta:
    import isodate

    found: timedelta = isodate.parse_duration(duration)
    return found


def _aware(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
