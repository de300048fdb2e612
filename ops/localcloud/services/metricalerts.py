"""Microsoft.Insights/metricAlerts (2018-03-01): metric rules, and how they stand."""

from typing import Any

from ops.localcloud.alerting.checkmetricrule import problems
from ops.localcloud.services import tracked
from ops.localcloud.wire import Call, invalid

MOST = 5000  # Azure: service-limits
GIVEN = (
    *("description", "severity", "enabled", "scopes", "evaluationFrequency"),
    *("windowSize", "targetResourceType", "targetResourceRegion", "criteria"),
)


def complete(call: Call, sent: dict[str, Any]) -> dict[str, Any]:
    """The properties of a rule that is kept."""
    invalid(problems(sent, kinds=lambda id_: tracked.kind_of(call, id_)))
    if sent["enabled"]:
        tracked.require_room(KIND, call, MOST)
    return {
        **{name: sent[name] for name in GIVEN if sent.get(name) is not None},
        "autoMitigate": sent.get("autoMitigate", True),
        "actions": sent.get("actions") or [],
        "lastUpdatedTime": call.now.isoformat(),
        "isMigrated": False,
    }


KIND = tracked.Kind(
    type="Microsoft.Insights/metricAlerts",
    path="Microsoft.Insights/metricAlerts",
    complete=complete,
    location="global",
    created=200,  # the service knows no 201
)
