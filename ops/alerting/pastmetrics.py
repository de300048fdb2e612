"""What a metric rule would have measured at each evaluation of the past.

The minutes of the metric are put together over each window. Azure's metrics are told by
one aggregation at a time, so the average of a window is that of its minutes' averages.
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from ops.alerting.past import (
    MINUTE,
    Dimensions,
    Past,
    Points,
    aware,
    days,
    evaluations,
)
from ops.autoscaling.sources import seconds
from ops.pipeline import refused
from ops.times import Span

if TYPE_CHECKING:
    from datetime import timedelta

    from ops.clients import Workspace


def of_metric(
    workspace: "Workspace", properties: Mapping[str, Any], span: Span
) -> Past:
    """What a metric rule of one resource would have measured."""
    criterion = properties["criteria"]["allOf"][0]
    window = seconds(properties["windowSize"])
    times = evaluations(
        span.start, span.end, seconds(properties["evaluationFrequency"])
    )
    minutes: dict[Dimensions, dict[datetime, float]] = {}
    for part in days(span.start - window, span.end):
        for own, at, value in _minutes(
            workspace, properties["scopes"][0], criterion, part
        ):
            minutes.setdefault(own, {})[at] = value
    how = TOGETHER[criterion["timeAggregation"]]
    values = {
        own: _windows(known, times, window, how) for own, known in minutes.items()
    }
    return Past(values=values, start=span.start)


TOGETHER = {
    "Average": lambda values: sum(values) / len(values),
    "Minimum": min,
    "Maximum": max,
    "Total": sum,
    "Count": sum,
}


def _windows(
    minutes: Mapping[datetime, float],
    times: Iterable[datetime],
    window: "timedelta",
    together: Any,
) -> Points:
    found: Points = {}
    for at in times:
        whole = at.replace(second=0, microsecond=0)
        steps = (whole - MINUTE * n for n in range(1, window // MINUTE + 1))
        values = [minutes[each] for each in steps if each in minutes]
        found[at] = together(values) if values else None
    return found


def _minutes(
    workspace: "Workspace", resource: str, criterion: Mapping[str, Any], span: Span
) -> Iterator[tuple[Dimensions, datetime, float]]:
    """Every minute's value of every combination that the rule looks at."""
    aggregate = criterion["timeAggregation"]
    splits = criterion["dimensions"]
    with refused():
        answer = workspace.metrics.list(
            resource.lstrip("/"),
            timespan=f"{_text(span.start)}/{_text(span.end)}",
            interval="PT1M",
            metricnames=criterion["metricName"],
            aggregation=aggregate,
            **({"filter": _filter(splits), "top": 200} if splits else {}),
        )
    for series in answer.value[0].timeseries or []:
        told = {m.name.value.lower(): m.value for m in series.metadatavalues or []}
        own = tuple(
            (each["name"], told.get(each["name"].lower(), "")) for each in splits
        )
        if not all(map(_taken, splits, (value for _, value in own))):
            continue
        for point in series.data or []:
            value = getattr(point, aggregate.lower())
            if value is not None:
                yield own, aware(point.time_stamp), value


def _filter(splits: Iterable[Mapping[str, Any]]) -> str:
    return " and ".join(f"{each['name']} eq '*'" for each in splits)


def _taken(split: Mapping[str, Any], value: str) -> bool:
    named = value.lower() in [each.lower() for each in split["values"]]
    if split["operator"] == "Exclude":
        return not named
    return named or "*" in split["values"]


def _text(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
