"""What was measured, read by the minute from the log store."""

import json
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from ops.localcloud.catalog import Metric, kind_of
from ops.localcloud.logstore import LogStore, naive
from ops.localcloud.metrics import Cell, Condition, named, point
from ops.localcloud.records import normal_id, parent_of

UNKNOWN = "unknown"  # a request that was refused before it got to a deployment
COUNTED = """
SELECT time_bucket(INTERVAL 1 MINUTE, "At"), "Deployment", "Status", "ModelStatus",
       count(*), sum("DurationMs"), min("DurationMs"), max("DurationMs"), sum("Bytes")
FROM localcloud.requests
WHERE "At" >= ? AND "At" < ? AND "Resource" = ? AND (? OR "Deployment" = ?)
GROUP BY ALL
"""
RANKED = """
SELECT time_bucket(INTERVAL 1 MINUTE, "At"), {deployment},
       quantile_disc("DurationMs", ?)
FROM localcloud.requests
WHERE "At" >= ? AND "At" < ? AND "Resource" = ? AND (? OR "Deployment" = ?)
GROUP BY ALL
"""
SAMPLED = """
WITH chosen AS (
    SELECT *, time_bucket(INTERVAL 1 MINUTE, "At") AS minute FROM localcloud.samples
    WHERE "At" >= ? AND "At" < ? AND "Resource" = ? AND "Metric" = ?
), rounds AS (
    SELECT minute, count(DISTINCT "At") AS times FROM chosen GROUP BY minute
)
SELECT minute, "Dimensions", count(*), sum("Value"), min("Value"), max("Value"),
       any_value(times)
FROM chosen JOIN rounds USING (minute)
GROUP BY ALL
"""


def cells(
    store: LogStore,
    resource: str,
    metric: Metric,
    start: datetime,
    end: datetime,
    split: Sequence[str],
) -> list[Cell]:
    """What was measured of a metric of an endpoint or a deployment, by its id.

    `split` names the dimensions that are asked for, in lower case: the percentiles of
    two deployments say nothing about those of both.
    """
    id_ = normal_id(resource)
    if "/deployments/" in id_:
        endpoint, deployment = parent_of(id_), id_.rsplit("/", 1)[1]
    else:
        endpoint, deployment = id_, None
    span = [naive(start), naive(end)]
    chosen = [*span, endpoint, deployment is None, deployment]
    if metric.name.startswith("RequestLatency_P"):
        apart = deployment is not None or "deployment" in split
        sql = RANKED.format(deployment='"Deployment"' if apart else "''")
        share = int(metric.name.removeprefix("RequestLatency_P")) / 100
        return [_ranked(row) for row in store.read(sql, [share, *chosen])]
    if metric.name in ("RequestsPerMinute", "RequestLatency", "NetworkBytes"):
        rows = store.read(COUNTED, chosen)
        return [_counted(metric.name, row) for row in rows]
    rows = store.read(SAMPLED, [*span, id_, metric.name])
    return list(_sampled(metric, rows))


def recent(
    store: LogStore,
    resource: str,
    metric_name: str,
    dimensions: Sequence[tuple[str, str, Sequence[str]]],
    span: tuple[datetime, datetime],
    grain: timedelta,
) -> list[Mapping[str, float] | None]:
    """Points of a metric over all dimension values that are let through, by grain.

    `dimensions` are (name, "Equals" or "NotEquals", values); None is a grain without
    data.
    """
    (metric,) = named(kind_of(resource), metric_name)
    asked = [
        Condition(
            dimension=name.lower(),
            operator="eq" if operator == "Equals" else "ne",
            values=tuple(value.lower() for value in values),
        )
        for name, operator, values in dimensions
    ]
    split = [condition.dimension for condition in asked]
    start, end = span
    groups: dict[int, list[Cell]] = {}
    for cell in cells(store, resource, metric, start, end, split):
        if all(one.holds(cell.dimensions.get(one.dimension, "")) for one in asked):
            groups.setdefault((cell.minute - start) // grain, []).append(cell)
    return [
        point(metric.how, groups[number], grain) if number in groups else None
        for number in range((end - start) // grain)
    ]


def _ranked(row: tuple[Any, ...]) -> Cell:
    minute, deployment, value = row
    return Cell(
        minute=minute.replace(tzinfo=UTC),
        dimensions={"deployment": deployment or UNKNOWN},
        count=1,
        **{name: float(value) for name in ("total", "least", "most")},
    )


def _counted(name: str, row: tuple[Any, ...]) -> Cell:
    minute, deployment, status, model, count, total, least, most, size = row
    dimensions = {
        "deployment": deployment or UNKNOWN,
        "statuscode": str(status),
        "statuscodeclass": f"{(status or 0) // 100}xx",
        "modelstatuscode": UNKNOWN if model is None else str(model),
        "envoy_response_code": str(status),
    }
    if name != "RequestLatency":
        total = least = most = count if name == "RequestsPerMinute" else size
    return Cell(
        minute=minute.replace(tzinfo=UTC),
        dimensions=dimensions,
        count=float(count),
        total=float(total or 0),
        least=float(least or 0),
        most=float(most or 0),
    )


def _sampled(metric: Metric, rows: Iterable[tuple[Any, ...]]) -> Iterable[Cell]:
    for minute, dimensions, count, total, least, most, times in rows:
        found = {name.lower(): value for name, value in json.loads(dimensions).items()}
        yield Cell(
            minute=minute.replace(tzinfo=UTC),
            dimensions=found,
            count=float(count),
            total=total / times if metric.how == "level" else total,
            least=least,
            most=most,
        )
