"""Writes AzureMetrics: a row a minute of each metric that a setting exports."""

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from ops.localcloud.catalog import CATALOG, DEPLOYMENTS, ENDPOINTS, Metric
from ops.localcloud.flows import METRICS, flows
from ops.localcloud.logstore import Batch, LogStore, Position, naive
from ops.localcloud.measurements import cells
from ops.localcloud.metrics import MINUTE, point
from ops.localcloud.records import Resource
from ops.localcloud.state import State

SETTLED = timedelta(seconds=3)  # after a minute, until all of it has been taken in
FARTHEST = timedelta(hours=1)  # that is made up for after a pause


class Export:
    """Exports each minute once; how far it has come is in the store."""

    def __init__(self, state: State, store: LogStore) -> None:
        self._state = state
        self._store = store

    def step(self, now: datetime) -> None:
        found = flows(self._state.of_type("diagnosticsettings"))
        end = self._state.clock.shown(now - SETTLED).replace(second=0, microsecond=0)
        for endpoint in self._state.of_type("onlineendpoints"):
            since = found.get(endpoint.id, {}).get(METRICS)
            if since is not None:
                self._endpoint(endpoint, since, end)

    def _endpoint(self, endpoint: Resource, since: datetime, end: datetime) -> None:
        source = f"metrics:{endpoint.id}"
        known = self._store.positions().get(source)
        begin = max(known.stamp if known and known.stamp else since, end - FARTHEST)
        start = begin.replace(second=0, microsecond=0)
        if start >= end:
            return
        batch = Batch(positions={source: Position(stamp=end)})
        deployments = self._state.children(endpoint.id, "deployments")
        for kind, resources in ((ENDPOINTS, [endpoint]), (DEPLOYMENTS, deployments)):
            for resource in resources:
                for metric in CATALOG[kind]:
                    if metric.exported:
                        rows = self._rows(resource, metric, start, end)
                        batch.add("AzureMetrics", list(rows))
        self._store.append(batch)

    def _rows(
        self, resource: Resource, metric: Metric, start: datetime, end: datetime
    ) -> Iterator[dict[str, Any]]:
        """A row for each minute with data, over all dimensions, as Azure exports."""
        minutes: dict[datetime, list[Any]] = {}
        for cell in cells(self._store, resource.id, metric, start, end, ()):
            minutes.setdefault(cell.minute, []).append(cell)
        parts = resource.id.split("/")
        for minute, found in sorted(minutes.items()):
            value = point(metric.how, found, MINUTE)
            yield {
                "TimeGenerated": naive(minute),
                "Resource": resource.name.upper(),
                "ResourceGroup": parts[4].upper(),
                "ResourceId": resource.id.upper(),
                "ResourceProvider": "MICROSOFT.MACHINELEARNINGSERVICES",
                "SubscriptionId": parts[2].upper(),
                "MetricName": metric.name,
                "UnitName": metric.unit,
                "TimeGrain": "PT1M",
                **{name.title(): value[name] for name in value},
                "_ResourceId": resource.id,
                "_SubscriptionId": parts[2],
            }
