"""Microsoft.Insights/metricAlerts (2018-03-01): metric rules, and how they stand."""

import base64
from typing import Any

from ops.localcloud import evaluations
from ops.localcloud.alerting.checkmetricrule import problems
from ops.localcloud.evaluations import Status
from ops.localcloud.services import tracked
from ops.localcloud.wire import Answer, AzureError, Call, invalid

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


def list_statuses(call: Call) -> Answer:
    """How each resource and combination of dimensions stood when last evaluated."""
    return Answer(body={"value": _statuses(call)})


def get_status(call: Call) -> Answer:
    """The one of a name, as a list all the same."""
    wanted = call.names["status"]
    found = [each for each in _statuses(call) if each["name"] == wanted]
    if not found:
        message = f"The status '{wanted}' was not found."
        raise AzureError(404, "ResourceNotFound", message)
    return Answer(body={"value": found})


def _statuses(call: Call) -> list[dict[str, Any]]:
    rule = tracked.existing(KIND, call)
    last = evaluations.last(call.state, rule.id)
    return [_told(rule.body["id"], each) for each in (last.statuses if last else ())]


def _told(rule: str, status: Status) -> dict[str, Any]:
    parts = {"resourceId": status.target, **status.dimensions}
    about = ",".join(f"{name}={value}" for name, value in parts.items())
    name = base64.urlsafe_b64encode(about.encode()).decode()
    return {
        "id": f"{rule}/status/{name}",
        "name": name,
        "type": f"{KIND.type}/status",
        "properties": {
            "dimensions": dict(status.dimensions),
            "status": status.status,
            "timestamp": status.at.isoformat(),
        },
    }


KIND = tracked.Kind(
    type="Microsoft.Insights/metricAlerts",
    path="Microsoft.Insights/metricAlerts",
    complete=complete,
    location="global",
    created=200,  # the service knows no 201
)
