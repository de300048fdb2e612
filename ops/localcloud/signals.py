"""What alert rules look at, read from the log store: windows of logs and of metrics."""

import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.alerting.dynamic import HISTORY
from ops.localcloud.alerting.queries import summarized, values
from ops.localcloud.alerting.readings import Values
from ops.localcloud.alerting.rules import Condition, Dimensions, Rule, Split
from ops.localcloud.catalog import kind_of
from ops.localcloud.logstore import LogStore
from ops.localcloud.measurements import cells
from ops.localcloud.metrics import Condition as Filter
from ops.localcloud.metrics import named, series

KEPT = 2048  # windows that were read lately: another rule may ask for the same
RELEARNED = timedelta(hours=1)  # how long learnt history serves
QUERY_SECONDS = 120.0  # a query of a rule may take no longer


class StoredSignals:
    """Reads the log store; the same window of the same query is read once."""

    def __init__(self, store: LogStore) -> None:
        self._store = store
        self._read: OrderedDict[Any, Any] = OrderedDict()
        self._lock = threading.Lock()

    def sample(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Values:
        """The aggregated values of the window that ends there.

        Raises QueryError, Unavailable, and ValueError for an unknown metric.
        """
        if condition.metric:
            return self._metric(rule, condition, scope, end)
        query, span = summarized(condition), rule.span(condition, end)
        key = (query, scope, span)
        found: Values | None = self._kept(key)
        if found is None:
            found = self._query(condition, query, scope, span, end)
            self._keep(key, found)
        return found

    def _query(
        self,
        condition: Condition,
        query: str,
        scope: str,
        span: tuple[datetime, datetime],
        end: datetime,
    ) -> Values:
        result = self._store.query(
            query,
            now=end,
            timespan=span,
            scope=None if _is_log_workspace(scope) else scope,
            seconds=QUERY_SECONDS,
        )
        return values(condition, result.tables[0])

    def _metric(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Values:
        times = [end - rule.window]
        found = self._series(rule, condition, scope, times)
        name = condition.aggregation.lower()
        told: dict[Dimensions, float | None] = {
            dimensions: points[0][name] if points[0] else None
            for dimensions, points in found.items()
        }
        return told or ({} if condition.splits else {(): None})

    def history(
        self, rule: Rule, condition: Condition, scope: str, end: datetime
    ) -> Mapping[Dimensions, Sequence[tuple[datetime, float]]]:
        """The windows of the last days, learnt anew every hour."""
        hour = end.replace(minute=0, second=0, microsecond=0)
        key = (rule.id, condition.metric, condition.aggregation, scope, hour)
        found: Mapping[Dimensions, Sequence[tuple[datetime, float]]] | None
        found = self._kept(key)
        if found is not None:
            return found
        count = HISTORY // rule.window
        times = [hour - rule.window * (count - number) for number in range(count)]
        name = condition.aggregation.lower()
        past = {
            dimensions: [
                (start + rule.window, each[name])
                for start, each in zip(times, points, strict=True)
                if each
            ]
            for dimensions, points in self._series(
                rule, condition, scope, times
            ).items()
        }
        self._keep(key, past)
        return past

    def _series(
        self, rule: Rule, condition: Condition, scope: str, times: list[datetime]
    ) -> dict[Dimensions, list[dict[str, float] | None]]:
        (metric,) = named(kind_of(scope), condition.metric)
        asked = [_filter(split) for split in condition.splits]
        end = times[-1] + rule.window
        split = [each.dimension for each in asked]
        measured = cells(self._store, scope, metric, times[0], end, split)
        found = series(metric, measured, asked, times, rule.window)
        names = [split.name for split in condition.splits]
        return {
            tuple(zip(names, told, strict=True)): points
            for told, points in found.items()
        }

    def _kept(self, key: Any) -> Any:
        with self._lock:
            if key in self._read:
                self._read.move_to_end(key)
            return self._read.get(key)

    def _keep(self, key: Any, found: Any) -> None:
        with self._lock:
            self._read[key] = found
            while len(self._read) > KEPT:
                self._read.popitem(last=False)


def _filter(split: Split) -> Filter:
    return Filter(
        dimension=split.name.lower(),
        operator="ne" if split.exclude else "eq",
        values=tuple(value.lower() for value in split.values),
    )


def _is_log_workspace(scope: str) -> bool:
    return "/microsoft.operationalinsights/workspaces/" in scope.lower()
