"""Microsoft.AlertsManagement: alerts that have fired, listed, shown, acknowledged.

Azure: Alerts_GetAll, Alerts_GetById, Alerts_ChangeState (2019-05-05-preview). Nothing
fires one here but a drill that asks for it.
"""

from datetime import datetime
from typing import Any

from ops.localcloud.intervals import timespan
from ops.localcloud.records import Resource
from ops.localcloud.wire import Answer, AzureError, Call, new_guid

PROVIDER = "Microsoft.AlertsManagement"
MOST = 250  # alerts that are kept, and items of Azure's page
RANGES = {"1h": "PT1H", "1d": "P1D", "7d": "P7D", "30d": "P30D"}
STATES = ("New", "Acknowledged", "Closed")
FILTERS = (
    *("targetResource", "targetResourceName", "targetResourceGroup"),
    *("targetResourceType", "monitorService", "monitorCondition", "severity"),
    *("alertState", "alertRule"),
)
UNUSED = {"includeContext", "includeEgressConfig", "pageCount", "select"}
ORDERS = (*FILTERS, "startDateTime", "lastModifiedDateTime")


def list_all(call: Call) -> Answer:
    """The alerts of a time, of the last day if none is named, newest change first."""
    known = {*FILTERS, *UNUSED, "timeRange", "customTimeRange", "sortBy", "sortOrder"}
    if unknown := sorted(set(call.query) - known - {"api-version"}):
        message = f"localcloud can't list alerts by {', '.join(unknown)}."
        raise AzureError(501, "NotImplemented", message)
    start, end = _range(call)
    found = [
        alert
        for alert in _all(call)
        if start <= datetime.fromisoformat(_essentials(alert)["startDateTime"]) <= end
        and all(
            _has(alert, name, call.query[name])
            for name in FILTERS
            if name in call.query
        )
    ]
    order = call.query.get("sortBy", "lastModifiedDateTime")
    if order not in ORDERS:
        raise AzureError(400, "BadRequest", f"Alerts can't be sorted by '{order}'.")
    found.sort(
        key=lambda alert: str(_essentials(alert)[order]),
        reverse=call.query.get("sortOrder", "desc") != "asc",
    )
    return Answer(body={"value": [alert.body for alert in found]})


def get(call: Call) -> Answer:
    return Answer(body=_existing(call).body)


def change_state(call: Call) -> Answer:
    """What a person says of an alert; whether it is fired is not theirs to say."""
    wanted = call.query.get("newState", "")
    if wanted not in STATES:
        message = f"newState must be one of {', '.join(STATES)}, not '{wanted}'."
        raise AzureError(400, "BadRequest", message)
    alert = _existing(call)
    return Answer(body=_changed(call, alert, call.caller, alertState=wanted).body)


def fire(call: Call, rule: str, severity: int, target: str, text: str) -> Answer:
    """Fire an alert of a rule of this name on a resource."""
    id_ = new_guid()
    now = call.now.isoformat()
    kind = target.split("/providers/")[1].split("/")
    alert = {
        "id": f"/subscriptions/{call.cloud.subscription_id}/providers/{PROVIDER}"
        f"/alerts/{id_}",
        "name": id_,
        "type": f"{PROVIDER}/alerts",
        "properties": {
            "essentials": {
                "severity": f"Sev{severity}",
                "signalType": "Log",
                "alertState": "New",
                "monitorCondition": "Fired",
                "monitorService": "Log Alerts V2",
                "targetResource": target,
                "targetResourceName": target.rsplit("/", 1)[1],
                "targetResourceGroup": call.cloud.resource_group,
                "targetResourceType": "/".join([kind[0], *kind[1::2]]).lower(),
                "sourceCreatedId": new_guid(),
                "startDateTime": now,
                "lastModifiedDateTime": now,
                "lastModifiedUserName": "System",
                "monitorConditionResolvedDateTime": None,
                "description": text,
                "actionStatus": {"isSuppressed": False},
                "alertRule": f"{call.cloud.group}/providers/microsoft.insights"
                f"/scheduledqueryrules/{rule}",
            },
            "context": None,
            "egressConfig": None,
        },
    }
    call.state.put(alert)
    for old in _all(call)[:-MOST]:
        call.state.delete(old.id)
    return Answer(status=201, body=alert)


def resolve(call: Call, rule: str | None = None) -> int:
    """Resolve the fired alerts of a rule, or all; return how many there were."""
    found = [
        alert for alert in fired(call) if rule is None or _has(alert, "alertRule", rule)
    ]
    for alert in found:
        at = call.now.isoformat()
        _changed(
            call,
            alert,
            "System",
            monitorCondition="Resolved",
            monitorConditionResolvedDateTime=at,
        )
    return len(found)


def fired(call: Call) -> list[Resource]:
    """The alerts that are fired now, oldest first."""
    return [
        alert
        for alert in _all(call)
        if _essentials(alert)["monitorCondition"] == "Fired"
    ]


def _all(call: Call) -> list[Resource]:
    return call.state.of_type("alerts")


def _existing(call: Call) -> Resource:
    for alert in _all(call):
        if alert.name == call.names["alert"].lower():
            return alert
    message = f"The alert '{call.names['alert']}' was not found."
    raise AzureError(404, "AlertNotFound", message)


def _changed(call: Call, alert: Resource, who: str, **essentials: Any) -> Resource:
    body = alert.body
    body["properties"]["essentials"] |= {
        **essentials,
        "lastModifiedDateTime": call.now.isoformat(),
        "lastModifiedUserName": who,
    }
    return call.state.put(body)


def _essentials(alert: Resource) -> dict[str, Any]:
    essentials: dict[str, Any] = alert.properties["essentials"]
    return essentials


def _has(alert: Resource, name: str, wanted: str) -> bool:
    """A rule may be asked for by its id or by its name alone."""
    found = str(_essentials(alert)[name]).lower()
    return wanted.lower() in {
        found,
        found.rsplit("/", 1)[1] if name == "alertRule" else found,
    }


def _range(call: Call) -> tuple[datetime, datetime]:
    asked = call.query.get("timeRange", "1d")
    if asked not in RANGES:
        message = f"timeRange must be one of {', '.join(RANGES)}, not '{asked}'."
        raise AzureError(400, "BadRequest", message)
    try:
        span = timespan(call.query.get("customTimeRange") or RANGES[asked], call.now)
    except ValueError as problem:
        raise AzureError(400, "BadRequest", str(problem)) from None
    start, end = span or (None, None)
    if start is None or end is None:
        raise AzureError(400, "BadRequest", "customTimeRange must be start/end.")
    return start, end
