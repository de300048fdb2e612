"""An in-process localcloud on which alerts of rules of ours fire."""

from ops.localcloud import alerts
from ops.localcloud.alerting.processing import Told, processed
from ops.localcloud.alerts import Firing

RULES = "/providers/microsoft.insights/scheduledqueryrules/"


def fire(cloud, rule="errors", deployment="green", severity=1, **more):
    """An alert of a rule of ours, as the evaluator fires it."""
    condition = {
        "windowSize": "PT5M",
        "allOf": [
            {
                "operator": "GreaterThan",
                "threshold": "5",
                "metricValue": 12.4,
                "dimensions": [{"name": "DeploymentName", "value": deployment}]
                if deployment
                else [],
            }
        ],
    }
    custom = {
        "aml-ops.rule": rule,
        "aml-ops.endpoint": "iris",
        "aml-ops.unit": "%",
        "aml-ops.next": "invoke diagnose",
    }
    facts = {
        "rule": rule
        if "/" in rule
        else f"{cloud.cloud.group}{RULES}aml-ops-iris-{rule}",
        "severity": severity,
        "target": f"{cloud.cloud.workspace}/onlineEndpoints/iris",
        "description": f"{rule} of {deployment}",
        "context": {"context": {"condition": condition}},
        "custom": custom,
        **more,
    }
    return alerts.fire(cloud.state, Firing(**facts), cloud.clock.now())


def tells(cloud, rule="errors", deployment="green", severity=1, of="iris", metric=""):
    """Whether an alert that fires now tells anybody."""
    target = f"{cloud.cloud.workspace}/onlineEndpoints/{of}"
    dimension = {"name": "DeploymentName", "value": deployment}
    if metric:
        target += f"/deployments/{metric}"
    told = Told(
        rule=f"{cloud.cloud.group}{RULES}aml-ops-{of}-{rule}",
        rule_name=f"aml-ops-{of}-{rule}",
        target=target,
        severity=severity,
        signal="Log",
        service="Log Alerts V2",
        condition="Fired",
        description="",
        context={
            "condition": {
                "allOf": [{"dimensions": [dimension] if deployment else []}],
            }
        },
    )
    rules = [each.body for each in cloud.state.of_type("actionRules")]
    return not processed(rules, told, cloud.clock.now()).suppressed_by
