"""An endpoint that dashboards are about, and queries as the portal and Grafana send."""

from ops import slo
from ops.boards.subject import Subject

ID = (
    "/subscriptions/s/resourceGroups/rg/providers/Microsoft.MachineLearningServices"
    "/workspaces/ws/onlineEndpoints/iris"
)
IRIS = Subject(
    stage="local",
    endpoint="iris",
    endpoint_id=ID,
    deployments=("blue", "green"),
    workspace="ws",
    subscription_id="s",
    resource_group="rg",
    location="westeurope",
    log_workspace_id="/subscriptions/s/logs",
    promised=slo.load("iris"),
)
TIME = "TimeGenerated between (ago(3h) .. now())"


def replaced(kql):
    """As the portal and Grafana send it."""
    for macro, text in {
        "$__timeFilter(TimeGenerated)": TIME,
        "$__interval": "1m",
        "${deployment:doublequote}": '"blue","green"',
        "{TimeRange:grain}": "1m",
        "{Deployments}": '"blue","green"',
    }.items():
        kql = kql.replace(macro, text)
    assert "{" not in kql.replace("{.*", "")
    assert "$_" not in kql
    return kql
