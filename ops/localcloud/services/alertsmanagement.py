"""Microsoft.AlertsManagement: alerts that have fired, listed, shown, acknowledged.

Azure: Alerts_GetAll, Alerts_GetById, Alerts_GetHistory, Alerts_ChangeState and
Alerts_GetSummary (2019-05-05-preview; a comment is a body's since 2025-05-25-preview).
"""

from collections import Counter
from datetime import datetime
from typing import Any

from ops.localcloud import alerts
from ops.localcloud.alerts import PROVIDER as PROVIDER
from ops.localcloud.alerts import STATES, essentials
from ops.localcloud.intervals import timespan
from ops.localcloud.records import Resource
from ops.localcloud.wire import Answer, AzureError, Call, cut

RANGES = {"1h": "PT1H", "1d": "P1D", "7d": "P7D", "30d": "P30D"}
FILTERS = (
    *("targetResource", "targetResourceName", "targetResourceGroup"),
    *("targetResourceType", "monitorService", "monitorCondition", "severity"),
    *("alertState", "alertRule"),
)
TIMES = {"api-version", "timeRange", "customTimeRange"}
LISTING = {
    *("sortBy", "sortOrder", "pageCount", "select", "$skip"),
    *("includeContext", "includeEgressConfig"),
}
ORDERS = (*FILTERS, "startDateTime", "lastModifiedDateTime")
PAGE = 25  # also the most where contexts are included
MOST_PAGE = 250
GROUPINGS: dict[str, tuple[str, ...]] = {  # and what is counted where there is none
    "severity": tuple(f"Sev{number}" for number in range(5)),
    "alertState": STATES,
    "monitorCondition": ("Fired", "Resolved"),
    "monitorService": (),
    "signalType": (),
    "alertRule": (),
}


def list_all(call: Call) -> Answer:
    """The alerts of a time, of the last day if none is named, newest change first."""
    found = _found(call, LISTING)
    order = call.query.get("sortBy", "lastModifiedDateTime")
    if order not in ORDERS:
        raise AzureError(400, "BadRequest", f"Alerts can't be sorted by '{order}'.")
    found.sort(
        key=lambda alert: str(essentials(alert)[order]),
        reverse=call.query.get("sortOrder", "desc") != "asc",
    )
    whole = call.query.get("includeContext", "").lower() == "true"
    most = _page(call, whole=whole)
    return cut(call, [_told(call, alert, whole=whole) for alert in found], most)


def summarize(call: Call) -> Answer:
    """How many alerts of a time there are, by up to four of their essentials."""
    asked = [name.strip() for name in call.query.get("groupby", "").split(",")]
    for name in asked:
        if name not in GROUPINGS:
            message = f"groupby must be of {', '.join(GROUPINGS)}, not '{name}'."
            raise AzureError(400, "BadRequest", message)
    found = _found(call, {"groupby", "includeSmartGroupsCount"})
    id_ = f"/subscriptions/{call.cloud.subscription_id}/providers/{PROVIDER}"
    body = {
        "id": f"{id_}/alertsSummary/current",
        "name": "current",
        "type": f"{PROVIDER}/alertsSummary",
        "properties": {
            "groupedby": asked[0],
            "smartGroupsCount": 0,
            "total": len(found),
            "values": _counted(found, asked),
        },
    }
    return Answer(body=body)


def _counted(found: list[Resource], groups: list[str]) -> list[dict[str, Any]]:
    name, *rest = groups
    counts = Counter(str(essentials(alert)[name]) for alert in found)
    return [
        {
            "name": value,
            "count": counts[value],
            **(_split(found, name, value, rest) if rest else {}),
        }
        for value in dict.fromkeys((*GROUPINGS[name], *sorted(counts)))
    ]


def _split(
    found: list[Resource], name: str, value: str, rest: list[str]
) -> dict[str, Any]:
    those = [alert for alert in found if str(essentials(alert)[name]) == value]
    return {"groupedby": rest[0], "values": _counted(those, rest)}


def get(call: Call) -> Answer:
    return Answer(body=_existing(call).body)


def get_history(call: Call) -> Answer:
    alert = _existing(call)
    body = {
        "id": f"{alert.body['id']}/history/default",
        "name": alert.name,
        "type": f"{PROVIDER}/alerts",
        "properties": {
            "alertId": alert.name,
            "modifications": alerts.history(call.state, alert),
        },
    }
    return Answer(body=body)


def change_state(call: Call) -> Answer:
    """What a person says of an alert; whether it is fired is not theirs to say."""
    wanted = call.query.get("newState", "")
    if wanted not in STATES:
        message = f"newState must be one of {', '.join(STATES)}, not '{wanted}'."
        raise AzureError(400, "BadRequest", message)
    comment = call.body.get("comment") or ""
    if not isinstance(comment, str):
        raise AzureError(400, "BadRequest", "comment must be a string.")
    alert = alerts.change_state(
        call.state, _existing(call), wanted, call.now, call.caller, comment
    )
    return Answer(body=alert.body)


def _found(call: Call, more: set[str]) -> list[Resource]:
    """The alerts that a query's filters let through."""
    if unknown := sorted(set(call.query) - {*FILTERS, *TIMES, *more}):
        message = f"localcloud can't list alerts by {', '.join(unknown)}."
        raise AzureError(501, "NotImplemented", message)
    start, end = _range(call)
    asked = {name: call.query[name] for name in FILTERS if name in call.query}
    return [
        alert
        for alert in alerts.kept(call.state)
        if start <= alerts.started(alert) <= end
        and all(_has(alert, name, wanted) for name, wanted in asked.items())
    ]


def _page(call: Call, *, whole: bool) -> int:
    most = PAGE if whole else MOST_PAGE
    asked = call.query.get("pageCount", str(PAGE))
    if not asked.isdecimal() or not 1 <= int(asked) <= most:
        limit = f"{most} with includeContext" if whole else str(most)
        message = f"pageCount must be from 1 to {limit}, not '{asked}'."
        raise AzureError(400, "BadRequest", message)
    return int(asked)


def _told(call: Call, alert: Resource, *, whole: bool) -> dict[str, Any]:
    """An alert in a list: its context only where it is asked for."""
    facts = essentials(alert)
    if names := call.query.get("select"):
        wanted = [name.strip() for name in names.split(",")]
        facts = {name: facts[name] for name in wanted if name in facts}
    context = alert.properties["context"] if whole else None
    properties = {**alert.properties, "essentials": facts, "context": context}
    return {**alert.body, "properties": properties}


def _existing(call: Call) -> Resource:
    alert = alerts.named(call.state, call.names["alert"])
    if alert is None:
        message = f"The alert '{call.names['alert']}' was not found."
        raise AzureError(404, "AlertNotFound", message)
    return alert


def _has(alert: Resource, name: str, wanted: str) -> bool:
    if name == "alertRule":
        return alerts.of_rule(alert, wanted)
    return str(essentials(alert)[name]).lower() == wanted.lower()


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
