"""The latest values of what an alert's rule measures, one a window: its sparkline."""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from statistics import fmean
from typing import Any

from ops import kql
from ops.alerting.fired import Alert
from ops.clients import Workspace
from ops.errors import OpsError
from ops.pipeline import refused
from ops.times import Span

COUNT = 8
ISO = re.compile(r"P(?:(\d+)D)?(?:T(?:(\d+)H)?(?:(\d+)M)?(?:(\d+)S)?)?")
AGGREGATES: Mapping[str, Callable[[list[float]], float]] = {
    "Average": fmean,
    "Maximum": max,
    "Minimum": min,
    "Total": sum,
}


def values(workspace: Workspace, alert: Alert, until: datetime) -> list[float | None]:
    """The last few windows, oldest first; [] where they can't be read."""
    window = _length(str(alert.context.get("windowSize")))
    if window is None or not alert.endpoint:
        return []
    try:
        if query := alert.context.get("searchQuery"):
            return [
                _of_rows(workspace, alert, str(query), until - window * back, window)
                for back in reversed(range(COUNT))
            ]
        if metric := alert.context.get("metricName"):
            return _of_metric(workspace, alert, str(metric), until, window)
    except OpsError:
        pass  # the message matters more than its picture
    return []


def _of_rows(
    workspace: Workspace, alert: Alert, query: str, end: datetime, window: timedelta
) -> float | None:
    """What a log rule's query measures in the window that ends then."""
    span = Span(start=end - window, end=end)
    found = kql.rows(workspace, query, span=span, endpoint=alert.endpoint).records()
    return of_records(alert, found)


def of_records(alert: Alert, records: list[dict[str, Any]]) -> float | None:
    """The rows of the alert's own dimensions, aggregated as its rule says."""
    own = [
        row
        for row in records
        if all(str(row.get(k)) == v for k, v in alert.dimensions.items())
    ]
    column = alert.context.get("metricMeasureColumn")
    if not column:
        return float(len(own))
    numbers = [float(row[column]) for row in own if row.get(column) is not None]
    aggregate = AGGREGATES.get(str(alert.context.get("timeAggregation")))
    return aggregate(numbers) if numbers and aggregate else None


def _of_metric(
    workspace: Workspace, alert: Alert, metric: str, until: datetime, window: timedelta
) -> list[float | None]:
    how = str(alert.context.get("timeAggregation") or "Average")
    start = until - COUNT * window
    span = "/".join(f"{each:%Y-%m-%dT%H:%M:%SZ}" for each in (start, until))
    own = {k: v for k, v in alert.dimensions.items() if "." not in k}
    quoted = {name: value.replace("'", "''") for name, value in own.items()}
    chosen = " and ".join(f"{name} eq '{value}'" for name, value in quoted.items())
    with refused():
        answer = workspace.metrics.list(
            alert.target.lstrip("/"),
            timespan=span,
            interval=str(alert.context["windowSize"]),
            metricnames=metric,
            aggregation=how,
            filter=chosen or None,
        )
    points = [
        getattr(point, how.lower(), None)
        for each in answer.value
        for series in each.timeseries or []
        for point in series.data or []
    ]
    return [None if each is None else float(each) for each in points[-COUNT:]]


def _length(text: str) -> timedelta | None:
    """`PT5M`, `P1D`: as Azure writes windows."""
    found = ISO.fullmatch(text)
    if not found or not any(found.groups()):
        return None
    days, hours, minutes, seconds = (int(each or 0) for each in found.groups())
    return timedelta(days=days, hours=hours, minutes=minutes, seconds=seconds)
