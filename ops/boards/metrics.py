"""The metrics of Azure Monitor that a panel may show, and how they are split.

Azure: supported metrics of Microsoft.MachineLearningServices/workspaces/onlineEndpoints
and .../onlineEndpoints/deployments.
"""

from collections.abc import Mapping
from typing import Any

from ops import fields
from ops.boards.sources import columns
from ops.fields import Known

PROVIDER = "Microsoft.MachineLearningServices/workspaces/onlineEndpoints"
NAMESPACES = {"endpoint": PROVIDER, "deployment": f"{PROVIDER}/deployments"}
AGGREGATES = ("average", "maximum", "minimum")
COLUMNS = columns(At="datetime", DeploymentName="string", Value="real")
AVERAGE = ("average",)
# Those of an endpoint that are split by deployment: a panel is by deployment.
ENDPOINT: Mapping[str, tuple[str, ...]] = {
    "RequestsPerMinute": AVERAGE,
    "RequestLatency": AVERAGE,
    "RequestLatency_P50": AVERAGE,
    "RequestLatency_P90": AVERAGE,
    "RequestLatency_P95": AVERAGE,
    "RequestLatency_P99": AVERAGE,
}
DEPLOYMENT: Mapping[str, tuple[str, ...]] = {
    "CpuUtilizationPercentage": AGGREGATES,
    "CpuMemoryUtilizationPercentage": AGGREGATES,
    "GpuUtilizationPercentage": AGGREGATES,
    "GpuMemoryUtilizationPercentage": AGGREGATES,
    "DiskUtilization": AGGREGATES,
    "DeploymentCapacity": AGGREGATES,
}
KNOWN = {"endpoint": ENDPOINT, "deployment": DEPLOYMENT}
COUNTED = "DeploymentCapacity"  # 1 of each instance: what is asked for is their sum


def wrong(values: Mapping[str, Any]) -> list[str]:
    """What is wrong with a metric's keys taken together."""
    of, name = values.get("of", "deployment"), values.get("name", "")
    if name not in KNOWN[of]:
        known = list(KNOWN[of])
        hint = fields.near(name, known, f"allowed: {', '.join(known)}")
        return [f"{name!r} is no metric of {of}s that is shown ({hint})"]
    aggregate = values.get("aggregate", "average")
    if aggregate not in KNOWN[of][name]:
        return [f"Azure aggregates {name} by average only, not by {aggregate}"]
    return []


KEYS: Known = {
    "name": ("name", str),
    "of": ("of", fields.choice(*KNOWN)),
    "aggregate": ("aggregate", fields.choice(*AGGREGATES)),
}
