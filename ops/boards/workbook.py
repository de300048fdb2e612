"""A dashboard as an Azure Workbook.

Azure: workbook.schema.json and the gallery of Application-Insights-Workbooks. What
stands nowhere in Azure (a rollout's record) has a word on where to look instead.
"""

import uuid
from datetime import timedelta
from typing import Any

from ops.boards import armqueries, limits, metrics, portable
from ops.boards.limits import Limit
from ops.boards.model import UNITS, WIDE, Dashboard, Panel
from ops.boards.portable import Words
from ops.boards.subject import Subject

SCHEMA = (
    "https://github.com/Microsoft/Application-Insights-Workbooks"
    "/blob/master/schema/workbook.json"
)
LOGS = "microsoft.operationalinsights/workspaces"
TEXT, QUERY, PARAMETERS, METRICS = 1, 3, 9, 10  # types of items
KQL, ARM = 0, 12  # types of queries
TIME, LIST = 4, 2  # types of parameters
AGGREGATES = {"average": 4, "maximum": 3}
VISUAL = {
    "timeseries": "timechart",
    "stat": "table",
    "table": "table",
    "bar": "categoricalbar",
    "histogram": "categoricalbar",
}
COLOURED = 18  # a column's formatter: by thresholds
COLOURS = {"critical": "redBright", "warning": "orange", "": "green"}
RANGES = [timedelta(hours=n) for n in (1, 3, 6, 12, 24, 72, 168, 720)]
WORDS = Words(grain="{TimeRange:grain}", deployments="{Deployments}", time="")
CHOICES = """AmlOnlineEndpointTrafficLog
| where _ResourceId =~ "{id}" and DeploymentName != ""
| distinct DeploymentName
| order by DeploymentName asc"""


def document(board: Dashboard, subject: Subject) -> dict[str, Any]:
    """The notebook; the same facts make the same one, to the letter."""
    items = [
        _text("about", f"## {subject.endpoint}: {board.title}\n{board.about}"),
        _parameters(board, subject),
    ]
    for number, row in enumerate(board.rows, 1):
        items.append(_text(f"row {number}", f"### {row.title}"))
        items += [_item(panel, subject) for panel in row.panels]
    return {
        "version": "Notebook/1.0",
        "items": items,
        "fallbackResourceIds": [subject.log_workspace_id],
        "$schema": SCHEMA,
    }


def _item(panel: Panel, subject: Subject) -> dict[str, Any]:
    """A panel, by its id; two in a row stand beside each other."""
    if panel.source in armqueries.KNOWN:
        item = _query(panel, armqueries.text(panel, subject), ARM, {})
    elif words := portable.instead(panel, subject):
        item = _text(panel.id, words)
    elif panel.source == "metrics":
        item = _metrics(panel, subject)
    else:
        item = _logs(panel, subject)
    return {**item, "customWidth": f"{100 * panel.width // WIDE}"}


def _text(name: str, markdown: str) -> dict[str, Any]:
    return {"type": TEXT, "content": {"json": markdown}, "name": name}


def _parameters(board: Dashboard, subject: Subject) -> dict[str, Any]:
    chosen = list(board.variables.deployments) or ["value::all"]
    time = {
        **_parameter(board, "TimeRange", "Time range", TIME),
        "isRequired": True,
        "value": {"durationMs": _milliseconds(board.variables.range)},
        "typeSettings": {
            "selectableValues": [{"durationMs": _milliseconds(r)} for r in RANGES],
            "allowCustom": True,
        },
    }
    deployments = {
        **_parameter(board, "Deployments", "Deployments", LIST),
        "multiSelect": True,
        "quote": '"',
        "delimiter": ",",
        "query": CHOICES.format(id=subject.endpoint_id),
        "crossComponentResources": [subject.log_workspace_id],
        "queryType": KQL,
        "resourceType": LOGS,
        "timeContextFromParameter": "TimeRange",
        "value": chosen,
        "typeSettings": {
            "additionalResourceOptions": ["value::all"],
            "showDefault": False,
        },
    }
    content = {
        "version": "KqlParameterItem/1.0",
        "parameters": [time, deployments],
        "style": "pills",
        "queryType": KQL,
        "resourceType": LOGS,
    }
    return {"type": PARAMETERS, "content": content, "name": "parameters"}


