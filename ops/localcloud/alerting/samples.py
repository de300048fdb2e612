"""A made-up alert, as an action group is tried with."""

from datetime import datetime
from typing import Any

from ops.localcloud.alerting.payloads import stamp

WINDOW = "PT15M"


def sample(
    group: str, kind: str, id_: str, at: datetime
) -> tuple[dict[str, Any], dict[str, Any]]:
    """The common alert schema of it, and the older one.

    `kind` is the alertType of createNotifications: metricstaticthreshold,
    metricsdynamicthreshold, logalertv2... Azure: alerts-common-schema-test-action-
    definitions; it is told to be a test, and names the action group.
    """
    metric = kind.lower().startswith("metric")
    condition = {
        "metricName": "CpuUtilizationPercentage",
        "operator": "GreaterThan",
        "threshold": "90",
        "timeAggregation": "Average",
        "dimensions": [{"name": "DeploymentName", "value": "test"}],
        "metricValue": 95.0,
    }
    service = "Platform" if metric else "Log Alerts V2"
    common = {
        "schemaId": "azureMonitorCommonAlertSchema",
        "data": {
            "essentials": {
                "alertId": f"/subscriptions/{_subscription(group)}/providers/"
                f"Microsoft.AlertsManagement/alerts/{id_}",
                "alertRule": "test alert rule",
                "severity": "Sev4",
                "signalType": "Metric" if metric else "Log",
                "monitorCondition": "Fired",
                "monitoringService": service,
                "alertTargetIDs": [group.lower()],
                "configurationItems": [group.rsplit("/", 1)[-1]],
                "originAlertId": id_,
                "firedDateTime": stamp(at),
                "description": "A test notification: nothing has happened.",
                "essentialsVersion": "1.0",
                "alertContextVersion": "1.0",
            },
            "alertContext": {
                "properties": None,
                "conditionType": "SingleResourceMultipleMetricCriteria"
                if metric
                else "LogQueryCriteria",
                "condition": {
                    "windowSize": WINDOW,
                    "allOf": [condition],
                    "windowStartTime": stamp(at),
                    "windowEndTime": stamp(at),
                },
            },
            "customProperties": None,
        },
    }
    if not metric:
        return common, common
    return common, {
        "schemaId": "AzureMonitorMetricAlert",
        "data": {
            "version": "2.0",
            "properties": None,
            "status": "Activated",
            "context": {
                "timestamp": stamp(at),
                "id": group,
                "name": "test alert rule",
                "description": "A test notification: nothing has happened.",
                "conditionType": "SingleResourceMultipleMetricCriteria",
                "severity": "4",
                "condition": {"windowSize": WINDOW, "allOf": [condition]},
                "resourceId": group,
            },
        },
    }


def _subscription(group: str) -> str:
    parts = group.strip("/").split("/")
    return parts[1] if len(parts) > 1 else ""
