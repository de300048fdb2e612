"""An in-process localcloud on which alerts of rules of ours fire."""

from ops.localcloud import alerts
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
        "rule": f"{cloud.cloud.group}{RULES}aml-ops-iris-{rule}",
        "severity": severity,
        "target": f"{cloud.cloud.workspace}/onlineEndpoints/iris",
        "description": f"{rule} of {deployment}",
        "context": {"context": {"condition": condition}},
        "custom": custom,
        **more,
    }
    return alerts.fire(cloud.state, Firing(**facts), cloud.clock.now())
