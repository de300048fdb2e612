"""Alerts of an endpoint that have fired and are not resolved, from Azure Monitor."""

from datetime import datetime
from typing import Any
from urllib.parse import urlencode

from ops import endpoints
from ops.clients import Workspace
from ops.readings import aware
from ops.rollouts.observed import Alert

VERSION = "2019-05-05-preview"  # what azure-mgmt-alertsmanagement 1.0.1 speaks
DEPLOYMENT = "/deployments/"


def alerts(workspace: Workspace, endpoint: str, deployment: str) -> tuple[Alert, ...]:
    """Those of the endpoint itself and of one of its deployments, of the last day."""
    asked = {
        "api-version": VERSION,
        "monitorCondition": "Fired",
        "targetResourceGroup": workspace.resource_group,
        "timeRange": "1d",
    }
    below = "providers/Microsoft.AlertsManagement/alerts"
    where = f"{workspace.base_url}/subscriptions/{workspace.subscription_id}/{below}"
    target = f"{workspace.id}/{endpoints.path(endpoint)}".lower()
    ours = (target, f"{target}{DEPLOYMENT}{deployment}".lower())
    found = (
        item["properties"]["essentials"]
        for item in workspace.list(f"{where}?{urlencode(asked)}")
    )
    return tuple(
        to_alert(each)
        for each in found
        if str(each.get("targetResource")).lower() in ours
    )


def to_alert(essentials: dict[str, Any]) -> Alert:
    return Alert(
        name=str(essentials.get("alertRule") or "an alert").rsplit("/", 1)[-1],
        severity=int(str(essentials.get("severity", "Sev4")).removeprefix("Sev")),
        fired_at=aware(datetime.fromisoformat(essentials["startDateTime"])),
    )
