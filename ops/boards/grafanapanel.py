"""A panel as Grafana draws it: its type, colours, units and queries."""

from collections.abc import Iterable
from typing import Any

from ops.boards import limits, metrics, portable, words
from ops.boards.limits import Limit
from ops.boards.model import Panel
from ops.boards.portable import Words
from ops.boards.subject import Subject

SOURCE = {"type": "grafana-azure-monitor-datasource", "uid": "${source}"}
WORDS = Words(
    grain="$__interval",
    deployments="${deployment:doublequote}",
    time="$__timeFilter(TimeGenerated)",
)
MOST_POINTS = 300
TYPES = {
    "timeseries": "timeseries",
    "stat": "stat",
    "table": "table",
    "bar": "barchart",
    "histogram": "barchart",
}
UNITS = {
    "percent": "percent",
    "ms": "ms",
    "seconds": "s",
    "count": "short",
    "per_minute": "cpm",
    "times": "none",
}
COLOURS = {"critical": "red", "warning": "orange", "": "green"}
KQL = "Azure Log Analytics"


def panel(panel: Panel, subject: Subject) -> dict[str, Any]:
    if told := portable.instead(panel, subject):
        return _text(panel, told)
    found = {
        "type": TYPES[panel.kind],
        "title": panel.title,
        "description": panel.help,
        "datasource": SOURCE,
        "maxDataPoints": MOST_POINTS,
        "interval": "1m",
        "fieldConfig": {
            "defaults": _field(panel, limits.of(panel, subject.endpoint)),
            "overrides": [],
        },
        "options": _options(panel),
        "targets": _targets(panel, subject),
    }
    if panel.source == "budgets" and subject.promised:
        # Over the time that the promise is about, whatever is shown beside it.
        length = subject.promised.time_window.total_seconds()
        found["timeFrom"] = words.length(length)
    return found


def _text(panel: Panel, told: str) -> dict[str, Any]:
    return {
        "type": "text",
        "title": panel.title,
        "options": {"mode": "markdown", "content": told},
    }


def _field(panel: Panel, found: list[Limit]) -> dict[str, Any]:
    field: dict[str, Any] = {
        "unit": UNITS.get(panel.unit, "none"),
        "thresholds": {"mode": "absolute", "steps": steps(found)},
    }
    if panel.kind == "timeseries":
        style = {"thresholdsStyle": {"mode": "line"}} if found else {}
        field["custom"] = {"drawStyle": "line", "spanNulls": False, **style}
        field["displayName"] = "${__field.labels.Series}" if panel.by else ""
    if panel.kind == "stat":
        field["color"] = {"mode": "thresholds"}
    return field


def steps(found: Iterable[Limit]) -> list[dict[str, Any]]:
    """Colours from the lowest value up: what is under a limit, or over it, is bad."""
    found = list(found)
    edges = sorted({each.value for each in found})
    middles = [edge + 1e-9 for edge in edges]
    lowest = (edges[0] - 1) if edges else 0.0
    return [
        {"color": COLOURS[limits.level(found, value)], "value": edge}
        for edge, value in zip([None, *edges], [lowest, *middles], strict=True)
    ]


def _options(panel: Panel) -> dict[str, Any]:
    if panel.kind == "timeseries":
        return {"legend": {"displayMode": "list", "placement": "bottom"}}
    if panel.kind == "stat":
        every = {"calcs": ["lastNotNull"], "fields": "", "values": True}
        return {"reduceOptions": every, "colorMode": "value", "graphMode": "none"}
    if panel.kind in ("bar", "histogram"):
        return {"xField": portable.columns(panel)[0], "orientation": "vertical"}
    return {"showHeader": True}


def _targets(panel: Panel, subject: Subject) -> list[dict[str, Any]]:
    if panel.source == "metrics":
        return _metrics(panel, subject)
    kql = portable.text(panel, subject, WORDS)
    lines = panel.kind == "timeseries"
    query = {
        "query": kql,
        "resources": [subject.log_workspace_id],
        "resultFormat": "time_series" if lines else "table",
    }
    return [{**_target("A", subject), "queryType": KQL, "azureLogAnalytics": query}]


def _metrics(panel: Panel, subject: Subject) -> list[dict[str, Any]]:
    """One query a deployment: its name is the line's."""
    metric = panel.metric
    assert metric is not None, "a panel of metrics names one"
    whole = metric.of == "endpoint"
    names = [""] if whole else list(subject.deployments)
    return [
        {
            **_target(_letters(number), subject),
            "queryType": "Azure Monitor",
            "azureMonitor": {
                "metricNamespace": metrics.NAMESPACES[metric.of].lower(),
                "metricName": metric.name,
                "aggregation": metric.aggregate.capitalize(),
                "timeGrain": "auto",
                "allowedTimeGrainsMs": [],
                "resources": [_resource(name, subject)],
                "dimensionFilters": _by_deployment() if whole else [],
                "top": "",
                "alias": "{{ deployment }}" if whole else name,
            },
        }
        for number, name in enumerate(names)
    ]


def _target(letters: str, subject: Subject) -> dict[str, Any]:
    return {
        "refId": letters,
        "datasource": SOURCE,
        "subscription": subject.subscription_id,
    }


def _resource(deployment: str, subject: Subject) -> dict[str, str]:
    path = f"{subject.workspace}/{subject.endpoint}"
    return {
        "subscription": subject.subscription_id,
        "resourceGroup": subject.resource_group,
        "resourceName": f"{path}/{deployment}" if deployment else path,
        "region": subject.location,
    }


def _by_deployment() -> list[dict[str, Any]]:
    return [{"dimension": "deployment", "operator": "eq", "filters": []}]


def _letters(number: int) -> str:
    """A, B, ... Z, AA: what Grafana calls the queries of a panel."""
    first, last = divmod(number, 26)
    return (chr(64 + first) if first else "") + chr(65 + last)
