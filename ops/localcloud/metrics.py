"""The arithmetic of Azure Monitor's metrics.

Everything is measured by the minute; a longer grain is made of its minutes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.catalog import CATALOG, How, Metric

MINUTE = timedelta(minutes=1)
GRAINS = {
    "PT1M": MINUTE,
    "PT5M": 5 * MINUTE,
    "PT15M": 15 * MINUTE,
    "PT30M": 30 * MINUTE,
    "PT1H": 60 * MINUTE,
    "PT6H": 360 * MINUTE,
    "PT12H": 720 * MINUTE,
    "P1D": 1440 * MINUTE,
}
AGGREGATIONS = ("Average", "Minimum", "Maximum", "Total", "Count")


@dataclass(frozen=True, kw_only=True)
class Cell:
    """What was measured in one minute for one set of dimension values.

    Dimension names are in lower case. `total` is the sum of `count` values.
    """

    minute: datetime
    dimensions: Mapping[str, str]
    count: float
    total: float
    least: float
    most: float


@dataclass(frozen=True, kw_only=True)
class Condition:
    """`dimension eq 'a' or dimension eq 'b'`; the operator is the same in all."""

    dimension: str  # lower case
    operator: str  # eq, ne, sw
    values: tuple[str, ...]

    def holds(self, value: str) -> bool:
        value = value.lower()
        if "*" in self.values:
            return True
        if self.operator == "sw":
            return value.startswith(self.values)
        return (value in self.values) == (self.operator == "eq")


class Wrong(ValueError):
    """Why a request for metrics can't be answered, in Azure's words."""


def named(kind: str, names: str | None) -> list[Metric]:
    """The metrics of a comma-separated list, the first one without a list."""
    known = {metric.name.lower(): metric for metric in CATALOG[kind]}
    if not names:
        return [CATALOG[kind][0]]
    wanted = [name.strip() for name in names.split(",") if name.strip()]
    if len(wanted) > 20:
        raise Wrong(f"At most 20 metrics can be asked for, not {len(wanted)}.")
    for name in wanted:
        if name.lower() not in known:
            provider, _, type_ = kind.partition("/")
            raise Wrong(
                f"Failed to find metric configuration for provider: {provider}, "
                f"resource Type: {type_}, metric: {name}, Valid metrics: "
                + ",".join(metric.name for metric in CATALOG[kind])
            )
    return [known[name.lower()] for name in dict.fromkeys(wanted)]


CONDITION = re.compile(r"\s*(\w+)\s+(eq|ne|sw)\s+'((?:[^']|'')*)'\s*", re.IGNORECASE)
JOINT = re.compile(r"\s*(and|or)\b", re.IGNORECASE)


def conditions(text: str | None, metrics: Sequence[Metric]) -> list[Condition]:
    """A $filter: conditions on dimensions, `or` within one and `and` between them."""
    found: dict[str, Condition] = {}
    rest = (text or "").replace("(", " ").replace(")", " ")
    while rest.strip():
        match = CONDITION.match(rest)
        if not match:
            raise Wrong(f"The filter is not valid at: {rest.strip()[:60]}")
        name, operator, value = match.groups()
        _add(found, name, operator.lower(), value.replace("''", "'").lower(), metrics)
        rest = rest[match.end() :]
        if rest:
            joint = JOINT.match(rest)
            if not joint or not rest[joint.end() :].strip():
                raise Wrong(f"The filter is not valid at: {rest.strip()[:60]}")
            rest = rest[joint.end() :]
    return list(found.values())


def _add(
    found: dict[str, Condition],
    name: str,
    operator: str,
    value: str,
    metrics: Sequence[Metric],
) -> None:
    for metric in metrics:
        if name.lower() not in {known.lower() for known in metric.dimensions}:
            raise Wrong(
                f"Metric: {metric.name} does not support requested dimension "
                f"combination: {name.lower()}, supported ones are: "
                + (",".join(metric.dimensions) or "none")
            )
    before = found.get(name.lower())
    if before and before.operator != operator:
        raise Wrong(f"The filter asks {name} for {before.operator} and {operator}.")
    values = (*before.values, value) if before else (value,)
    found[name.lower()] = Condition(
        dimension=name.lower(), operator=operator, values=values
    )


def series(
    metric: Metric,
    cells: Iterable[Cell],
    asked: Sequence[Condition],
    times: Sequence[datetime],
    grain: timedelta,
) -> dict[tuple[str, ...], list[dict[str, float] | None]]:
    """A list of points for each set of values of the dimensions that are asked for.

    A point has average, minimum, maximum, total and count; None is one without data.
    """
    groups: dict[tuple[str, ...], dict[int, list[Cell]]] = {}
    for cell in cells:
        values = tuple(cell.dimensions.get(one.dimension, "") for one in asked)
        if all(map(Condition.holds, asked, values)):
            number = (cell.minute - times[0]) // grain if times else -1
            if 0 <= number < len(times):
                group = groups.setdefault(values, {})
                group.setdefault(number, []).append(cell)
    return {
        values: [
            point(metric.how, found[number], grain) if number in found else None
            for number in range(len(times))
        ]
        for values, found in sorted(groups.items())
    }


def point(how: How, cells: Sequence[Cell], grain: timedelta) -> dict[str, float]:
    """One value of each aggregation, of all that was measured in a grain."""
    count = sum(cell.count for cell in cells)
    total = sum(cell.total for cell in cells)
    if how == "mean":
        return {
            "average": total / count,
            "minimum": min(cell.least for cell in cells),
            "maximum": max(cell.most for cell in cells),
            "total": total,
            "count": count,
        }
    minutes: dict[datetime, float] = {}
    for cell in cells:
        minutes[cell.minute] = minutes.get(cell.minute, 0.0) + cell.total
    seconds = 60.0 if how == "a second" else 1.0
    by_minute = [value / seconds for value in minutes.values()]
    spread = len(by_minute) if how == "level" else grain / MINUTE
    return {
        "average": sum(by_minute) / spread,
        "minimum": min(by_minute),
        "maximum": max(by_minute),
        "total": sum(by_minute),
        "count": float(len(by_minute)),
    }


def definition(kind: str, metric: Metric, resource: str) -> dict[str, Any]:
    """An item of metricDefinitions."""
    base = f"{resource}/providers/microsoft.insights"
    found: dict[str, Any] = {
        "id": f"{base}/metricdefinitions/{metric.name}",
        "resourceId": resource,
        "namespace": kind,
        "category": "Resource" if metric.wide else "Traffic",
        "name": text(metric.name),
        "displayDescription": metric.text,
        "isDimensionRequired": False,
        "unit": metric.unit,
        "primaryAggregationType": "Average",
        "supportedAggregationTypes": list(AGGREGATIONS[: 3 if metric.wide else 1]),
        "metricAvailabilities": [
            {"timeGrain": grain, "retention": "P93D"} for grain in GRAINS
        ],
    }
    if metric.dimensions:
        found["dimensions"] = [text(name) for name in metric.dimensions]
    return found


def text(value: str) -> dict[str, str]:
    """Azure's localizable strings."""
    return {"value": value, "localizedValue": value}
