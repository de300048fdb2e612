"""Data that somebody gives to be asked about: tables, metrics, values by evaluation."""

import difflib
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from ops.localcloud.alerting.dynamic import HISTORY
from ops.localcloud.alerting.readings import Values
from ops.localcloud.alerting.rules import Condition, Dimensions, Rule
from ops.localcloud.intervals import moment
from ops.localcloud.kql import TABLES
from ops.localcloud.kql.tables import ARRIVAL
from ops.localcloud.logstore import Batch, LogStore, naive
from ops.localcloud.signals import StoredSignals

Series = tuple[list[datetime], list[float | None]]
NUMBERS = ("int", "long", "real", "decimal")


class Unfit(Exception):
    """Data that can't be asked about, and why."""


@dataclass(frozen=True, kw_only=True)
class Measured:
    """A given series of a metric."""

    resource: str
    metric: str
    dimensions: Mapping[str, str]
    points: Series


class GivenSignals:
    """Given tables, read as those of the log store are, and given metrics."""

    def __init__(self, store: LogStore, metrics: Sequence[Measured]) -> None:
        self._stored = StoredSignals(store)
        self._metrics = metrics

    def sample(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Values:
        if not condition.metric:
            return self._stored.sample(rule, condition, scope, end)
        found: dict[Dimensions, list[float]] = {}
        for dimensions, (times, told) in self._series(condition, scope):
            first = bisect_left(times, end - rule.window)
            last = bisect_left(times, end)
            values = [value for value in told[first:last] if value is not None]
            found.setdefault(dimensions, []).extend(values)
        known = {
            dimensions: _aggregated(condition.aggregation, values)
            for dimensions, values in found.items()
        }
        return known or ({} if condition.splits else {(): None})

    def history(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Mapping[Dimensions, Sequence[tuple[datetime, float]]]:
        found: dict[Dimensions, list[tuple[datetime, float]]] = {}
        for number in range(HISTORY // rule.window, 0, -1):
            at = end - rule.window * number
            for dimensions, value in self.sample(rule, condition, scope, at).items():
                if value is not None:
                    found.setdefault(dimensions, []).append((at, value))
        return found

    def _series(
        self, condition: Condition, scope: str
    ) -> list[tuple[Dimensions, Series]]:
        """The series of a metric of a resource, by what the condition splits by."""
        found = []
        for each in self._metrics:
            if (each.resource.lower(), each.metric.lower()) != (
                scope.lower(),
                condition.metric.lower(),
            ):
                continue
            told = {name.lower(): value for name, value in each.dimensions.items()}
            names = [split.name for split in condition.splits]
            dimensions = tuple((name, told.get(name.lower(), "")) for name in names)
            found.append((dimensions, each.points))
        return found


class GivenValues:
    """One value for each evaluation, which somebody has aggregated already."""

    def __init__(self, told: Mapping[str, Mapping[Dimensions, Series]]) -> None:
        self._told = told

    def sample(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Values:
        """The value of the evaluation whose window ends there."""
        found: dict[Dimensions, float | None] = {}
        for dimensions, (times, values) in self._told.get(rule.name, {}).items():
            number = bisect_right(times, end) - 1
            recent = number >= 0 and end - times[number] < rule.frequency
            found[_ordered(condition, dimensions)] = values[number] if recent else None
        return found

    def history(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Mapping[Dimensions, Sequence[tuple[datetime, float]]]:
        return {
            _ordered(condition, dimensions): [
                (at, value)
                for at, value in zip(times, values, strict=True)
                if value is not None
            ]
            for dimensions, (times, values) in self._told.get(rule.name, {}).items()
        }


def in_memory() -> LogStore:
    """A log store that nothing is left of."""
    return LogStore(Path(":memory:"), "00000000-0000-0000-0000-000000000000")


def fill(
    store: LogStore,
    tables: Mapping[str, Sequence[Mapping[str, Any]]],
    rules: Sequence[Rule],
) -> None:
    """Have a log store hold the given rows and no others; raises Unfit."""
    for name in TABLES:
        store.execute(f"DELETE FROM {name}")
    batch = Batch()
    scope = next((each.scopes[0] for each in rules if each.scopes), "")
    problems = list[str]()
    for name, rows in tables.items():
        if name not in TABLES:
            problems.append(f"there is no table {name}{_nearest(name, TABLES)}")
            continue
        known = TABLES[name]
        unknown = {column for row in rows for column in row} - known.keys()
        problems += [
            f"{name} has no column {column}{_nearest(column, known)}"
            for column in sorted(unknown)
        ]
        if not unknown and rows:
            batch.add(name, _rows(name, rows, scope, problems))
    if problems:
        raise Unfit("; ".join(problems))
    store.append(batch)


def _rows(
    table: str, rows: Sequence[Mapping[str, Any]], scope: str, problems: list[str]
) -> list[dict[str, Any]]:
    """The rows, all of the same columns: what is missing is what Kusto has for it.

    A row that names no resource is one of the scope of the rules.
    """
    columns = {column for row in rows for column in row}
    columns |= {"_ResourceId", "TimeGenerated"}
    made = []
    for number, row in enumerate(rows):
        found = {name: _value(table, name, row, scope) for name in columns}
        if found["TimeGenerated"] is None:
            problems.append(f"{table}[{number}] has no TimeGenerated")
        made.append({**found, ARRIVAL: found["TimeGenerated"]})  # taken in at once
    return made


def _value(table: str, name: str, row: Mapping[str, Any], scope: str) -> Any:
    kind, value = TABLES[table][name], row.get(name)
    if name == "_ResourceId":
        return str(value or scope).lower()
    if kind == "datetime":
        return naive(moment(str(value))) if value is not None else None
    if value is None:
        return "" if kind == "string" else None
    if kind == "string":
        return str(value)
    if kind in NUMBERS and not isinstance(value, int | float):
        raise Unfit(f"{table}: {name} must be a number, not {value!r}")
    return value


def given_metrics(told: Sequence[Mapping[str, Any]]) -> list[Measured]:
    return [
        Measured(
            resource=str(each["resource"]),
            metric=str(each["metric"]),
            dimensions=each.get("dimensions") or {},
            points=_series(each["values"]),
        )
        for each in told
    ]


def given_values(told: Sequence[Mapping[str, Any]]) -> GivenValues:
    found: dict[str, dict[Dimensions, Series]] = {}
    for each in told:
        dimensions = tuple(
            (str(name), str(value))
            for name, value in sorted((each.get("dimensions") or {}).items())
        )
        found.setdefault(str(each["rule"]), {})[dimensions] = _series(each["points"])
    return GivenValues(found)


def _series(points: Sequence[Sequence[Any]]) -> Series:
    told = sorted((moment(str(at)), value) for at, value in points)
    return [at for at, _ in told], [value for _, value in told]


def _ordered(condition: Condition, dimensions: Dimensions) -> Dimensions:
    """In the order of the rule; what it doesn't split by comes last."""
    places = {name: number for number, name in enumerate(condition.columns)}
    return tuple(sorted(dimensions, key=lambda each: places.get(each[0], len(places))))


def _aggregated(aggregation: str, values: Sequence[float]) -> float | None:
    if not values:
        return None
    return {
        "Average": sum(values) / len(values),
        "Minimum": min(values),
        "Maximum": max(values),
        "Total": sum(values),
        "Count": float(len(values)),
    }[aggregation]


def _nearest(name: str, known: Mapping[str, Any]) -> str:
    close = difflib.get_close_matches(name, known, n=1)
    return f"; did you mean {close[0]}?" if close else ""
