"""Panels of Azure Monitor's metrics, one line a deployment."""

from collections import defaultdict
from collections.abc import Iterable
from datetime import datetime
from typing import Any

from ops import endpoints, platform
from ops.boards.metrics import COLUMNS, COUNTED
from ops.boards.model import Metric
from ops.boards.tables import Asked, Table, table
from ops.errors import OpsError
from ops.platform import Series
from ops.readings import first_line


def metrics(asked: Asked) -> Table:
    metric = asked.panel.metric
    assert metric is not None, "a panel of metrics names one"
    read = _of_endpoint if metric.of == "endpoint" else _of_deployments
    records, notes = read(asked, metric)
    records.sort(key=lambda each: (each["At"], each["DeploymentName"]))
    return table(asked, records, COLUMNS, notes)


def _of_endpoint(
    asked: Asked, metric: Metric
) -> tuple[list[dict[str, Any]], list[str]]:
    found = platform.read(
        asked.workspace,
        endpoints.path(asked.endpoint),
        metric.name,
        asked.window,
        filter="deployment eq '*'",
    )
    records = [
        {"At": at, "DeploymentName": each.dimensions.get("deployment"), "Value": value}
        for each in found
        for at, value, _ in each.points
    ]
    return records, []


def _of_deployments(
    asked: Asked, metric: Metric
) -> tuple[list[dict[str, Any]], list[str]]:
    """Deployment by deployment: one that tells nothing leaves the others be."""
    records, notes, failures = [], [], []
    there = endpoints.get(asked.workspace, asked.endpoint).deployments
    for name in filter(asked.wants, there):
        try:
            found = platform.read(
                asked.workspace,
                endpoints.path(asked.endpoint, name),
                metric.name,
                asked.window,
                filter="instanceId eq '*'",
            )
        except OpsError as error:
            failures.append(error)
            notes.append(f"{name}: {first_line(error)}")
            continue
        records += [
            {"At": at, "DeploymentName": name, "Value": value}
            for at, value in together(metric, found).items()
        ]
    if failures and not records:
        raise failures[0]
    return records, notes


def together(metric: Metric, series: Iterable[Series]) -> dict[datetime, float]:
    """The instances' values at each moment as one: their mean, highest, or sum."""
    values: dict[datetime, list[float]] = defaultdict(list)
    for each in series:
        for at, average, highest in each.points:
            values[at].append(highest if metric.aggregate == "maximum" else average)
    if metric.name == COUNTED:
        return {at: float(sum(v > 0 for v in each)) for at, each in values.items()}
    if metric.aggregate == "maximum":
        return {at: max(each) for at, each in values.items()}
    return {at: sum(each) / len(each) for at, each in values.items()}
