"""Alert rules that are right, and what they name."""

from copy import deepcopy

GROUP = "/subscriptions/10ca1c10-0000-4000-8000-000000000000/resourceGroups/rg-local"
WORKSPACE = f"{GROUP}/providers/Microsoft.MachineLearningServices/workspaces/ws-local"
ENDPOINT = f"{WORKSPACE}/onlineEndpoints/iris"
BLUE, GREEN = (f"{ENDPOINT}/deployments/{name}" for name in ("blue", "green"))
ON_CALL = f"{GROUP}/providers/microsoft.insights/actionGroups/aml-ops-on-call"
KINDS = {
    GROUP: "group",
    ENDPOINT: "onlineendpoints",
    BLUE: "deployments",
    GREEN: "deployments",
    ON_CALL: "actiongroups",
}
FAILURES = """
AmlOnlineEndpointTrafficLog
| summarize failed_percent = 100.0 * countif(ResponseCode >= 500) / count()
    by DeploymentName
"""


def query_rule(condition=None, **changed):
    """The properties of a log rule; a field of None is left out."""
    first = {
        "query": FAILURES,
        "timeAggregation": "Average",
        "metricMeasureColumn": "failed_percent",
        "dimensions": [
            {"name": "DeploymentName", "operator": "Include", "values": ["*"]}
        ],
        "operator": "GreaterThan",
        "threshold": 5,
        "failingPeriods": {
            "numberOfEvaluationPeriods": 3,
            "minFailingPeriodsToAlert": 2,
        },
    }
    made = {
        "description": "more than 5 % of requests fail",
        "severity": 2,
        "enabled": True,
        "scopes": [ENDPOINT],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "criteria": {"allOf": [without(first, condition or {})]},
        "actions": {"actionGroups": [ON_CALL], "customProperties": {"a": "b"}},
        "autoMitigate": True,
    }
    return without(made, changed)


def metric_rule(condition=None, *, odata="Single", **changed):
    """The properties of a metric rule."""
    first = {
        "criterionType": "StaticThresholdCriterion",
        "name": "cpu",
        "metricName": "CpuUtilizationPercentage",
        "timeAggregation": "Average",
        "operator": "GreaterThan",
        "threshold": 90,
        "dimensions": [{"name": "instanceId", "operator": "Include", "values": ["*"]}],
    }
    type_ = f"Microsoft.Azure.Monitor.{odata}ResourceMultipleMetricCriteria"
    made = {
        "description": "the CPU of an instance is busy",
        "severity": 2,
        "enabled": True,
        "scopes": [BLUE],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "criteria": {
            "odata.type": type_,
            "allOf": [without(first, condition or {})],
        },
        "actions": [{"actionGroupId": ON_CALL, "webHookProperties": {"a": "b"}}],
    }
    return without(made, changed)


def dynamic(**changed):
    made = {
        "criterionType": "DynamicThresholdCriterion",
        "operator": "GreaterOrLessThan",
        "threshold": None,
        "alertSensitivity": "Medium",
        "failingPeriods": {
            "numberOfEvaluationPeriods": 4,
            "minFailingPeriodsToAlert": 4,
        },
    }
    return {**made, **changed}


def action_group(**changed):
    made = {
        "groupShortName": "on-call",
        "enabled": True,
        "webhookReceivers": [
            {"name": "desk", "serviceUri": "https://example.org/hook?code=secret"}
        ],
        "emailReceivers": [{"name": "ana", "emailAddress": "ana@example.org"}],
    }
    return without(made, changed)


def processing_rule(**changed):
    made = {
        "scopes": [ENDPOINT],
        "conditions": [
            {"field": "AlertRuleName", "operator": "Equals", "values": ["errors"]}
        ],
        "schedule": {
            "effectiveFrom": "2026-11-25T10:00:00",
            "effectiveUntil": "2026-11-25T10:30:00",
            "timeZone": "UTC",
        },
        "actions": [{"actionType": "RemoveAllActionGroups"}],
        "enabled": True,
    }
    return without(made, changed)


def without(made, changed):
    whole = {**deepcopy(made), **changed}
    return {name: value for name, value in whole.items() if value is not None}
