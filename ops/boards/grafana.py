"""A dashboard as Grafana's JSON, over its Azure Monitor data source.

Grafana: dashboard JSON model (schemaVersion 39) and grafana-azure-monitor-datasource.
What only the toolkit can read has a word on where to look instead.
"""

import uuid
from collections.abc import Iterator
from itertools import count
from typing import Any

from ops.boards import grafanapanel, workbook
from ops.boards.grafanapanel import KQL, SOURCE
from ops.boards.model import WIDE, Dashboard, Variables
from ops.boards.subject import Subject
from ops.boards.words import length

SCHEMA = 39
COLUMNS = 24  # of Grafana's grid
TALL, SHORT = 8, 5


def document(board: Dashboard, subject: Subject) -> dict[str, Any]:
    """The dashboard, to be imported; whoever imports it chooses the data source."""
    about = f"aml-ops/{subject.endpoint_id}/{board.name}".lower()
    return {
        "id": None,  # Grafana gives it one
        "uid": uuid.uuid5(uuid.NAMESPACE_URL, about).hex,
        "title": f"{subject.endpoint}: {board.title}",
        "description": board.about,
        "tags": ["aml-ops", subject.endpoint],
        "schemaVersion": SCHEMA,
        "editable": True,
        "refresh": length(board.variables.refresh.total_seconds()),
        "time": {
            "from": f"now-{length(board.variables.range.total_seconds())}",
            "to": "now",
        },
        "timezone": "utc",
        "templating": {"list": _variables(board.variables, subject)},
        "panels": list(_panels(board, subject)),
    }


def _panels(board: Dashboard, subject: Subject) -> Iterator[dict[str, Any]]:
    """Row by row, each panel behind the one before it, or below where it won't fit."""
    ids, y = count(1), 0
    for row in board.rows:
        yield {
            "id": next(ids),
            "type": "row",
            "title": row.title,
            "collapsed": False,
            "gridPos": _place(0, y, COLUMNS, 1),
            "panels": [],
        }
        x, y, tallest = 0, y + 1, 0
        for panel in row.panels:
            width = panel.width * COLUMNS // WIDE
            height = SHORT if panel.kind == "stat" else TALL
            if x + width > COLUMNS:
                x, y, tallest = 0, y + tallest, 0
            place = _place(x, y, width, height)
            yield {
                "id": next(ids),
                "gridPos": place,
                **grafanapanel.panel(panel, subject),
            }
            x, tallest = x + width, max(tallest, height)
        y += tallest


def _place(x: int, y: int, width: int, height: int) -> dict[str, int]:
    return {"h": height, "w": width, "x": x, "y": y}


def _variables(variables: Variables, subject: Subject) -> list[dict[str, Any]]:
    chosen = list(variables.deployments)
    query = {
        "refId": "A",
        "queryType": KQL,
        "subscription": subject.subscription_id,
        "azureLogAnalytics": {
            "query": workbook.CHOICES.format(id=subject.endpoint_id),
            "resources": [subject.log_workspace_id],
            "resultFormat": "table",
        },
    }
    return [
        {
            "name": "source",
            "label": "Data source",
            "type": "datasource",
            "query": SOURCE["type"],
        },
        {
            "name": "deployment",
            "label": "Deployments",
            "type": "query",
            "datasource": SOURCE,
            "query": query,
            "multi": True,
            "includeAll": True,
            "refresh": 2,  # when the time range changes
            "sort": 1,
            "current": {"text": chosen or ["All"], "value": chosen or ["$__all"]},
        },
    ]