def _parameter(board: Dashboard, name: str, label: str, kind: int) -> dict[str, Any]:
    return {
        "id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"aml-ops/{board.name}/{name}")),
        "version": "KqlParameterItem/1.0",
        "name": name,
        "label": label,
        "type": kind,
    }


def _logs(panel: Panel, subject: Subject) -> dict[str, Any]:
    kql = portable.text(panel, subject, WORDS)
    more: dict[str, Any] = {
        "resourceType": LOGS,
        "crossComponentResources": [subject.log_workspace_id],
        "timeContextFromParameter": "TimeRange",
    }
    if panel.source == "budgets" and subject.promised:
        # Over the time that the promise is about, whatever is shown beside it.
        length = subject.promised.time_window
        del more["timeContextFromParameter"]
        more["timeContext"] = {"durationMs": _milliseconds(length)}
    return _query(panel, kql, KQL, more | _settings(panel, subject.endpoint))


def _query(panel: Panel, query: str, kind: int, more: dict[str, Any]) -> dict[str, Any]:
    content = {
        "version": "KqlItem/1.0",
        "query": query,
        "size": 0,
        "title": title(panel),
        "noDataMessage": "There is nothing of it in this time.",
        "queryType": kind,
        "visualization": VISUAL[panel.kind],
        **more,
    }
    return {"type": QUERY, "content": content, "name": panel.id}


def _settings(panel: Panel, endpoint: str) -> dict[str, Any]:
    names = portable.columns(panel)
    if panel.kind == "timeseries":
        x, group, value = names
        return {"chartSettings": {"xAxis": x, "yAxis": [value], "group": group}}
    if panel.kind in ("bar", "histogram"):
        chart: dict[str, Any] = {"xAxis": names[0], "yAxis": list(panel.show)}
        return {"chartSettings": chart | ({"group": panel.by} if panel.by else {})}
    found = limits.of(panel, endpoint)
    return {"gridSettings": {"formatters": _formatters(panel, found)}} if found else {}


def _formatters(panel: Panel, found: list[Limit]) -> list[dict[str, Any]]:
    grid = [
        {
            "operator": ">" if each.over else "<",
            "thresholdValue": f"{each.value:g}",
            "representation": COLOURS[each.level],
            "text": "{0}{1}",
        }
        for each in sorted(found, key=lambda each: each.level)  # critical ones first
    ]
    good: dict[str, Any] = {"operator": "Default", "thresholdValue": None}
    good |= {"representation": COLOURS[""], "text": "{0}{1}"}
    options = {"thresholdsOptions": "colors", "thresholdsGrid": [*grid, good]}
    return [
        {"columnMatch": each, "formatter": COLOURED, "formatOptions": options}
        for each in panel.show
    ]


def _metrics(panel: Panel, subject: Subject) -> dict[str, Any]:
    metric = panel.metric
    assert metric is not None, "a panel of metrics names one"
    namespace = metrics.NAMESPACES[metric.of].lower()
    told: dict[str, Any] = {
        "namespace": namespace,
        "metric": f"{namespace}--{metric.name}",
        "aggregation": AGGREGATES[metric.aggregate],
    }
    if metric.of == "endpoint":
        told["splitBy"] = "deployment"
    ids = [subject.deployment_id(name) for name in subject.deployments]
    content = {
        "version": "MetricsItem/2.0",
        "chartId": f"aml-ops {panel.id}",
        "size": 0,
        "chartType": 2,  # a line
        "resourceType": namespace,
        "metricScope": 0,
        "resourceIds": [subject.endpoint_id] if metric.of == "endpoint" else ids,
        "timeContextFromParameter": "TimeRange",
        "timeContext": {"durationMs": 0},
        "metrics": [told],
        "title": title(panel),
    }
    return {"type": METRICS, "content": content, "name": panel.id}


def title(panel: Panel) -> str:
    """With the unit, which a workbook's axis does not tell."""
    unit = UNITS[panel.unit].strip()
    return f"{panel.title} ({unit})" if unit else panel.title


def _milliseconds(length: timedelta) -> int:
    return int(length.total_seconds() * 1000)
