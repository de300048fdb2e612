"""What a workbook can ask Azure Resource Manager for, where Log Analytics has nothing.

Azure: workbooks-data-sources, "Azure Resource Manager". A query of this kind is JSON:
a path, its parameters, and a JSONPath for each column.
"""

import json
from collections.abc import Mapping
from typing import Any

from ops.boards.model import Panel
from ops.boards.subject import Subject

EVENTS = "Microsoft.Insights/eventtypes/management/values"
TIME = (
    "eventTimestamp ge '{TimeRange:startISO}' and eventTimestamp le "
    "'{TimeRange:endISO}'"
)
KNOWN = ("endpoint", "activity", "alerts", "journal")


def text(panel: Panel, subject: Subject) -> str:
    return {
        "endpoint": _deployments,
        "activity": _scaling,
        "alerts": _alerts,
        "journal": _changes,
    }[panel.source](subject)


def _deployments(subject: Subject) -> str:
    return _query(
        f"{subject.endpoint_id}/deployments",
        {"api-version": "2023-10-01"},
        "$.value",
        {
            "DeploymentName": "$.name",
            "State": "$.properties.provisioningState",
            "Instances": "$.sku.capacity",
            "InstanceType": "$.properties.instanceType",
            "Model": "$.properties.model",
        },
    )


def _scaling(subject: Subject) -> str:
    """The group's: an event names the autoscale setting, not what it scales."""
    return _query(
        f"/subscriptions/{subject.subscription_id}/providers/{EVENTS}",
        {
            "api-version": "2015-04-01",
            "$filter": f"{TIME} and resourceGroupName eq '{subject.resource_group}'",
        },
        "$.value[?(@.category.value == 'Autoscale')]",
        {
            "At": "$.eventTimestamp",
            "Setting": "$.resourceId",
            "What": "$.operationName.value",
            "Outcome": "$.status.value",
            "Text": "$.description",
        },
    )


def _alerts(subject: Subject) -> str:
    """The group's: those of deployments have the deployment for a target."""
    essentials = "$.properties.essentials"
    return _query(
        f"/subscriptions/{subject.subscription_id}"
        "/providers/Microsoft.AlertsManagement/alerts",
        {
            "api-version": "2019-05-05-preview",
            "targetResourceGroup": subject.resource_group,
            "customTimeRange": "{TimeRange:startISO}/{TimeRange:endISO}",
        },
        "$.value",
        {
            "Fired": f"{essentials}.startDateTime",
            "Resolved": f"{essentials}.monitorConditionResolvedDateTime",
            "Severity": f"{essentials}.severity",
            "Rule": f"{essentials}.alertRule",
            "Target": f"{essentials}.targetResourceName",
            "Condition": f"{essentials}.monitorCondition",
            "State": f"{essentials}.alertState",
        },
    )


def _changes(subject: Subject) -> str:
    """Of the endpoint itself: who wrote to it, which the journal says more of."""
    return _query(
        f"/subscriptions/{subject.subscription_id}/providers/{EVENTS}",
        {
            "api-version": "2015-04-01",
            "$filter": f"{TIME} and resourceUri eq '{subject.endpoint_id}'",
        },
        "$.value",
        {
            "At": "$.eventTimestamp",
            "Verb": "$.operationName.value",
            "Who": "$.caller",
            "Outcome": "$.status.value",
        },
    )


def _query(
    path: str, parameters: Mapping[str, str], rows: str, columns: Mapping[str, str]
) -> str:
    asked: dict[str, Any] = {
        "version": "ARMEndpoint/1.0",
        "data": None,
        "headers": [],
        "method": "GET",
        "path": path,
        "urlParams": [
            {"key": key, "value": value} for key, value in parameters.items()
        ],
        "batchDisabled": False,
        "transformers": [
            {
                "type": "jsonpath",
                "settings": {
                    "tablePath": rows,
                    "columns": [
                        {"path": where, "columnid": name}
                        for name, where in columns.items()
                    ],
                },
            }
        ],
    }
    return json.dumps(asked)
