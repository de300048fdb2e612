"""Alert rules and processing rules as clients put them, for tests of the engine."""

from datetime import UTC, datetime

from ops.localcloud.alerting.rules import rule

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
GROUP = "/subscriptions/s/resourceGroups/rg/providers"
ENDPOINT = (
    f"{GROUP}/Microsoft.MachineLearningServices/workspaces/ws/onlineEndpoints/iris"
)
INSIGHTS = f"{GROUP}/microsoft.insights"
SERVED = "AmlOnlineEndpointTrafficLog"
FAILED = (
    f"{SERVED} | summarize failed=100.0*countif(ResponseCode >= 500)/count() "
    "by DeploymentName"
)


def log_body(name="errors", query=FAILED, measure="failed", **changes):
    """A rule on the errors of each deployment, over 5 %, each minute over 5 minutes."""
    criterion = {
        "query": query,
        "timeAggregation": changes.pop("aggregation", "Average"),
        "operator": changes.pop("operator", "GreaterThan"),
        "threshold": changes.pop("threshold", 5),
        "dimensions": changes.pop("dimensions", [split("DeploymentName")]),
        "failingPeriods": failing(*changes.pop("failing", (1, 1))),
    }
    if measure:
        criterion["metricMeasureColumn"] = measure
    properties = {
        "severity": 2,
        "enabled": True,
        "scopes": [ENDPOINT],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "autoMitigate": True,
        "criteria": {"allOf": [criterion]},
        "actions": {"actionGroups": [], "customProperties": {}},
        **changes,
    }
    type_ = "scheduledQueryRules"
    return {
        "id": f"{INSIGHTS}/{type_}/{name}",
        "name": name,
        "type": f"Microsoft.Insights/{type_}",
        "location": "local",
        "properties": properties,
    }


def metric_body(name="latency", metric="RequestLatency_P95", **changes):
    """A rule on a metric of the endpoint over 100, each minute over 5 minutes."""
    criterion = {
        "name": "one",
        "criterionType": "StaticThresholdCriterion",
        "metricName": metric,
        "operator": changes.pop("operator", "GreaterThan"),
        "threshold": 100,
        "timeAggregation": "Average",
        "dimensions": changes.pop("dimensions", []),
        **changes.pop("criterion", {}),
    }
    kind = "Microsoft.Azure.Monitor.MultipleResourceMultipleMetricCriteria"
    properties = {
        "severity": 1,
        "enabled": True,
        "scopes": [ENDPOINT],
        "evaluationFrequency": "PT1M",
        "windowSize": "PT5M",
        "criteria": {"odata.type": kind, "allOf": [criterion]},
        "actions": [],
        **changes,
    }
    return {
        "id": f"{INSIGHTS}/metricAlerts/{name}",
        "name": name,
        "type": "Microsoft.Insights/metricAlerts",
        "location": "global",
        "properties": properties,
    }


def split(name, *values, exclude=False):
    operator = "Exclude" if exclude else "Include"
    return {"name": name, "operator": operator, "values": list(values) or ["*"]}


def failing(least, of):
    return {"numberOfEvaluationPeriods": of, "minFailingPeriodsToAlert": least}


def log_rule(**changes):
    return rule(log_body(**changes))


def metric_rule(**changes):
    return rule(metric_body(**changes))
